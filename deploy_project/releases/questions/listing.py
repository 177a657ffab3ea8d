"""The nodes that a selection of dbt's matches, listed by `dbt ls`."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from deploy_project.dbt.arguments.commands import ListCommand
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.errors import DbtError
from deploy_project.releases.workspace import Workspace


def listed(
    workspace: Workspace,
    options: Sequence[str],
    *,
    fields: Sequence[str],
    of: str,
    directory: Path,
    state: Path | None,
    on_line: Callable[[str], None] = lambda _: None,
    timeout_seconds: float | None = None,
) -> list[Mapping[str, str]]:
    """Return the `fields` of each node that the `options` select; missing ones are empty.

    `of` describes the selection in an error. Its parse is in `directory`. Raises `DbtError` with
    dbt's last words; `on_line` then hears all of them.
    """
    said: list[str] = []
    ended = workspace.run(
        ListCommand(options, fields).arguments,
        directory=directory,
        on_line=said.append,
        state=state,
        timeout_seconds=timeout_seconds,
    )
    if ended.code != 0:
        for line in said:
            on_line(line)
        raise DbtError(f"`dbt ls` of {of} failed: {last_words(said)}")
    found = filter(None, map(_node, said))
    return [{name: str(each.get(name) or "") for name in fields} for each in found]


def _node(line: str) -> Mapping[str, object]:
    """Return the node in a line of dbt's; empty for another line: the project's macros print."""
    try:
        found: Any = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return cast(Mapping[str, object], found) if isinstance(found, dict) else {}
