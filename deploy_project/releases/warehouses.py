"""The DuckDB and SQLite files that a profile names by relative paths: their one place.

They lie in `warehouses/<environment>` of the state directory, the same for every commit. Before
there was such a place they came to lie in the commits' checkouts: those are moved there.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.dbt.project.warehouse_files import Named, inside
from deploy_project.git.checkouts import is_as_committed
from deploy_project.processes.lock_files import exclusive

_BESIDE = (".wal", "-wal", "-shm", "-journal")
"""The endings of files that databases keep beside their own, as a part of it."""
_DUCKDB, _SQLITE = b"DUCK", b"SQLite format 3\0"
_SMALLEST = 512


@dataclass(frozen=True)
class Warehouse:
    """The places for the relative paths of one environment's connection."""

    project: Project
    environment: str
    siblings: Collection[str]
    """The project's other environments that are deployed: they had the same files until now."""
    state: StateDirectory

    def path(self, named: Named) -> Path:
        """Return the file or directory that a relative path means."""
        return self.state.warehouses(self.environment) / inside(named.path)

    def place(self, named: Named) -> Path:
        """Return the same, and make its directory."""
        place = self.path(named)
        (place if named.is_directory else place.parent).mkdir(parents=True, exist_ok=True)
        return place

    def adopt(self, named: Named, checkout: Checkout) -> list[str]:
        """Move the files under a relative path of checkouts to its place; return a line for each.

        The newest file becomes the environment's own unless it has one; the others are kept beside
        it. Without any, a file of the commit itself is the beginning.
        """
        if named.is_directory:
            return []
        place, said = self.place(named), list[str]()
        path = PurePosixPath(self.project.subdirectory) / named.path
        beginning = _inside(checkout.tree, path)
        if not self._in_checkouts(path) and (place.exists() or beginning is None):
            return []
        lock = self.state.warehouses(self.environment).with_suffix(".lock")
        with exclusive(lock, purpose=f"move warehouse files of {self.environment!r}"):
            found = sorted(self._in_checkouts(path), key=_modified, reverse=True)
            if found and not place.exists():
                newest = found.pop(0)
                for sibling in self.siblings:
                    said += _copied(newest, self.state.warehouses(sibling) / inside(named.path))
                said.append(_moved(newest, place))
            for each in found:
                said.append(_moved(each, _named_apart(place, self._commit(each))))
            if not place.exists() and beginning is not None:
                said += _copied(beginning, place)
        return said

    def _in_checkouts(self, path: PurePosixPath) -> list[Path]:
        """Return the files under a path of the repository that are no part of their commits."""
        directory = self.state.checkouts(self.project.name)
        if not directory.is_dir():
            return []
        checkouts = [Checkout(each) for each in sorted(directory.iterdir())]
        files = [(each, _inside(each.tree, path)) for each in checkouts]
        return [
            file
            for checkout, file in files
            if file and not is_as_committed(self.project, self.state, checkout, file)
        ]

    def _commit(self, file: Path) -> str:
        return file.relative_to(self.state.checkouts(self.project.name)).parts[0]


def rescue(project: Project, state: StateDirectory, checkout: Checkout) -> list[str]:
    """Move databases out of a checkout that is to be evicted; return a line for each."""
    said: list[str] = []
    for file in _databases(checkout.tree):
        if not is_as_committed(project, state, checkout, file):
            place = state.found_warehouses(project.name, checkout.root.name)
            said.append(_moved(file, place / file.relative_to(checkout.tree)))
    return said


def _inside(tree: Path, path: PurePosixPath) -> Path | None:
    """Return the file under a path of `tree`; None without one, or when a link leads to it."""
    file = Path(os.path.normpath(tree / path))
    is_straight = os.path.realpath(file) == os.path.join(
        os.path.realpath(tree), os.path.relpath(file, tree)
    )
    return file if file.is_relative_to(tree) and is_straight and file.is_file() else None


def _databases(tree: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(tree):
        for file in (Path(parent) / name for name in names):
            if not file.is_symlink() and file.is_file() and file.stat().st_size >= _SMALLEST:
                with file.open("rb") as stream:
                    head = stream.read(16)
                if head == _SQLITE or head[8:12] == _DUCKDB:
                    yield file


def _modified(file: Path) -> float:
    beside = (file.with_name(file.name + end) for end in _BESIDE)
    return max(each.stat().st_mtime for each in (file, *beside) if each.exists())


def _named_apart(place: Path, commit: str) -> Path:
    """Return a free name beside `place`, with the commit of the checkout a file was in."""
    apart = place.with_name(f"{place.stem}.from-{commit[:12]}{place.suffix}")
    number = 1
    while apart.exists():
        number += 1
        apart = place.with_name(f"{place.stem}.from-{commit[:12]}-{number}{place.suffix}")
    return apart


def _moved(file: Path, place: Path) -> str:
    at = datetime.fromtimestamp(_modified(file), UTC)
    place.parent.mkdir(parents=True, exist_ok=True)
    for end in (*_BESIDE, ""):  # the log first: a database without it has lost something
        beside = file.with_name(file.name + end)
        if beside.exists():
            shutil.move(beside, place.with_name(place.name + end))
    return (
        f"Moved the warehouse file {file}, last written at {at:%Y-%m-%d %H:%M:%S} UTC, to {place}"
    )


def _copied(file: Path, place: Path) -> list[str]:
    if place.exists():
        return []
    place.parent.mkdir(parents=True, exist_ok=True)
    for end in (*_BESIDE, ""):
        if (beside := file.with_name(file.name + end)).exists():
            scratch = place.with_name(f".{place.name}{end}.copying")
            shutil.copyfile(beside, scratch)
            scratch.replace(place.with_name(place.name + end))
    return [f"Copied the warehouse file {file} to {place}"]
