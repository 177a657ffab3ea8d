"""Waiting for a lock, and what may end it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from deploy_project.processes import deadlines
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.locks import locked

HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Generator[Path]:
    """A lock that another process holds."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield path
        holder.communicate()


def test_a_lock_that_is_free_is_held(tmp_path: Path):
    with (
        locked(tmp_path / "lock", seconds=300),
        pytest.raises(Stopped, match="waited 0 seconds"),
        locked(tmp_path / "lock", seconds=0),
    ):
        pass
    with locked(tmp_path / "lock", seconds=0):
        pass


def test_the_deadline_ends_the_waiting(lock: Path):
    """A run whose time was up waited for an hour for another one's fetch."""
    with (
        deadlines.within(2),
        pytest.raises(Stopped, match=r"waited \d+ seconds"),
        locked(lock, seconds=3600),
    ):
        pass


def test_being_told_to_end_ends_the_waiting(lock: Path):
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    timer = threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(Stopped, match="waited"), locked(lock, seconds=3600):
            pass
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert noted == [signal.SIGINT]
