"""The connection of a run: relative paths of databases and keys resolved to one place each."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deploy_project.config.state import Checkout
from deploy_project.dbt.project import duckdb_files
from deploy_project.dbt.project.duckdb_files import Copy
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.dbt.project.warehouse_files import (
    Named,
    databases,
    divided,
    inside,
    is_in_memory,
    key_files,
    placed,
)
from deploy_project.errors import ConfigError
from deploy_project.releases.strangers import Stranger
from deploy_project.releases.trees import is_file
from deploy_project.releases.warehouses import Warehouse

_LONGEST_NAME = 200
"""Bytes of a file's name; there are 255, and some files beside it have longer ones."""


@dataclass(frozen=True)
class Connection:
    """An output of profiles.yml for use in any directory."""

    output: Mapping[str, Any]
    database: Path | None
    """The DuckDB file that it builds in, if it is one."""
    files: Mapping[str, Path]
    """The files and directories that its relative paths mean, by their keys."""
    in_memory: bool = False
    copies: tuple[Copy, ...] = ()
    """The copies that a pull request builds in; the warehouse's own files need not exist."""
    moved: tuple[str, ...] = ()
    """A sentence about each file that was found in an old checkout, with its new place."""

    def lines(self) -> list[str]:
        """Return a sentence about the place of each file, for people looking for their data."""
        return [*self.moved, *_told(self.files, in_memory=self.in_memory)]


def described(
    output: Mapping[str, Any], rendering: Rendering, warehouse: Warehouse, project: Path | None
) -> list[str]:
    """Return a sentence about each file of an output, as `Connection.lines` does; make nothing.

    `project` is the directory of the dbt project, where it is known. Raises `ConfigError` when
    Jinja in a path can't be rendered.
    """
    named = [
        each
        for each in databases(output, rendering)
        if each.is_stated and (project is None or not _is_code(each, project))
    ]
    files = {each.label: warehouse.path(each) for each in named}
    return _told(files, in_memory=is_in_memory(output, rendering))


def _told(files: Mapping[str, Path], *, in_memory: bool) -> list[str]:
    said = [
        f"`{key}` of the connection is {file}, the same for every commit"
        for key, file in files.items()
    ]
    if in_memory:
        said.append(
            "The warehouse is DuckDB in memory, which keeps nothing: it is gone when a dbt command "
            "ends; give `path:` of the connection a file"
        )
    return said


def connected(
    output: Mapping[str, Any],
    rendering: Rendering,
    warehouse: Warehouse,
    checkout: Checkout,
    *,
    project: Path,
    profiles: Path,
    stranger: Stranger | None,
) -> Connection:
    """Return a connection with `output`, its relative paths replaced by the files' places.

    Paths of keys are relative to `profiles`, the directory of the profile. For a `stranger`, DuckDB
    files become copies: of those that trusted code names, too, while the others begin empty. Raises
    `ConfigError` when Jinja in a path can't be rendered, `DbtError` when a pull request has left
    something in the way of its copies that can't be deleted.
    """
    copies = stranger.copies if stranger else None
    named = [each for each in databases(output, rendering) if not _is_code(each, project)]
    known = [each for each in named if _is_known(warehouse.path(each), stranger)]
    moved = [line for each in known for line in warehouse.adopt(each, checkout)]
    files = {each: warehouse.place(each) for each in known}
    if copies is not None:
        files |= {each: _own_place(each, copies) for each in named if each not in known}
    made = placed(output, {each.key: f"{each.prefix}{file}" for each, file in files.items()})
    keys = key_files(made, rendering, lambda path: is_file(profiles / path))
    made = placed(made, {each.key: str(profiles / each.path) for each in keys})
    database = duckdb_files.database_file(made, rendering)
    made_copies: tuple[Copy, ...] = ()
    if stranger is not None and copies is not None:
        attached = _attached(files, copies, stranger)
        made = placed(_only_read(made, rendering, stranger), _own(files, copies))
        made = placed(made, {each.key: f"{each.prefix}{c.copy}" for each, c in attached.items()})
        made_copies = tuple(attached.values())
    if copies is not None and database is not None:
        copy = _copy(database, copies, stranger)
        made, made_copies = placed(made, {("path",): str(copy.copy)}), (copy, *made_copies)
    return Connection(
        output=made,
        database=database,
        files={each.label: file for each, file in files.items() if each.is_stated},
        in_memory=is_in_memory(output, rendering),
        copies=made_copies,
        moved=tuple(moved),
    )


def _is_code(named: Named, project: Path) -> bool:
    """Return whether it is a database that the commit itself holds, and that is only read."""
    return named.is_read_only and (project / named.path).is_file()


def _is_known(path: Path, stranger: Stranger | None) -> bool:
    return stranger is None or stranger.trusted.names(path)


def _own_place(named: Named, copies: Path) -> Path:
    """Return the place of a file or directory that only a pull request names."""
    place = copies / "own" / inside(named.path)
    directory = place if named.is_directory else place.parent
    duckdb_files.ensure_directory(directory, below=copies)
    return place


def _copy(file: Path, place: Path, stranger: Stranger | None) -> Copy:
    if len(os.fsencode(file.name)) > _LONGEST_NAME:
        raise ConfigError(
            f"a DuckDB file of the connection has the name {file.name[:40]!r}… of more than "
            f"{_LONGEST_NAME} bytes; give it a shorter one"
        )
    return Copy(file, place / file.name, is_trusted=_is_known(file, stranger))


def _only_read(
    output: Mapping[str, Any], rendering: Rendering, stranger: Stranger
) -> Mapping[str, Any]:
    """Return the output with those attached databases read-only that are no copies."""
    attached = output.get("attach")
    marks: dict[tuple[str | int, ...], Any] = {}
    for index, each in enumerate(cast(list[Any], attached) if isinstance(attached, list) else []):
        path = cast(dict[str, Any], each).get("path") if isinstance(each, dict) else None
        if isinstance(path, str) and _reference(path, rendering) in stranger.trusted.references:
            marks["attach", index] = {**each, "read_only": True}
    return placed(output, marks)


def _reference(path: str, rendering: Rendering) -> Path:
    _, rest = divided(rendering.text(path, where="`attach` of the connection"))
    return Path(rest).expanduser()


def _attached(files: Mapping[Named, Path], copies: Path, stranger: Stranger) -> dict[Named, Copy]:
    """Return the copies of attached databases; each has a directory, for its name must stay."""
    return {
        named: _copy(file, copies / f"attach-{named.key[1]}", stranger)
        for named, file in files.items()
        if named.key[0] == "attach" and not named.is_directory
    }


def _own(files: Mapping[Named, Path], copies: Path) -> dict[tuple[str | int, ...], str]:
    """Return the directories that a pull request writes to in place of the environment's."""
    root = ("external_root",)
    if not any(named.key == root for named in files):
        return {}
    place = copies / "external"
    duckdb_files.ensure_directory(place, below=copies)
    return {root: str(place)}
