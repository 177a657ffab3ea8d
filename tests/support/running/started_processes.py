"""The processes that this one starts, as they are started."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

Process = tuple[str, ...]
"""The command line of a process."""

_listeners: list[list[Process]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        for listener in _listeners:
            listener.append(tuple(map(str, arguments[1])))


sys.addaudithook(_hear)


@contextmanager
def heard() -> Generator[list[Process]]:
    """Yield a list that gets the command line of each process that is started meanwhile."""
    listener: list[Process] = []
    _listeners.append(listener)
    try:
        yield listener
    finally:
        _listeners.remove(listener)
