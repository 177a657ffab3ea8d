"""Locks between processes; the kernel drops them when their holder dies, however it dies."""

import fcntl
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from deploy_project.errors import GitError
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.locks import locked

PATIENCE = 3600
"""Seconds to wait for another process, which may be fetching a large repository."""


class Busy(Exception):  # noqa: N818 - an answer, not an error
    """Another process holds the lock; nobody outside this package sees it."""


@contextmanager
def exclusive(path: Path, *, purpose: str) -> Generator[None, None, None]:
    """Hold the lock file `path` alone, waiting for it.

    Raises `GitError` after an hour, or at the deadline.
    """
    held = ExitStack()
    try:
        held.enter_context(locked(path, seconds=PATIENCE))
    except Stopped as stopped:
        raise GitError(
            f"{stopped} to {purpose}: another process still holds {str(path)!r}; end that "
            "process, or wait for it and try again"
        ) from None
    with held:
        yield


@contextmanager
def at_once(path: Path) -> Generator[None, None, None]:
    """Hold the lock file `path` alone; raise `Busy` when somebody holds it now."""
    try:
        lock = FileLock(path, timeout=0).acquire()
    except Timeout:
        raise Busy from None
    with lock:
        yield


@contextmanager
def shared(path: Path) -> Generator[int, None, None]:
    """Hold the lock file `path`, shared with other processes; yield its descriptor.

    Raises `FileNotFoundError` when `path` is gone, also when it went while we waited.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise FileNotFoundError(path)
        yield descriptor
    finally:
        os.close(descriptor)
