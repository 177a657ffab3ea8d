"""The artifacts of dbt in a run's steps: their list, and each by its path (ART-1, ART-2)."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from upath import UPath

from deploy_project.runs.store.artifacts import Artifacts, is_local

TARGET = "target"
"""The directory of a step that dbt writes to."""
_STEP = re.compile(r"(?P<index>\d{2,})-[a-z0-9_-]+")
_LONGEST = 1_000


def listed(artifacts: Artifacts, run_id: str) -> list[str]:
    """Return the paths of all files that the steps of a run have left, each once, in order.

    Raises `ArtifactError` when the artifact root can't be asked.
    """
    place = artifacts.run(run_id)
    with artifacts.explained(f"listing the artifacts of run {run_id}"):
        if is_local(place):
            return sorted({each for step in _steps(place) for each in _files(step)})
        paths = (path.split("/", 2) for path in artifacts.sizes(run_id))
        return sorted({rest[0] for _, target, *rest in paths if target == TARGET and rest})


def found(artifacts: Artifacts, run_id: str, path: str, *, step: int | None) -> UPath | None:
    """Return the file that one step of a run has left at `path`; None when it has left none.

    Without a `step`, by its number from 1, it is that of the last step that has one. Raises
    `ArtifactError` when the artifact root can't be asked.
    """
    if not is_path(path):
        return None
    with artifacts.explained(f"reading artifact {path!r} of run {run_id}"):
        for directory in reversed(_steps(artifacts.run(run_id))):
            if step is not None and _index(directory) != step:
                continue
            file = directory / TARGET / path
            if file.is_file() and _is_inside(file, directory):
                return file
    return None


def is_path(path: str) -> bool:
    """Return whether a text that a client has sent names a file below a directory."""
    parts = path.split("/")
    return (
        0 < len(path) <= _LONGEST
        and path.isprintable()
        and "\\" not in path
        and not any(part in ("", ".", "..") for part in parts)
        and not PurePosixPath(path).is_absolute()
    )


def _steps(place: UPath) -> list[UPath]:
    """Return the directories of a run's steps in their order."""
    found = list[UPath]()
    with suppress(FileNotFoundError, NotADirectoryError):
        found = [each for each in place.iterdir() if _STEP.fullmatch(each.name)]
    return sorted(found, key=lambda each: (_index(each), each.name))


def _index(directory: UPath) -> int:
    match = _STEP.fullmatch(directory.name)
    return int(match["index"]) if match is not None else 0


def _files(step: UPath) -> Iterator[str]:
    root = os.path.join(step.path, TARGET)
    for directory, _, names in os.walk(root):
        below = os.path.relpath(directory, root)
        for name in names:
            if not os.path.islink(os.path.join(directory, name)):
                yield name if below == "." else f"{below}/{name}"


def _is_inside(file: UPath, directory: UPath) -> bool:
    """Whether no link leads from a local file to somewhere else."""
    if not is_local(file):
        return True
    return Path(file.path).resolve().is_relative_to(Path(directory.path).resolve())
