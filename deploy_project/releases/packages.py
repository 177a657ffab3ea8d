"""`dbt deps`, once for each commit."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from filelock import FileLock

from deploy_project.dbt.child import shortened
from deploy_project.dbt.events import uncolored
from deploy_project.dbt.profiles import project_file
from deploy_project.errors import DbtError
from deploy_project.releases.workspace import Workspace

_NAMING = ("packages.yml", "dependencies.yml", "package-lock.yml")
_TIMED = re.compile(r"\d\d:\d\d:\d\d  ")


def ensure_packages(
    workspace: Workspace,
    directory: Path,
    on_line: Callable[[str], None],
    *,
    timeout_seconds: float | None = None,
) -> None:
    """Install the commit's packages into its checkout unless that is done; tell `on_line` about it.

    Raises `DbtError` with dbt's last words. A killed `dbt deps` leaves no record, so it runs again.
    """
    record = workspace.checkout.packages
    with FileLock(workspace.checkout.lock):
        if record.is_file():
            on_line("The packages of this commit were installed before. What was said then:")
            for line in json.loads(record.read_text(encoding="utf-8"))["log"]:
                on_line(line)
            return
        said: list[str] = []

        def hear(line: str) -> None:
            said.append(line)
            on_line(line)

        if names_none(workspace.project_directory):
            hear(f"Nothing to install: there is no {', no '.join(_NAMING)}")
        else:
            ended = workspace.run(
                ("deps",), directory=directory, on_line=hear, timeout_seconds=timeout_seconds
            )
            if ended.code != 0:
                raise DbtError(f"`dbt deps` failed (exit {ended.code}): {last_words(said)}")
            _forget_remotes(workspace.checkout.tree)
        beside = record.with_suffix(".making")
        beside.write_text(json.dumps({"log": said}), encoding="utf-8")
        beside.replace(record)


def names_none(project: Path) -> bool:
    """Return whether `dbt deps` would do nothing in `project`, which takes it some seconds.

    It also clears the directory that packages go to, should one have been committed.
    """
    if any((project / name).exists() for name in (*_NAMING, "dbt_packages")):
        return False
    return "packages-install-path" not in project_file(project)


def _forget_remotes(tree: Path) -> None:
    """Delete git's own files in packages: they keep the URL, and a token in it."""
    for repository in [*tree.rglob(".git")]:
        shutil.rmtree(repository, ignore_errors=True)


def last_words(lines: list[str], *, most: int = 12) -> str:
    """Return the error that dbt said it encountered, else the end of what it said, as text."""
    lines = [part for line in lines for part in _text(line).splitlines() or [""]]
    start = max((i for i, line in enumerate(lines) if "Encountered an error" in line), default=None)
    if start is None:
        chosen = lines[-most:]
    else:  # what follows with a time of its own is another event: a traceback, deprecations
        error = takewhile(lambda line: not _TIMED.match(line), lines[start + 1 :])
        chosen = list(error)[:most] or [lines[start]]
    return shortened("\n".join(line for line in chosen if line.strip())) or "no message"


def _text(line: str) -> str:
    """Return a line of dbt's console without colors, and its message when it is JSON."""
    line = uncolored(line)
    if line.startswith("{"):
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(line)["info"]["msg"])
    return line
