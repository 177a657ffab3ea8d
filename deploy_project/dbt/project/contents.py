"""The files of a project that dbt parses, and the changes that need a parse from scratch."""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from deploy_project.dbt.project.paths import FILES

Contents = Mapping[str, str]
"""A digest of each file by its path, with marks for what dbt's partial parser gets wrong."""

_YAML, _NODES = (".yml", ".yaml"), (".sql", ".py", ".csv")
_PARSED = (*_YAML, *_NODES, ".md")
_DEFINITION, _SWITCH, _SHARED, _FUNCTION, _PACKAGE = "M", "E", "S", "F", "P"
_DEFINES = re.compile(rb"\{%[-+]?\s*(macro|test|data_test|materialization|docs)\b")
_SWITCHES = re.compile(rb"enabled|overrides|metrics\W*:|semantic_models|saved_queries")
_SHARES = re.compile(rb"(sources|snapshots)\W*:")
_HAS_FUNCTIONS = re.compile(rb"(^|[{,])[ \"']*functions[\"']?\s*:", re.MULTILINE)
_OTHERS = frozenset({"target", "logs", ".git"})
"""The directories beside `dbt_project.yml` that hold what dbt and git write."""


def contents(projects: Iterable[Path], *, tree: Path) -> dict[str, str]:
    """Return the contents of a project and its packages, by paths relative to the first of them.

    What lies outside of `tree` is left out. Seeds are only named: dbt always compares them rightly.
    """
    places = [os.fspath(each) for each in projects]
    root, roots = os.path.realpath(tree), {os.path.realpath(each) for each in places}
    return {
        os.path.relpath(file, places[0]): _described(file) + (_PACKAGE if number else "")
        for number, place in enumerate(places)
        for file in _files(place, root, roots)
    }


def differing(before: Contents, now: Contents) -> list[str]:
    """Return the paths of the files that are not in both, or not alike."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def needs_all(before: Contents, now: Contents, project: Path) -> bool:
    """Return whether the step from `before` to `now`, which lies in `project`, needs a whole parse.

    dbt's partial parser leaves nodes as they were when what they refer to is disabled now, or there
    is a nearer one of its name: a macro, a doc block, a model before that of a package. It forgets
    the properties of a node that were there first, and keeps selectors.
    """
    paths = differing(before, now)
    marks = {mark for path in paths for mark in before.get(path, "") + now.get(path, "")}
    in_packages = any(_PACKAGE in each and _SHARED in each for each in now.values())
    return (
        any(os.path.basename(path) in FILES for path in paths)
        or not marks.isdisjoint({_DEFINITION, _SWITCH})
        or (in_packages and _SHARED in marks)
        or any(_FUNCTION in each for each in (*before.values(), *now.values()))
        or _is_known(before, now, {*paths}, project)
    )


def _is_known(before: Contents, now: Contents, changed: Collection[str], project: Path) -> bool:
    """Return whether a new node has the name of another one, or properties before it."""
    added = {_name(path) for path in now if path not in before and path.endswith(_NODES)}
    if not added:
        return False
    files = [name for path in now if path.endswith(_NODES) and (name := _name(path)) in added]
    new = added - {_name(path) for path in before if path.endswith(_NODES)}
    words = b"|".join(re.escape(each.encode()) for each in new)
    named = re.compile(rb"\b(%s)\b" % words) if new else None
    properties = (path for path in now if path.endswith(_YAML) and path not in changed)
    return len(files) > len(added) or bool(
        named and any(named.search((project / path).read_bytes()) for path in properties)
    )


def _name(path: str) -> str:
    return PurePath(path).stem


def _described(file: str) -> str:
    """Return the digest of a file and its marks, which are capital letters."""
    if file.endswith(".csv"):
        return ""
    with open(file, "rb") as stream:
        text = stream.read()
    found = {_DEFINITION: _DEFINES, _SWITCH: _SWITCHES}
    if file.endswith(_YAML):
        found |= {_SHARED: _SHARES, _FUNCTION: _HAS_FUNCTIONS}
    marks = "".join(mark for mark, pattern in found.items() if pattern.search(text))
    return hashlib.sha256(text).hexdigest()[:32] + marks


def _files(project: str, root: str, projects: Collection[str]) -> Iterator[str]:
    """Yield the files that dbt may parse; follow links to directories, as dbt does."""
    seen = {*projects}
    for directory, directories, files in os.walk(project, followlinks=True):
        if directory == project:
            directories[:] = [each for each in directories if each not in _OTHERS]
        for each in [*directories]:
            real = os.path.realpath(os.path.join(directory, each))
            if real in seen or not Path(real).is_relative_to(root):
                directories.remove(each)
            seen.add(real)
        for file in (os.path.join(directory, each) for each in files):
            if file.endswith(_PARSED) or os.path.basename(file) in FILES:
                real = os.path.realpath(file) if os.path.islink(file) else file
                if os.path.isfile(real) and (real == file or Path(real).is_relative_to(root)):
                    yield file
