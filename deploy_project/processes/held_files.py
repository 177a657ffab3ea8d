"""Lock files asked about: whether a living process holds one. Imports nothing, for the daemon."""

import fcntl
import os
from pathlib import Path


def is_locked(file: Path) -> bool | None:
    """Return whether a living process holds the lock `file`; None when there is no such file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
