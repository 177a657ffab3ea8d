"""The files of a project that dbt parses, and the changes that need a parse from scratch."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from deploy_project.dbt.project.paths import FILES

Contents = Mapping[str, str]
"""A digest of each file by its path, with marks for what dbt's partial parser gets wrong."""

_PARSED = (".sql", ".py", ".yml", ".yaml", ".md")
_MACRO, _ENABLED = "M", "E"
_DEFINITION = re.compile(rb"\{%[-+]?\s*(macro|test|data_test|materialization)\b")
_OTHERS = frozenset({"target", "logs", ".git"})
"""The directories beside `dbt_project.yml` that hold what dbt and git write."""


def contents(projects: Iterable[Path], *, tree: Path) -> dict[str, str]:
    """Return the contents of a project and its packages, by paths relative to the first of them.

    What lies outside of `tree` is left out, and so are seeds, which dbt always compares rightly.
    """
    root, start = os.path.realpath(tree), ""
    found: dict[str, str] = {}
    for project in map(os.fspath, projects):
        start = start or project
        for file in _files(project, root):
            found[os.path.relpath(file, start)] = _described(file)
    return found


def differing(before: Contents, now: Contents) -> list[str]:
    """Return the paths of the files that are not in both, or not alike."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def needs_all(before: Contents, now: Contents, paths: Iterable[str]) -> bool:
    """Return whether the changes of `paths` need a parse from scratch.

    dbt's partial parser keeps nodes that refer to one that is disabled now, the callers of a macro
    that another one has taken the place of, and selectors as they were.
    """
    return any(
        os.path.basename(path) in FILES
        or not {_MACRO, _ENABLED}.isdisjoint(before.get(path, "") + now.get(path, ""))
        for path in paths
    )


def _described(file: str) -> str:
    with open(file, "rb") as stream:
        text = stream.read()
    marks = (_MACRO if _DEFINITION.search(text) else "", _ENABLED if b"enabled" in text else "")
    return hashlib.sha256(text).hexdigest()[:32] + "".join(marks)


def _files(project: str, root: str) -> Iterator[str]:
    """Yield the files that dbt may parse; follow links to directories, as dbt does."""
    seen = {os.path.realpath(project)}
    for directory, directories, files in os.walk(project, followlinks=True):
        if directory == project:
            directories[:] = [each for each in directories if each not in _OTHERS]
        for place in (os.path.join(directory, each) for each in [*directories]):
            if os.path.islink(place):
                real = os.path.realpath(place)
                if real in seen or not Path(real).is_relative_to(root):
                    directories.remove(os.path.basename(place))
                seen.add(real)
        for file in (os.path.join(directory, each) for each in files):
            if file.endswith(_PARSED) or os.path.basename(file) in FILES:
                real = os.path.realpath(file) if os.path.islink(file) else file
                if os.path.isfile(real) and (real == file or Path(real).is_relative_to(root)):
                    yield file
