"""The target directory that the steps of a run share: each finds the artifacts of those before it.

On dbt Cloud they work in one directory. Here each has one of its own, so that its artifacts are
its own alone; the newest of each kind lie in `target` of the run's copy of the project,
where `--state target` finds them, and dbt gets the few that it looks for beside its own.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from deploy_project.releases.trees import remove
from deploy_project.runs.store import transfer

PARSE = "partial_parse.msgpack"
_HANDED_ON = (PARSE, "run_results.json", "sources.json")
_SHARED = (*_HANDED_ON, "manifest.json", "catalog.json", "semantic_manifest.json")


@dataclass(frozen=True)
class SharedTarget:
    """The directory `place` with the newest artifacts of a run."""

    place: Path

    def hand_on(self, target: Path) -> dict[str, tuple[int, int]]:
        """Copy the earlier steps' files into the target of the next; return their stamps by name.

        A file that is there already stays.
        """
        given: dict[str, tuple[int, int]] = {}
        target.mkdir(parents=True, exist_ok=True)
        for name in _HANDED_ON if self._is_ours() else ():
            file = self.place / name
            if _is_plain(file) and not (target / name).exists():
                shutil.copy2(file, target / name)
                given[name] = _stamp(target / name)
        return given

    def take_back(self, target: Path, given: dict[str, tuple[int, int]]) -> None:
        """Remove the files of earlier steps that the step has not rewritten, save the parse."""
        for name, stamp in given.items():
            file = target / name
            if name != PARSE and file.is_file() and _stamp(file) == stamp:
                file.unlink()

    def take_over(self, target: Path, given: dict[str, tuple[int, int]]) -> None:
        """Copy the files that a step has written itself to `place`, for the steps after it."""
        self.take_back(target, given)
        self._make()
        for file in (target / name for name in _SHARED):
            if _is_plain(file):
                beside = self.place / f".{file.name}"
                shutil.copy2(file, beside)
                beside.replace(self.place / file.name)

    def receive(self, left: UPath) -> None:
        """Copy the artifacts `left` by a step of the resumed run to `place`."""
        self._make()
        for name in _SHARED:
            if (left / name).exists():
                transfer.receive(left / name, self.place / name)

    def _make(self) -> None:
        """Make the directory, in the place of a link or a file that the commit may have there."""
        if not self._is_ours():
            remove(self.place)
        self.place.mkdir(parents=True, exist_ok=True)

    def _is_ours(self) -> bool:
        return self.place.is_dir() and not self.place.is_symlink()


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _stamp(file: Path) -> tuple[int, int]:
    known = file.stat()
    return known.st_mtime_ns, known.st_ino
