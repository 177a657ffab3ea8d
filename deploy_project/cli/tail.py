"""The logs of a run's steps: where they are while it runs, and where they are kept afterwards."""

import re
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

from upath import UPath

from deploy_project.config.state import StateDirectory
from deploy_project.runs.artifacts import Artifacts

CONSOLE, DEBUG = "console.log", "dbt.log"
_STEP = re.compile(r"(?P<index>\d{2,})-[a-z0-9_-]+")


class Tail:
    """What the steps of one run have logged and nobody has read yet."""

    def __init__(
        self,
        run_id: str,
        state: StateDirectory,
        artifacts: Artifacts,
        *,
        file: str = CONSOLE,
        step: int | None = None,
    ) -> None:
        run_id = str(UUID(run_id))  # it becomes a path
        self._work = UPath(state.work(run_id)) / "steps"
        self._kept = artifacts.run(run_id)
        self._file = file
        self._step = step
        self._read: dict[str, int] = {}
        self._done: set[str] = set()

    def steps(self) -> dict[int, str]:
        """Return the steps that have begun, by their number: `{4: "04-dbt-build"}`."""
        # A step moves from work to kept: looked at in this order, it is in one of them at least.
        names = {name for place in (self._work, self._kept) for name in _names(place)}
        found = {int(match["index"]): match[0] for match in map(_STEP.fullmatch, names) if match}
        return {index: found[index] for index in sorted(found)}

    def new(self) -> str:
        """Return what was written since the last call: whole lines, step after step."""
        return "".join(
            self._new(name)
            for index, name in self.steps().items()
            if name not in self._done and self._step in (None, index)
        )

    def _new(self, name: str) -> str:
        ended = (self._kept / name / "step.json").exists()  # it comes last: the rest is whole
        start = self._read.get(name, 0)
        content = self._content(name, start)
        if ended:
            self._done.add(name)
        else:
            content = content[: content.rfind(b"\n") + 1]
        self._read[name] = start + len(content)
        # dbt's debug log does not say which step it is of.
        title = f"=== {name}\n" if self._file == DEBUG and content and not start else ""
        return title + content.decode("utf-8", errors="replace")

    def _content(self, name: str, start: int) -> bytes:
        for place in (self._work, self._kept):
            with suppress(FileNotFoundError), (place / name / self._file).open("rb") as stream:
                stream.seek(start)
                return stream.read()
        return b""


def _names(place: UPath) -> Iterator[str]:
    with suppress(FileNotFoundError):
        for each in place.iterdir():
            yield each.name
