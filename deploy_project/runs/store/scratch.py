"""Scratch space of runs: held while the run's process lives, reclaimed once it is gone."""

import fcntl
import os
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from deploy_project.dbt.processes.left_behind import make_plain
from deploy_project.errors import DbtError
from deploy_project.processes.held_files import is_locked

RECLAIM_AFTER = timedelta(days=1)
"""Long enough for people to look at the files of a killed run."""
_ALIVE = "alive"
_held: dict[Path, int] = {}


def hold(work: Path) -> None:
    """Keep `work`, which exists, from being reclaimed until `free` or the end of this process.

    The kernel drops the lock however the process ends; dbt does not inherit it.
    """
    if work not in _held:
        descriptor = os.open(work / _ALIVE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[work] = descriptor


def free(work: Path) -> None:
    """Delete `work`, and drop this process's hold on it."""
    _delete(work)
    descriptor = _held.pop(work, None)
    if descriptor is not None:
        os.close(descriptor)


def reclaim(all_work: Path, *, older_than: timedelta = RECLAIM_AFTER) -> list[str]:
    """Delete the directories in `all_work` that nobody holds and nobody has touched for long.

    Returns their names.
    """
    before = time.time() - older_than.total_seconds()
    reclaimed: list[str] = []
    for work in sorted(all_work.iterdir()) if all_work.is_dir() else ():
        with suppress(FileNotFoundError):  # another process reclaims too
            if work.stat().st_mtime <= before and not is_held(work):
                _delete(work)
                reclaimed.append(work.name)
    return reclaimed


def _delete(work: Path) -> None:
    try:
        shutil.rmtree(work, ignore_errors=True)
    except RecursionError:  # a pull request's run was killed, and has left a deep directory
        with suppress(DbtError):
            make_plain([], unread=[work])
        shutil.rmtree(work, ignore_errors=True)


def is_held(work: Path) -> bool:
    """Whether a process on this machine holds `work`, this one included."""
    return bool(is_locked(work / _ALIVE))  # without one it is older than its process, or no run's
