"""The packages from git that a pull request may use by our logins: those of trusted code.

Its `dbt deps` finds them in mirrors on this machine, by git's own way to replace addresses. Any
other package it fetches itself, without a login.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deploy_project.dbt.project.paths import LOCK_FILE, PACKAGES_FILES, content
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError, GitError
from deploy_project.releases.packages.mirrors import mirrored
from deploy_project.releases.workspace import Workspace

_FILES = (*PACKAGES_FILES, LOCK_FILE)


@dataclass(frozen=True)
class Borrowed:
    """The entries of git's configuration that lead to mirrors, and the mirrors."""

    entries: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[Path, ...] = ()


def borrowed(workspace: Workspace, say: Callable[[str], None]) -> Borrowed:
    """Return the mirrors for a pull request's packages; none for trusted code.

    A mirror that can't be brought up to date is told, and its package left to fail for itself.
    """
    stranger = workspace.stranger
    if stranger is None:
        return Borrowed()
    known = _known(workspace, stranger.base.tree, stranger.base.root / "packages")
    named = set(_addresses(workspace.project_directory, workspace.rendering))
    if not named:
        return Borrowed()
    entries: list[tuple[str, str]] = []
    mirrors: list[Path] = []
    for url in sorted(known):
        try:
            mirror = mirrored(url, stranger.package_mirrors)
        except GitError as error:
            if url in named:
                say(f"A package of the deployed commit could not be fetched: {error}")
            continue
        mirrors.append(mirror)
        entries.append((f"url.{mirror.as_uri()}.insteadOf", url))
    # The longest address that fits is taken: a new one may begin like a known one.
    entries += [(f"url.{url}.insteadOf", url) for url in sorted(named - known)]
    return Borrowed(tuple(entries), tuple(mirrors))


def _known(workspace: Workspace, tree: Path, packages: Path) -> set[str]:
    """Return the addresses that the trusted commit names, and the packages installed for it."""
    project = tree / workspace.environment.project.subdirectory
    places = [project, *packages.glob("*/installed/*"), *packages.glob("*")]
    return {url for place in places for url in _addresses(place, workspace.rendering)}


def _addresses(place: Path, rendering: Rendering) -> Iterator[str]:
    for name in _FILES:
        entries = content(place / name).get("packages")
        for each in cast(list[Any], entries) if isinstance(entries, list) else []:
            url = cast(dict[str, Any], each).get("git") if isinstance(each, dict) else None
            if isinstance(url, str):
                try:
                    yield rendering.text(url, where=f"{name}: git")
                except ConfigError:  # dbt tells
                    continue
