"""The logs of a run's steps, read while they grow or once they are kept."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from uuid import UUID

from upath import UPath

from deploy_project.config.state import StateDirectory
from deploy_project.runs.store import transfer
from deploy_project.runs.store.artifacts import Artifacts

CONSOLE, DEBUG = "console.log", "dbt.log"
CHUNK = 1 << 20
"""Bytes that are in memory at once, however much a step has logged."""
LEFT_OUT = "… the beginning of this log is left out"
_STEP = re.compile(r"(?P<index>\d{2,})-[a-z0-9_-]+")


def log_of_step(
    run_id: str,
    directory: str,
    file: str,
    state: StateDirectory,
    artifacts: Artifacts,
    *,
    most: int,
    lines: int | None = None,
    shown: Callable[[str], str],
) -> str:
    """Return the end of a step's log, at most so many bytes and lines; empty when it has none.

    Its first line says that the beginning is left out, where it is. `shown` converts the text of
    a step in progress, whose debug log is scrubbed only when it ends.
    """
    kept, work = artifacts.run(run_id) / directory, UPath(state.work(run_id)) / "steps" / directory
    for place in (kept, work):
        with suppress(FileNotFoundError), transfer.opened(place / file) as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - most))
            content: bytes = stream.read(most)
            text = content.decode("utf-8", errors="replace")
            if size > most:
                text = text.partition("\n")[2]
            if place is work:
                text = shown(text)
            return _end(text, lines, is_whole=size <= most)
    return ""


def _end(text: str, lines: int | None, *, is_whole: bool) -> str:
    found = text.splitlines(keepends=True) if lines is not None else []
    if lines is not None and len(found) > lines:
        text, is_whole = "".join(found[-lines:]), False
    return text if is_whole else f"{LEFT_OUT}\n{text}"


class Tail:
    """The unread text in the logs of one run's steps."""

    def __init__(
        self,
        run_id: str,
        state: StateDirectory,
        artifacts: Artifacts,
        *,
        file: str = CONSOLE,
        step: int | None = None,
        shown: Callable[[str], str] = str,
    ) -> None:
        """`shown` converts each text: a debug log is scrubbed only when its step ends."""
        run_id = str(UUID(run_id))  # it becomes a path
        self._work = UPath(state.work(run_id)) / "steps"
        self._kept = artifacts.run(run_id)
        self._file = file
        self._step = step
        self._shown = shown
        self._read: dict[str, int] = {}
        self._done: set[str] = set()
        self._left_out: dict[str, bool] = {}

    def steps(self) -> dict[int, str]:
        """Return the steps that have begun, by their number: `{4: "04-dbt-build"}`."""
        # A step moves from work to kept: looked at in this order, it is in one of them at least.
        names = {name for place in (self._work, self._kept) for name in _names(place)}
        found = {int(match["index"]): match[0] for match in map(_STEP.fullmatch, names) if match}
        return {index: found[index] for index in sorted(found)}

    def new(self) -> Iterator[str]:
        """Yield the text written since the last call, step after step, a few whole lines a time."""
        found = self.steps()
        for index, name in found.items():
            if name not in self._done and self._is_due(index, found):
                yield from self._new(name)

    def _is_due(self, index: int, found: Mapping[int, str]) -> bool:
        """Return whether it is a step's turn to be read.

        The logs of the steps that a retry leaves out are there before it begins: each comes when
        the run has got there.
        """
        if self._step is not None:
            return index == self._step
        if not self._is_left_out(found[index]):
            return True
        is_passed = any(
            later > index and not self._is_left_out(name) for later, name in found.items()
        )
        return is_passed or all(found.get(before) in self._done for before in range(1, index))

    def _is_left_out(self, name: str) -> bool:
        """Return whether another run has done a step."""
        if name not in self._left_out:
            for place in (self._kept, self._work):
                with suppress(FileNotFoundError, ValueError):
                    record = json.loads((place / name / "step.json").read_bytes())
                    self._left_out[name] = bool(record.get("done_by"))
        return self._left_out.get(name, False)

    def _new(self, name: str) -> Iterator[str]:
        ended = (self._kept / name / "step.json").exists()  # it comes last: the rest is whole
        while lines := _lines(self._content(name, self._read.get(name, 0)), ended=ended):
            if self._file == DEBUG and name not in self._read:
                yield f"=== {name}\n"  # dbt's debug log does not say which step it is of
            self._read[name] = self._read.get(name, 0) + len(lines)
            yield self._shown(lines.decode("utf-8", errors="replace"))
        if ended:
            self._done.add(name)

    def _content(self, name: str, start: int) -> bytes:
        for place in (self._work, self._kept):
            file = place / name / self._file
            with suppress(FileNotFoundError), transfer.opened(file) as stream:
                stream.seek(start)
                return stream.read(CHUNK)
        return b""


def _lines(content: bytes, *, ended: bool) -> bytes:
    """Return the whole lines at the beginning of `content`, or a part of one that fills a chunk."""
    if ended and len(content) < CHUNK:
        return content
    end = content.rfind(b"\n") + 1
    if not end and len(content) == CHUNK:
        end = CHUNK - 1
        while content[end] & 0xC0 == 0x80:  # within a letter
            end -= 1
    return content[:end]


def _names(place: UPath) -> Iterator[str]:
    with suppress(FileNotFoundError):
        for each in place.iterdir():
            yield each.name
