"""Waiting for what other processes do, on a machine that may have much else to do."""

import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds; a wait ends as soon as what it waits for has come."""


def wait(
    found: Callable[[], T],
    *,
    otherwise: Callable[[], object] = lambda: "it has not come",
    seconds: float = PATIENCE,
    every: float = 0.05,
) -> T:
    """Return what `found` returns as soon as that is true; else fail with `otherwise`."""
    end = time.monotonic() + seconds
    while not (last := found()):
        assert time.monotonic() < end, f"not within {seconds} s: {otherwise()}"
        time.sleep(every)
    return last


def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int:
    """The exit code of a process, once it has ended by itself; one that does not is killed."""
    try:
        return process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
