"""The process of a run: started once, known to live or to be dead, signalled only if it is it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy_project.orchestration.processes import workers
from deploy_project.orchestration.processes.workers import Worker, reclaim
from tests.support.waiting import ended, wait

pytestmark = pytest.mark.slow

SLEEP = [sys.executable, "-S", "-c", "import time; print('awake', flush=True); time.sleep(600)"]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "workers" / "run")


def started(worker: Worker, command: list[str] = SLEEP) -> subprocess.Popen[bytes]:
    process = worker.start(command, os.environ)
    assert process is not None
    return process


def killed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_a_process_is_alive_until_it_is_killed(worker: Worker):
    assert worker.is_alive() is None
    process = started(worker)
    assert worker.is_alive() is True
    assert os.getsid(process.pid) == process.pid, "it outlives the session that has started it"
    wait(lambda: worker.log.read_text() == "awake\n")
    killed(process)
    assert worker.is_alive() is False


def test_what_the_process_has_started_does_not_keep_it_alive(worker: Worker):
    starts = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    process = started(worker, [sys.executable, "-c", starts])
    process.wait()
    left = int(worker.log.read_text())
    try:
        assert worker.is_alive() is False
    finally:
        os.kill(left, signal.SIGKILL)


def test_a_run_is_started_only_once(worker: Worker):
    """Two daemons have taken the same run from the queue."""
    process = started(worker)
    assert worker.start(SLEEP, os.environ) is None
    killed(process)
    assert worker.start(SLEEP, os.environ) is None, "nor again once it is dead"


def test_a_process_that_could_not_be_started_leaves_nothing_behind(worker: Worker):
    with pytest.raises(FileNotFoundError):
        worker.start(["/nowhere/python"], os.environ)
    assert worker.is_alive() is None


def test_a_signal_reaches_the_living_process(worker: Worker):
    process = started(worker)
    wait(lambda: bool(worker.log.read_text()))
    assert worker.signal(signal.SIGINT)
    assert ended(process) != 0
    assert not worker.signal(signal.SIGINT)


def test_no_signal_goes_to_a_process_that_has_only_the_same_number(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sent: list[int] = []

    def note(number: int, _: int) -> None:
        sent.append(number)

    process = started(worker)
    number = process.pid
    killed(process)
    monkeypatch.setattr(os, "kill", note)
    assert not worker.signal(signal.SIGINT), f"{number} may be somebody else by now"
    assert sent == []


def test_no_signal_goes_to_another_container(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    process = started(worker)
    monkeypatch.setattr(workers, "here", lambda: "another-container")
    assert worker.is_alive() is True, "that a lock is held is seen from everywhere"
    assert not worker.signal(signal.SIGINT)
    killed(process)


def test_a_run_in_this_process_is_held_and_released(worker: Worker):
    with worker.held():
        assert worker.is_alive() is True
        assert json.loads((worker.directory / "alive").read_text())["pid"] == os.getpid()
        with worker.held():  # the launcher has done so before
            assert worker.is_alive() is True
        assert worker.is_alive() is True
    assert worker.is_alive() is None


def test_files_of_long_dead_processes_are_reclaimed(worker: Worker):
    living, dead = Worker(worker.directory / "living"), Worker(worker.directory / "dead")
    process = started(living)
    killed(started(dead))
    recent = Worker(worker.directory / "recent")
    killed(started(recent))
    for each in (living, dead):
        os.utime(each.directory, (0, 0))
    reclaim(worker.directory)
    assert {each.name for each in worker.directory.iterdir()} == {"living", "recent"}
    killed(process)
