"""The files that a connection names by relative paths: databases and keys; pure.

dbt resolves them against its working directory, which is another one in each run. A database means
the same file for every commit, so it is put in one place for each environment; a key is part of
the profile, and lies beside it.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError

MEMORY = ":memory:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LOCAL_SCHEME = re.compile(r"(?:ducklake|duckdb|sqlite|file):(?!//)", re.IGNORECASE)
_FILES = frozenset({"duckdb", "sqlite", "ducklake"})
"""The types of attached databases that are files."""
_KEY_FILE = re.compile(r"(?:^|_)(?:keyfile|key_file|path|file|cert|certificate|key|ca)$|^ssl")


@dataclass(frozen=True)
class Named:
    """A path in an output of profiles.yml."""

    key: tuple[str | int, ...]
    path: str
    """Rendered, and relative."""
    prefix: str = ""
    """Comes before the path, such as `ducklake:`."""
    is_directory: bool = False
    is_read_only: bool = False
    is_stated: bool = True
    """Whether the connection states it; False for a default of dbt's."""

    @property
    def label(self) -> str:
        """The key as people write it, such as `attach[0].path`."""
        first, *rest = self.key
        parts = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in rest)
        return "".join((str(first), *parts))


def databases(output: Mapping[str, Any], rendering: Rendering) -> list[Named]:
    """Return the databases of an output that are files and have relative paths.

    Raises `ConfigError` when Jinja in one of them can't be rendered.
    """
    adapter = output.get("type")
    if adapter == "duckdb":
        return [*_duckdb(output, rendering)]
    return [*_sqlite(output, rendering)] if adapter == "sqlite" else []


def is_in_memory(output: Mapping[str, Any], rendering: Rendering) -> bool:
    """Return whether the output is a DuckDB database that ends with each command of dbt."""
    if output.get("type") != "duckdb":
        return False
    path = rendering.text(str(output.get("path") or MEMORY), where="the path of the DuckDB file")
    return path == MEMORY


def key_files(
    output: Mapping[str, Any], rendering: Rendering, exists: Callable[[str], bool]
) -> list[Named]:
    """Return the relative paths of keys and certificates in an output, found by their names.

    They are in its own keys, and in those of DuckDB's `secrets`. Such a value counts as a path only
    when a file with it `exists`.
    """
    found: list[Named] = []
    for *key, name, value in _own_keys(output):
        if isinstance(value, str) and _KEY_FILE.search(str(name)):
            named = Named((*key, name), value, is_read_only=True)
            try:
                path = rendering.text(value, where=named.label)
            except ConfigError:  # dbt tells, should it want this one
                continue
            if path and not os.path.isabs(path) and not path.startswith("~") and exists(path):
                found.append(replace(named, path=path))
    return found


def _own_keys(output: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the keys and value of each entry of an output, and of its secrets."""
    yield from output.items()
    secrets = output.get("secrets")
    for index, each in enumerate(cast(list[Any], secrets) if isinstance(secrets, list) else []):
        entries = cast(dict[str, Any], each) if isinstance(each, dict) else {}
        yield from (("secrets", index, *entry) for entry in entries.items())


def divided(path: str) -> tuple[str, str]:
    """Return the schemes before a path of DuckDB's, such as `ducklake:sqlite:`, and the rest."""
    rest = path
    while found := _LOCAL_SCHEME.match(rest):
        rest = rest[found.end() :]
    return path[: len(path) - len(rest)], rest


def is_lake(prefix: str) -> bool:
    """Return whether the schemes before a path are those of a DuckLake."""
    return prefix.lower().startswith("ducklake:")


def lake(path: Path) -> Path:
    """Return the directory of a DuckLake's data, where none is stated: beside its catalog."""
    return path.with_name(f"{path.name}.files")


def inside(path: str) -> PurePosixPath:
    """Return a relative path without `..`: each at its beginning is a directory called `up`."""
    parts = PurePosixPath(os.path.normpath(path)).parts
    return PurePosixPath(*("up" if part == ".." else part for part in parts))


def placed(
    output: Mapping[str, Any], places: Mapping[tuple[str | int, ...], str]
) -> dict[str, Any]:
    """Return the output with other values for keys at any depth."""
    return {name: _placed(value, (name,), places) for name, value in _with(output, places).items()}


def _with(
    output: Mapping[str, Any], places: Mapping[tuple[str | int, ...], str]
) -> Mapping[str, Any]:
    missing = {str(key[0]): None for key in places if len(key) == 1 and key[0] not in output}
    return {**output, **missing}


def _placed(
    value: Any, key: tuple[str | int, ...], places: Mapping[tuple[str | int, ...], str]
) -> Any:
    if key in places:
        return places[key]
    if isinstance(value, Mapping):
        entries = cast(Mapping[str, Any], value).items()
        return {name: _placed(each, (*key, name), places) for name, each in entries}
    if isinstance(value, list):
        items = enumerate(cast(list[Any], value))
        return [_placed(each, (*key, index), places) for index, each in items]
    return value


def _duckdb(output: Mapping[str, Any], rendering: Rendering) -> Iterator[Named]:
    yield from _named(("path",), output.get("path"), rendering)
    attached = output.get("attach")
    for index, each in enumerate(cast(list[Any], attached) if isinstance(attached, list) else []):
        entry = cast(dict[str, Any], each) if isinstance(each, dict) else {}
        if str(entry.get("type") or "duckdb").lower() in _FILES:
            read_only = entry.get("read_only") is True
            yield from _named(
                ("attach", index, "path"), entry.get("path"), rendering, is_read_only=read_only
            )
        options = entry.get("options")
        if isinstance(options, dict):
            data = cast(dict[str, Any], options).get("data_path")
            key = ("attach", index, "options", "data_path")
            yield from _named(key, data, rendering, is_directory=True)
    # Where models of the materialization `external` go; beside dbt's working directory by default.
    stated = output.get("external_root")
    for each in _named(("external_root",), stated or ".", rendering, is_directory=True):
        yield replace(each, is_stated=bool(stated))
    settings = output.get("settings")
    for name, value in cast(dict[str, Any], settings if isinstance(settings, dict) else {}).items():
        if name.endswith("_directory") and name != "temp_directory":
            yield from _named(("settings", name), value, rendering, is_directory=True)


def _sqlite(output: Mapping[str, Any], rendering: Rendering) -> Iterator[Named]:
    yield from _named(
        ("schema_directory",), output.get("schema_directory"), rendering, is_directory=True
    )
    schemas = output.get("schemas_and_paths")
    for name, path in cast(dict[str, Any], schemas if isinstance(schemas, dict) else {}).items():
        yield from _named(("schemas_and_paths", name), path, rendering)


def _named(
    key: tuple[str | int, ...],
    value: object,
    rendering: Rendering,
    *,
    is_directory: bool = False,
    is_read_only: bool = False,
) -> Iterator[Named]:
    """Yield `value` as a path, if it is a relative one."""
    if not isinstance(value, str) or not value:
        return
    named = Named(key, value, is_directory=is_directory, is_read_only=is_read_only)
    prefix, path = divided(rendering.text(value, where=_described(named)))
    is_elsewhere = not path or path.startswith((":", "~")) or _SCHEME.match(path)
    if is_elsewhere or os.path.isabs(path):
        return
    if "\0" in path:
        raise ConfigError(f"{_described(named)}, {path!r}, has a NUL in it; take it out")
    yield replace(named, path=path, prefix=prefix)


def _described(named: Named) -> str:
    if named.key == ("path",):
        return "the path of the DuckDB file"
    return f"`{named.label}` of the connection"
