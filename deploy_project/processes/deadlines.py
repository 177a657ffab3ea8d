"""The deadline for all waiting in a block of code: a run's time, or a sensor tick's.

A context and no argument: a dozen functions of git, dbt and releases lie between a step and the
program or lock that it waits for, and one that forgot to hand it on would wait for an hour.
"""

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):  # noqa: N818 - callers make an error of it
    """Something was ended, or given up, because its time was up or this process was told to end."""

    def __init__(self, why: str, messages: bytes = b"") -> None:
        super().__init__(why)
        self.messages = messages
        """The messages of a program until then."""


_ends = ContextVar("ends", default=math.inf)  # on the clock that nobody can set


@contextmanager
def within(seconds: float | None) -> Generator[None]:
    """Have all waiting in this block, and in this thread, end within `seconds`.

    None sets no limit of its own; no block lasts longer than the one around it.
    """
    ends = math.inf if seconds is None else time.monotonic() + seconds
    token = _ends.set(min(ends, _ends.get()))
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float:
    """Return the seconds left until the deadline; infinite without one."""
    return max(0.0, _ends.get() - time.monotonic())


def limited(seconds: float) -> float:
    """Return `seconds`, or less where the deadline comes earlier."""
    return min(seconds, seconds_left())


def is_over() -> bool:
    """Return whether the deadline has passed."""
    return seconds_left() == 0
