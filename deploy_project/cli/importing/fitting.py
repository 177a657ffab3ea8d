"""Files that the loader takes: the keys and jobs that it refuses are taken out, and told."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from deploy_project.cli.importing.conversion import Data, Files
from deploy_project.errors import ConfigError

_LINE = re.compile(
    r"(?P<file>.*?):\d+: (?P<key>(?:projects|environments|jobs)\.[^:]*): (?P<what>.*)"
)
_NEEDED = frozenset({"id", "name", "project", "repository", "environment_id", "execute_steps"})
_ROUNDS = 20

Load = Callable[[Files], None]
"""Loads the files; raises the `ConfigError` of the loader."""


def fitting(files: Files, load: Load) -> Files:
    """Return the files without the keys, or jobs, that `load` refuses; each is told.

    Raises the loader's `ConfigError` for a mistake that is in no such place.
    """
    for _ in range(_ROUNDS):
        try:
            load(files)
        except ConfigError as error:
            files = _without(files, str(error))
        else:
            return files
    load(files)
    return files


def _without(files: Files, told: str) -> Files:
    deploy, jobs = copy.deepcopy(files.deploy), copy.deepcopy(files.jobs)
    found = [(each["key"].split("."), each["what"]) for each in _lines(told)]
    if not found:
        raise ConfigError(told)
    left_out = list(files.left_out)
    for path, what in found:
        where = jobs if path[0] == "jobs" else deploy
        gone = _take_out(where, path)
        if gone:
            left_out.append(f"{gone}: {what}")
    return replace(files, deploy=deploy, jobs=jobs, left_out=tuple(dict.fromkeys(left_out)))


def _lines(told: str) -> Iterator[re.Match[str]]:
    return filter(None, (_LINE.fullmatch(line) for line in told.splitlines()))


def _take_out(data: Data, path: list[str]) -> str:
    """Take a key out, or the whole entry when it can't be without it; return its place."""
    section, name, *rest = path
    entries: dict[str, Any] = data.get(section) or {}
    entry = entries.get(name)
    if entry is None:
        return ""
    if rest[:1] == ["schedule"]:
        entry.pop("schedule", None)
        entry.setdefault("triggers", {})["schedule"] = False
        return f"{section}.{name}.schedule"
    if not rest or rest[0] in _NEEDED or rest[0] not in entry:
        del entries[name]
        return f"{section}.{name}"
    return f"{section}.{name}.{_deepest(entry, rest)}"


def _deepest(entry: dict[str, Any], path: list[str]) -> str:
    """Take out the key at a path, or the list that it is in; return the path of that."""
    node = entry
    for depth, part in enumerate(path):
        child = node.get(part)
        if not isinstance(child, dict) or depth == len(path) - 1:
            node.pop(part, None)
            return ".".join(path[: depth + 1])
        node = cast(Data, child)
    return ""
