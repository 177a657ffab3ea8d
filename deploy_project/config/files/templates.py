"""Jobs files and vars files: found by path or glob, and read."""

import glob
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, cast

from deploy_project.config import small_files
from deploy_project.config.files.documents import Document, Place, parsed
from deploy_project.config.files.limited_yaml import UnreadableError
from deploy_project.config.files.locations import Base
from deploy_project.config.files.problems import Problems, refuse_unnamed, shortened

Signature = tuple[tuple[str, int, int, int], ...]
_MOST_FILES, _MOST_ENTRIES = 1000, 50_000


def text_of(file: Path, problems: Problems) -> str | None:
    """Return the text of a file; note a problem and return None when it can't be read."""
    try:
        return small_files.text_of(file)
    except small_files.NoTextError as error:
        problems.add_line(file, error.line, f"(file): can't be read: {error}; correct that")
        return None


def document(file: Path, text: str | None, problems: Problems) -> Document | None:
    """Return the YAML document of a file's `text`; note a problem for all that is wrong in it."""
    if text is None:
        return None
    try:
        found = parsed(file, text)
    except UnreadableError as error:
        for line, what in error.faults:
            problems.add_line(file, line, f"(file): {what}; correct it")
        return None
    places = found.places([each.node for each in found.bad])
    for each in found.bad:
        place = Place(found, places.get(id(each.node), ()))
        problems.refuse(place, each.what, remedy=each.remedy)
    return found


def read(file: Path, problems: Problems) -> Document | None:
    """Return the YAML document of a file that is no template."""
    return document(file, text_of(file, problems), problems)


def files(place: Place, patterns: list[str], base: Base, problems: Problems) -> list[Path]:
    """Return the files that paths, directories and globs name; each must name one at least."""
    found: dict[Path, None] = {}
    for index, pattern in enumerate(patterns):
        at = place / index if place.value else place
        path = base.path(pattern)
        is_vast = _is_vast(path)
        matches = [] if is_vast else [file for file in _matches(path) if file != place.file]
        if is_vast or len(matches) > _MOST_FILES:
            remedy = "name the directory that they are in"
            problems.add(
                at, "searches too many files", found=repr(shortened(pattern)), remedy=remedy
            )
            matches.clear()
        elif not matches:
            remedy = "correct the path, which is relative to deploy.yaml, or create the file"
            problems.add(at, "matches no file", found=repr(shortened(pattern)), remedy=remedy)
        found |= dict.fromkeys(matches)
    return list(found)


def signature(file: Path, patterns: Sequence[str]) -> Signature:
    """Return a value that changes when `file` does, or any that the `patterns` name.

    The patterns are absolute, and those of a deployment that was loaded: none searches too much.
    """
    found = (file, *(match for each in patterns for match in _matches(Path(each))))
    return tuple(_stamp(each) for each in dict.fromkeys(found))


def _stamp(file: Path) -> tuple[str, int, int, int]:
    try:
        now = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), now.st_mtime_ns, now.st_size, now.st_ino


def template_values(paths: list[Path], problems: Problems) -> dict[str, Any] | None:
    """Return the variables of all vars files together; None when there are no vars files."""
    found: dict[str, Any] = {}
    defined: dict[str, Place] = {}
    for file in paths:
        content = read(file, problems)
        if content is None or content.data is None:
            continue
        root = Place(content)
        entries: Any = content.data
        if not isinstance(entries, dict):
            problems.add(root, "must be a mapping", remedy="write `name: value` lines")
            continue
        refuse_unnamed(content, problems, free=[str(key) for key in cast(dict[Any, Any], entries)])
        for name, value in cast(dict[Any, Any], entries).items():
            if not isinstance(name, str):
                continue
            if name in defined:
                what = f"is also defined in {defined[name].where}"
                problems.add(root / name, what, found=repr(name), remedy="keep one of them")
            defined[name] = root / name
            found[name] = _null_as_text(value)
    return found if paths else None


def _null_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        entries = cast(dict[Any, Any], value)
        return {key: _null_as_text(entry) for key, entry in entries.items()}
    if isinstance(value, list):
        return [_null_as_text(entry) for entry in cast(list[Any], value)]
    return "null" if value is None else value


def _matches(path: Path) -> list[Path]:
    """Return the files that a path names; one or two more than are allowed at most."""
    with suppress(OSError, ValueError):  # no file can have such a name
        if path.is_dir():
            return sorted(file for ending in ("*.yml", "*.yaml") for file in path.glob(ending))
        if path.is_file():
            return [path]
        found = (Path(each) for each in glob.iglob(str(path), recursive=True))
        return sorted(islice((each for each in found if each.is_file()), _MOST_FILES + 1))
    return []


def _is_vast(path: Path) -> bool:
    """Return whether a pattern makes `glob` look through more than it does in a moment."""
    parts = path.parts
    first = next((at for at, part in enumerate(parts) if glob.has_magic(part)), None)
    if first is None:
        return False
    left, waiting = _MOST_ENTRIES, [(str(Path(*parts[:first])), len(parts) - first)]
    while waiting and left > 0:
        place, levels = waiting.pop()
        with suppress(OSError), os.scandir(place) as entries:
            for entry in islice(entries, left):
                left -= 1
                if (levels > 1 or "**" in parts) and entry.is_dir():
                    waiting.append((entry.path, levels - 1))
    return left <= 0
