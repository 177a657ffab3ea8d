"""The run launcher with real processes: a run ends when its process does, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from deploy_project.orchestration.processes import launcher, workers
from deploy_project.orchestration.processes.workers import Worker, worker_of
from deploy_project.orchestration.triggers.lost import start_lost
from tests.support.deployments.dagster_jobs import ORIGIN
from tests.support.waiting import wait

pytestmark = pytest.mark.slow

CONFIGURED = {
    "run_launcher": {
        "module": "deploy_project.instance",
        "class": "ProcessLauncher",
    },
    "run_monitoring": {"enabled": True},
}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides=CONFIGURED) as made:
        yield made


def waiting() -> dg.JobDefinition:
    """Waits until the file that its tag names is gone."""

    @dg.op
    def wait(context: dg.OpExecutionContext) -> None:
        print("waiting", flush=True)
        while Path(context.run.tags["file"]).exists():
            time.sleep(0.1)

    @dg.job(executor_def=dg.in_process_executor)
    def waits() -> None:
        wait()

    return waits


def created(instance: dg.DagsterInstance, file: Path) -> dg.DagsterRun:
    """A run that waits for `file` to go, and is about to be launched."""
    file.touch()
    job: Any = dg.build_reconstructable_job(__name__, waiting.__name__)
    return instance.create_run_for_job(
        waiting(),
        tags={"file": str(file)},
        remote_job_origin=cast(Any, ORIGIN),
        job_code_origin=job.get_python_origin(),
        status=dg.DagsterRunStatus.NOT_STARTED,
    )


def launched(instance: dg.DagsterInstance, file: Path) -> dg.DagsterRun:
    """A run that has been launched and waits for `file` to go."""
    run = created(instance, file)
    instance.launch_run(run.run_id, cast(Any, None))
    eventually(lambda: status(instance, run) == "STARTED", instance, run)
    return run


def eventually(holds: Callable[[], bool], instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    log = worker_of(instance, run.run_id).log
    wait(
        holds,
        otherwise=lambda: log.read_text() if log.exists() else status(instance, run),
        every=0.1,
    )


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def said(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    return "\n".join(entry.message for entry in instance.all_logs(run.run_id))


def process_of(worker: Worker) -> int:
    """The one that holds the lock; what it forks holds it, too, until it is another program."""

    def alone() -> int | None:
        found = _holders(worker)
        return found[0] if len(found) == 1 else None

    return wait(alone, every=0.1) or 0


def _holders(worker: Worker) -> list[int]:
    return [
        int(each.name)
        for each in Path("/proc").glob("[0-9]*")
        if any(_is(link, worker) for link in _descriptors(each))
    ]


def _descriptors(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:
        return []


def _is(link: Path, worker: Worker) -> bool:
    try:
        return link.readlink() == worker.directory / "alive"
    except OSError:
        return False


def test_a_run_succeeds_and_its_files_go(instance: dg.DagsterInstance, tmp_path: Path):
    run = launched(instance, tmp_path / "file")
    worker = worker_of(instance, run.run_id)
    assert instance.run_launcher.check_run_worker_health(run).status.value == "RUNNING"
    (tmp_path / "file").unlink()
    eventually(lambda: status(instance, run) == "SUCCESS", instance, run)
    eventually(lambda: not worker.directory.exists(), instance, run)


def test_a_run_whose_process_is_killed_fails(instance: dg.DagsterInstance, tmp_path: Path):
    run = launched(instance, tmp_path / "file")
    worker = worker_of(instance, run.run_id)
    number = process_of(worker)
    shown = Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
    assert shown[1:] == ["-m", "dagster", "api", "execute_run", ""], "the instance has passwords"
    os.kill(number, signal.SIGKILL)
    eventually(lambda: status(instance, run) == "FAILURE", instance, run)
    assert "The process of this run has ended by SIGKILL: it was killed," in said(instance, run)
    assert "RUN_START" in worker.log.read_text()
    assert not Path(f"/proc/{number}").exists(), "it would be a zombie"


def test_a_cancelled_run_interrupts_its_process(instance: dg.DagsterInstance, tmp_path: Path):
    run = launched(instance, tmp_path / "file")
    assert instance.run_launcher.terminate(run.run_id)
    eventually(lambda: status(instance, run) == "CANCELED", instance, run)
    assert not instance.run_launcher.terminate(run.run_id), "it has ended"


def test_a_process_that_goes_on_after_its_run_is_killed(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Somebody has marked the run as cancelled, or run monitoring has."""
    monkeypatch.setattr(launcher, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(launcher, "_LOOK_SECONDS", 0.2)
    run = launched(instance, tmp_path / "file")
    worker = worker_of(instance, run.run_id)
    instance.report_run_canceled(run)
    eventually(lambda: worker.is_alive() is False, instance, run)
    assert status(instance, run) == "CANCELED"


def test_a_process_that_cannot_start_a_run_fails_it(instance: dg.DagsterInstance, tmp_path: Path):
    """Else the run would be starting until run monitoring gives up."""
    run = created(instance, tmp_path / "file")
    worker = worker_of(instance, run.run_id)
    lost: Any = instance.run_launcher
    process = worker.start([sys.executable, "-c", "raise SystemExit(3)"], os.environ)
    assert process is not None
    lost._look_after(run.run_id, worker, process)
    assert status(instance, run) == "FAILURE"
    assert "has ended by exit code 3" in said(instance, run)


@pytest.mark.parametrize(
    ("state", "health", "problem"),
    [
        ("alive", "RUNNING", ""),
        ("dead", "FAILED", "The process of this run has ended without a word: it was killed"),
        ("unknown", "RUNNING", ""),
    ],
)
def test_the_health_of_a_run_that_was_launched_by_an_earlier_daemon(
    instance: dg.DagsterInstance, tmp_path: Path, state: str, health: str, problem: str
):
    """One of which nothing is known was launched by another launcher, or on another machine."""
    run = created(instance, tmp_path / "file")
    process = None
    if state != "unknown":
        process = worker_of(instance, run.run_id).start(["sleep", "600"], os.environ)
        assert process is not None
    if process and state == "dead":
        process.kill()
        process.wait()
    found = instance.run_launcher.check_run_worker_health(run)
    assert found.status.value == health
    assert (found.msg or "").startswith(problem)
    assert bool(found.msg) == bool(problem)
    if process and state == "alive":
        process.kill()
        process.wait()


def test_cancelling_a_run_whose_process_is_dead_ends_it_at_once(
    instance: dg.DagsterInstance, tmp_path: Path
):
    run = created(instance, tmp_path / "file")
    process = worker_of(instance, run.run_id).start(["true"], os.environ)
    assert process is not None
    process.wait()
    assert instance.run_launcher.terminate(run.run_id)
    assert status(instance, run) == "CANCELED"


def test_a_run_on_another_machine_is_not_interrupted(instance: dg.DagsterInstance, tmp_path: Path):
    run = created(instance, tmp_path / "file")
    assert not instance.run_launcher.terminate(run.run_id)
    assert "the daemon that has started it interrupts it" in said(instance, run)


def test_a_run_that_is_cancelled_in_another_container_is_interrupted_by_who_started_it(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The webserver has a container of its own, and no process of the daemon's is in its reach."""
    monkeypatch.setattr(launcher, "_LOOK_SECONDS", 0.2)
    run = launched(instance, tmp_path / "file")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(workers, "here", lambda: "another container")
        assert not instance.run_launcher.terminate(run.run_id)
    eventually(lambda: status(instance, run) == "CANCELED", instance, run)


def taken(instance: dg.DagsterInstance, file: Path) -> dg.DagsterRun:
    """A run that a daemon has taken from the queue; it has been killed since."""
    run = created(instance, file)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_STARTING.value, run.job_name)
    instance.report_dagster_event(event, run.run_id)
    return run


def test_a_run_whose_daemon_was_killed_before_it_had_started_it_starts_once(
    instance: dg.DagsterInstance, tmp_path: Path
):
    """It held its job's place for three minutes, and then failed without having run."""
    run = taken(instance, tmp_path / "file")
    assert status(instance, run) == "STARTING"
    assert start_lost(instance, now=datetime.now(UTC)) == [], "its daemon may be about to start it"
    later = datetime.now(UTC) + timedelta(minutes=1)
    (line,) = start_lost(instance, now=later)
    assert run.run_id in line
    assert start_lost(instance, now=later) == []
    eventually(lambda: status(instance, run) == "STARTED", instance, run)
    (tmp_path / "file").unlink()
    eventually(lambda: status(instance, run) == "SUCCESS", instance, run)
    assert said(instance, run).count("; what it prints is in ") == 1


def test_a_run_that_was_started_on_another_machine_is_not_started_again(
    instance: dg.DagsterInstance, tmp_path: Path
):
    """A code server without the daemon's disk did not see its process, and started a second one."""
    run = taken(instance, tmp_path / "file")
    instance.report_engine_event("Started process 4711", run)
    assert start_lost(instance, now=datetime.now(UTC) + timedelta(minutes=1)) == []


def test_runs_of_another_launcher_are_not_started(tmp_path: Path):
    with dg.instance_for_test() as instance:
        taken(instance, tmp_path / "file")
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert start_lost(instance, now=later) == []


def test_what_dagster_yaml_names_needs_nothing_of_the_deployment():
    """The daemon and the webserver import it, also where dbt and git are not installed."""
    code = (
        "import sys, deploy_project.instance; "
        "print(*sorted(m for m in sys.modules if m.startswith('deploy_project')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [
        "deploy_project",
        "deploy_project.instance",
        "deploy_project.orchestration",
        "deploy_project.orchestration.internals",
        "deploy_project.orchestration.internals.launching",
        "deploy_project.orchestration.internals.run_process",
        "deploy_project.orchestration.internals.sqlite",
        "deploy_project.orchestration.processes",
        "deploy_project.orchestration.processes.asked",
        "deploy_project.orchestration.processes.launcher",
        "deploy_project.orchestration.processes.storage",
        "deploy_project.orchestration.processes.workers",
        "deploy_project.processes",
        "deploy_project.processes.held_files",
    ]
