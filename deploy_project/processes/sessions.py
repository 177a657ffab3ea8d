"""The processes of a program's session, read from /proc, killed and watched; Linux only.

Elsewhere nothing is found: its process group alone is ended, and nobody listens to it.
"""

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
SILENCE_SECONDS = 60
"""A remote that sends git nothing for so long is gone."""
_BUSY = 0.05
"""Of the time: a program that waits for the network wakes up often, and computes less than that."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A process as the kernel has it now."""

    pid: int
    name: str
    parent: int
    session: int
    cpu_seconds: float
    pages: int
    """Its resident memory, in pages."""
    started: int
    """The start time in the kernel's ticks; with the id, it is unique."""

    @property
    def moved(self) -> int | None:
        """The bytes that it has read and written; None when it is gone or somebody else's."""
        try:
            lines = (_PROC / str(self.pid) / "io").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        return sum(int(line.split()[1]) for line in lines if line[:6] in ("rchar:", "wchar:"))


def members(leader: int) -> list[Process]:
    """Return the processes of the session of `leader`, and all that they have started.

    A process that has left the session is found as long as those between the two are alive.
    """
    everybody = list(_everybody())
    found = {each.pid: each for each in everybody if leader in (each.pid, each.session)}
    grows = True
    while grows:
        new = {e.pid: e for e in everybody if e.parent in found and e.pid not in found}
        found |= new
        grows = bool(new)
    return list(found.values())


def kill(leader: int, *, known: Collection[Process] = ()) -> None:
    """Kill the process group of `leader`, all that it has started, and those `known` earlier."""
    found = members(leader)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for each in {*found, *_alive(known)}:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, signal.SIGKILL)


class Watch:
    """A watch for the silence of a session's processes that are called `name…`."""

    def __init__(self, leader: int, name: str, patience: float) -> None:
        self._leader, self._name, self._patience = leader, name, patience
        self._looked = self._heard = time.monotonic()
        self._moved: dict[int, int | None] = {}
        self._computed, self._pages = 0.0, 0

    def is_silent(self) -> bool:
        """Return whether none of them has read, written or computed for all the patience.

        Computing counts, for git works without a word when it resolves deltas; so does growing, for
        no counter tells what curl gathers in memory. What ssh does to keep a connection does not
        count: git hears nothing of it.
        """
        now = time.monotonic()
        if now - self._looked < self._patience / 12:
            return False
        self._looked = now
        if self._is_alive():
            self._heard = now
        return now - self._heard >= self._patience

    def kill(self) -> None:
        """Kill the watched processes, and nothing else."""
        for each in self._found():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, signal.SIGKILL)

    def _found(self) -> list[Process]:
        return [each for each in members(self._leader) if each.name.startswith(self._name)]

    def _is_alive(self) -> bool:
        """Return whether anything has happened since the last call that returned True."""
        found = self._found()
        moved = {each.pid: each.moved for each in found}
        computed = sum(each.cpu_seconds for each in found)
        pages = sum(each.pages for each in found)
        is_busy = computed - self._computed >= _BUSY * self._patience
        is_known = bool(moved) and None not in moved.values()
        if is_known and moved == self._moved and not is_busy and pages <= self._pages:
            return False
        self._moved, self._computed, self._pages = moved, computed, pages
        return True


def _alive(known: Collection[Process]) -> Iterator[Process]:
    for each in known:
        now = _process(each.pid)
        if now is not None and now.started == each.started:
            yield now


def _everybody() -> Iterator[Process]:
    names = os.listdir(_PROC) if _PROC.is_dir() else []
    for found in (_process(int(name)) for name in names if name.isdecimal()):
        if found is not None:
            yield found


def _process(pid: int) -> Process | None:
    """Return the process unless it has ended, or only waits for its parent to hear that."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    head, _, tail = text.rpartition(")")  # the name may hold anything
    values = tail.split()
    if values[0] == "Z":
        return None
    return Process(
        pid=pid,
        name=head.partition("(")[2],
        parent=int(values[1]),
        session=int(values[3]),
        cpu_seconds=(int(values[11]) + int(values[12])) / _TICKS,
        pages=int(values[21]),
        started=int(values[19]),
    )
