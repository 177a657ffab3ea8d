"""`deploy-project check`: finds queue rules of an older version in dagster.yaml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from deploy_project.config.environment import dagster_home
from deploy_project.runs.model.tags import are_older_rules


def older_queue_rules() -> str | None:
    """Return a warning of the dagster.yaml that Dagster reads here; None when there is none.

    A file that is missing or can't be read is Dagster's to tell.
    """
    file = (dagster_home() or Path.cwd()) / "dagster.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not are_older_rules(set(_keys(content))):
        return None
    return (
        f"{file}: the queue rules below `concurrency:` are those of an older version, and count "
        "tags that runs have no more: runs of one job may overlap, and `concurrency` and "
        "`run_slots` limit nothing; take `concurrency:` from the dagster.yaml that `deploy-project "
        "init` writes"
    )


def _keys(content: Any) -> Iterator[str]:
    """Yield the tags of all queue rules, wherever they are: Dagster has several places."""
    if isinstance(content, list):
        for each in cast("list[Any]", content):
            yield from _keys(each)
    elif isinstance(content, dict):
        entries = cast("dict[str, Any]", content)
        if isinstance(entries.get("key"), str):
            yield entries["key"]
        for each in entries.values():
            yield from _keys(each)
