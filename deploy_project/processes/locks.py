"""Waiting for a lock file that another process holds."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from deploy_project.processes import deadlines
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.signals import held_signals

_LOOK_SECONDS = 0.5


@contextmanager
def locked(path: Path, *, seconds: float) -> Generator[None]:
    """Hold the lock file `path` alone.

    Raises `Stopped` when it was not to be had within `seconds`, by the deadline, or before this
    process was told to end.
    """
    with _acquired(path, deadlines.limited(seconds)):
        yield


def _acquired(path: Path, seconds: float) -> BaseFileLock:
    lock, begun = FileLock(path), time.monotonic()
    with held_signals() as let_signals_through:
        while True:
            left = max(0.0, begun + seconds - time.monotonic())
            try:
                lock.acquire(timeout=min(left, _LOOK_SECONDS))
            except Timeout:
                if let_signals_through() or left == 0:
                    waited = time.monotonic() - begun
                    raise Stopped(f"waited {waited:.0f} seconds") from None
            else:
                break
    return lock
