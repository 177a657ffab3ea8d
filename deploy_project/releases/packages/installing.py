"""Packages of a commit: `dbt deps`, once for each set of values in its packages files."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.project.paths import (
    LOCK_FILE,
    PACKAGES_FILES,
    PACKAGES_PATH,
    content,
    install_path,
    projects,
    refuse_leaving,
)
from deploy_project.dbt.project.profiles import project_file
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError, DbtError
from deploy_project.git.credentials import configuration
from deploy_project.processes.lock_files import exclusive
from deploy_project.releases.packages.borrowed import borrowed
from deploy_project.releases.trees import copy_files
from deploy_project.releases.workspace import Workspace

_NAMING = (*PACKAGES_FILES, LOCK_FILE)
_ROUNDS = 100_000
_HUB = "DBT_PACKAGE_HUB_URL"
"""So slow that a short secret can't be guessed from a name; some hundredths of a second."""
_LOG, _INSTALLED = "log.json", "installed"


def ensure_packages(
    workspace: Workspace,
    directory: Path,
    on_line: Callable[[str], None],
    *,
    timeout_seconds: float | None = None,
) -> None:
    """Install the packages into the workspace's own tree; `on_line` gets the console lines.

    Those that were installed before by the same rendered files are copied. Raises `DbtError` with
    dbt's last words, `ConfigError` for a package that leads out of the repository.
    """
    key = packages_key(workspace)
    if key is None:  # its inputs are unknown
        _install(workspace, directory, on_line, timeout_seconds)
        return
    kept = workspace.checkout.packages(key)
    kept.parent.mkdir(parents=True, exist_ok=True)
    purpose = f"install the packages of {workspace.checkout.root.name}"
    with exclusive(kept.with_suffix(".lock"), purpose=purpose):
        if not (kept / _LOG).is_file():
            said = _install(workspace, directory, on_line, timeout_seconds)
            _keep(workspace, kept, said)
            return
    on_line("The packages of this commit were installed before. What was said then:")
    for line in json.loads((kept / _LOG).read_text(encoding="utf-8")):
        on_line(line)
    _restore(workspace, kept)


def names_none(project: Path) -> bool:
    """Return whether `dbt deps` would do nothing in `project`, which takes it some seconds.

    It also clears the directory that packages go to, should one have been committed.
    """
    if any((project / name).exists() for name in (*_NAMING, "dbt_packages")):
        return False
    return PACKAGES_PATH not in project_file(project)


def packages_key(workspace: Workspace) -> str | None:
    """Return a key of all that `dbt deps` reads at a commit; None when that can't be told.

    That is the packages files of the project and of its local packages, with the values that their
    Jinja asks for, the address of the package hub, and dbt itself. A secret among these can't be
    learnt from the key.
    """
    project, rendering = workspace.project_directory, workspace.rendering
    try:
        installed = os.path.relpath(install_path(project, rendering), project)
        asked = sorted(
            (os.path.relpath(file, project), _asked(rendering, file))
            for each in projects(project, workspace.tree, rendering)
            for name in _NAMING
            if (file := each / name).is_file()
        )
    except ConfigError:
        return None
    hub = workspace.variables.get(_HUB) or workspace.given.inherited.get(_HUB, "")
    decisive = [workspace.installation.dbt_version, installed, asked, hub]
    if workspace.stranger is not None:  # what it leaves is for its own runs alone
        decisive.append(workspace.stranger.name)
    salt = workspace.checkout.root.name.encode()
    rounds = _ROUNDS if asked or hub else 1
    return hashlib.pbkdf2_hmac("sha256", json.dumps(decisive).encode(), salt, rounds, 8).hex()


def _asked(rendering: Rendering, file: Path) -> str:
    return json.dumps(rendering.value(content(file), where=file.name), default=str)


def forget_remotes(directory: Path) -> None:
    """Delete git's own files in packages: they keep the URL, and a token in it."""
    for parent, directories, files in os.walk(directory):
        if ".git" in directories:
            directories.remove(".git")
            shutil.rmtree(Path(parent) / ".git", ignore_errors=True)
        if ".git" in files:
            (Path(parent) / ".git").unlink()


def _install(
    workspace: Workspace,
    directory: Path,
    on_line: Callable[[str], None],
    timeout_seconds: float | None,
) -> list[str]:
    """Run `dbt deps` unless it would do nothing; return its console lines."""
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        on_line(line)

    if names_none(workspace.project_directory):
        hear(f"Nothing to install: there is no {', no '.join(_NAMING)}")
        return said
    addresses = borrowed(workspace, hear)
    try:
        ended = workspace.run(
            ("deps",),
            directory=directory,
            on_line=hear,
            timeout_seconds=timeout_seconds,
            added=configuration(*addresses.entries),
            reads=addresses.mirrors,
        )
    finally:
        forget_remotes(workspace.tree)
    if ended.code != 0:
        raise DbtError(f"`dbt deps` failed (exit {ended.code}): {last_words(said)}")
    refuse_leaving(workspace.project_directory, workspace.tree, workspace.rendering)
    return said


def _keep(workspace: Workspace, kept: Path, said: list[str]) -> None:
    """Keep the installed packages for later, unless one of them asks for values of its own."""
    project = workspace.project_directory
    installed = install_path(project, workspace.rendering)
    if any(_asks(each) for name in PACKAGES_FILES for each in installed.glob(f"*/{name}")):
        return
    with tempfile.TemporaryDirectory(
        dir=kept.parent, prefix=".making-", ignore_cleanup_errors=True
    ) as scratch:
        made = Path(scratch) / "packages"
        made.mkdir()
        if installed.is_dir():
            _relative_links(installed)
            copy_files(installed, made / _INSTALLED)
        if (project / LOCK_FILE).is_file():
            shutil.copyfile(project / LOCK_FILE, made / LOCK_FILE)
        if any(workspace.scrubber.is_in(each) for each in made.rglob("*") if _is_plain(each)):
            return  # a secret is never kept
        (made / _LOG).write_text(json.dumps(said), encoding="utf-8")
        shutil.rmtree(kept, ignore_errors=True)
        made.rename(kept)


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _asks(file: Path) -> bool:
    text = file.read_text(encoding="utf-8", errors="replace")
    return "{{" in text or "{%" in text


def _relative_links(installed: Path) -> None:
    """Have links to local packages lead to the same place in any copy of the tree."""
    for link in installed.iterdir():
        if link.is_symlink() and os.path.isabs(target := os.readlink(link)):
            relative = os.path.relpath(os.path.realpath(target), os.path.realpath(installed))
            link.unlink()
            link.symlink_to(relative)


def _restore(workspace: Workspace, kept: Path) -> None:
    """Put packages that were kept into the workspace's tree, as `dbt deps` would."""
    project = workspace.project_directory
    installed = install_path(project, workspace.rendering)
    shutil.rmtree(installed, ignore_errors=True)
    if (kept / _INSTALLED).is_dir():
        installed.parent.mkdir(parents=True, exist_ok=True)
        copy_files(kept / _INSTALLED, installed)
    if (kept / LOCK_FILE).is_file():
        shutil.copyfile(kept / LOCK_FILE, project / LOCK_FILE)
