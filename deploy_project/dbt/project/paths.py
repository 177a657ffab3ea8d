"""The paths that a dbt project names: each must stay inside the repository.

dbt reads, writes and deletes wherever `dbt_project.yml` and the packages files say. A run gives it
a copy of the repository's files, and nothing beside them is the project's business.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from deploy_project.dbt.project.profiles import project_file, yaml_mapping
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError

PACKAGES_PATH = "packages-install-path"
PACKAGES_FILES = ("packages.yml", "dependencies.yml")
LOCK_FILE = "package-lock.yml"
OVERRIDDEN = ("target-path", "log-path")
"""Keys that say nothing to a run, which has directories of its own for both."""
_READ: dict[str, tuple[str, ...]] = {
    "model-paths": ("models",),
    "seed-paths": ("seeds",),
    "test-paths": ("tests",),
    "analysis-paths": ("analyses",),
    "macro-paths": ("macros",),
    "snapshot-paths": ("snapshots",),
    "function-paths": ("functions",),
    "docs-paths": (),
    "asset-paths": (),
    # Before dbt 1.0.
    "source-paths": (),
    "data-paths": (),
}
"""The keys of directories that dbt reads, with their defaults."""
_DELETED: dict[str, tuple[str, ...]] = {
    PACKAGES_PATH: ("dbt_packages",),
    "modules-path": (),
    "clean-targets": (),
}
"""The keys of directories that dbt writes or deletes, with their defaults."""
FILES = (
    *("dbt_project.yml", *PACKAGES_FILES, LOCK_FILE, "profiles.yml"),
    *("selectors.yml", ".dbtignore", "dbt_cloud.yml"),
)
"""The files that dbt reads or writes beside `dbt_project.yml`."""


def refuse_leaving(
    project: Path, tree: Path, rendering: Rendering, *, profiles: Path | None = None
) -> None:
    """Raise one `ConfigError` naming file and key of every path that leads out of `tree`.

    `tree` has the repository's files, `project` is the directory of `dbt_project.yml` in it, with
    packages or without, and `profiles` that of profiles.yml where it is another one of the
    repository. Symbolic links count where dbt reads, writes or deletes something.
    """
    root = Path(os.path.realpath(tree))
    problems = [
        problem
        for each in projects(project, tree, rendering)
        for problem in _problems(each, root, rendering)
    ]
    if profiles is not None:
        problems += _leaving_files(profiles, root)
    if problems:
        raise ConfigError("\n".join([*dict.fromkeys(problems)]))


def install_path(project: Path, rendering: Rendering) -> Path:
    """Return the directory that `dbt deps` installs packages into; raise `ConfigError`."""
    return project / _named(project_file(project), PACKAGES_PATH, rendering)[0]


def overridden(project: Path) -> list[str]:
    """Return a line for each key of `dbt_project.yml` that a run takes no notice of."""
    stated = project_file(project)
    return [
        f"dbt_project.yml: {key}: ignored, since each run has a directory of its own for that"
        for key in OVERRIDDEN
        if key in stated
    ]


def projects(project: Path, tree: Path, rendering: Rendering) -> list[Path]:
    """Return the project and the packages in it: those installed, and the local ones they want.

    Those outside of `tree` are left out.
    """
    root = os.path.realpath(tree)
    found: dict[str, Path] = {}
    waiting = [project]
    while waiting:
        each = waiting.pop()
        real = os.path.realpath(each)
        if real not in found and Path(real).is_relative_to(root):
            found[real] = each
            waiting += _packages(each, project, rendering)
    return list(found.values())


def _packages(each: Path, project: Path, rendering: Rendering) -> Iterator[Path]:
    try:
        if each == project:
            installed = install_path(project, rendering)
            yield from (file.parent for file in installed.glob("*/dbt_project.yml"))
        # What a package calls local is so to the project that installs it.
        yield from (project / path for _, path in _local_packages(each, rendering))
    except ConfigError:
        return  # told among the problems


def _problems(project: Path, root: Path, rendering: Rendering) -> Iterator[str]:
    """Yield a sentence about each path of one project, or package, that leads out."""
    yield from _leaving_files(project, root)
    file = project / "dbt_project.yml"
    if not file.is_file() or not Path(os.path.realpath(file)).is_relative_to(root):
        return
    shown = _shown(file, root)
    try:
        stated = project_file(project)
        for key in (*_READ, *_DELETED):
            for path in _named(stated, key, rendering):
                yield from _leaving(project, root, f"{shown}: {key}", path)
                if key in _READ:
                    yield from _linked(project, root, f"{shown}: {key}", path)
        for name, path in _local_packages(project, rendering):
            yield from _leaving(project, root, f"{_shown(project / name, root)}: local", path)
    except ConfigError as error:
        yield str(error)


def _leaving(project: Path, root: Path, place: str, path: str) -> Iterator[str]:
    real = Path(os.path.realpath(project / path))
    if not real.is_relative_to(root):
        yield (
            f"{place}: found {path!r}, which leads out of the repository, to {str(real)!r}; name "
            "a directory inside the repository, and no link to another place"
        )


def _linked(project: Path, root: Path, place: str, path: str) -> Iterator[str]:
    for link, target in _links_leaving(project / path, root):
        yield (
            f"{place}: found the link {_shown(Path(link), root)!r}, which leads out of the "
            f"repository, to {target!r}; replace it by what it stands for"
        )


def _leaving_files(directory: Path, root: Path) -> Iterator[str]:
    for file in (directory / name for name in FILES):
        real = os.path.realpath(file)
        if file.is_symlink() and not Path(real).is_relative_to(root):
            yield (
                f"{_shown(file, root)} is a link, which leads out of the repository, to {real!r}; "
                "replace it by what it stands for"
            )


def _shown(file: Path, root: Path) -> str:
    return os.path.relpath(os.path.join(os.path.realpath(file.parent), file.name), root)


def _links_leaving(directory: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Yield each link at or below `directory` that leads out of `root`, and its target.

    dbt follows links to directories, and so does this where they stay inside.
    """
    waiting, seen = [str(directory)], set[str]()
    while waiting:
        place = waiting.pop()
        real = os.path.realpath(place)
        if real in seen or not Path(real).is_relative_to(root):
            continue
        seen.add(real)
        for entry in _entries(place):
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                if not Path(target).is_relative_to(root):
                    yield entry.path, target
                    continue
            if os.path.isdir(entry.path):  # unlike the entry's own, it bears with circles
                waiting.append(entry.path)


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _named(stated: Mapping[str, Any], key: str, rendering: Rendering) -> list[str]:
    """Return the paths under `key` of `dbt_project.yml`, rendered; the usual ones without it."""
    found = stated.get(key)
    if found is None:
        return [*(_READ | _DELETED)[key]]
    rendered = rendering.value(found, where=f"dbt_project.yml: {key}")
    return [each for each in _listed(rendered) if isinstance(each, str)]


def _local_packages(project: Path, rendering: Rendering) -> Iterator[tuple[str, str]]:
    """Yield the file and the path of each `local:` package; dbt itself tells of broken files."""
    for name in PACKAGES_FILES:
        for each in _listed(content(project / name).get("packages")):
            local = cast(dict[str, Any], each).get("local") if isinstance(each, dict) else None
            if isinstance(local, str):
                yield name, rendering.text(local, where=f"{name}: local")


def content(file: Path) -> Mapping[str, Any]:
    """Return the content of a packages file; empty for one that is missing, empty or broken."""
    try:
        return yaml_mapping(file, "") if file.is_file() else {}
    except ConfigError:
        return {}


def _listed(value: object) -> list[object]:
    return list(cast(list[object], value)) if isinstance(value, list) else [value]
