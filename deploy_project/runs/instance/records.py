"""The records of our runs in Dagster, found by their tags, also by those of older versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg

from deploy_project.runs.model import tags

Wanted = Mapping[str, str | Sequence[str]]
"""Values of tags; a run with any of several is wanted."""


def tagged(
    instance: dg.DagsterInstance,
    wanted: Wanted,
    *,
    statuses: Sequence[dg.DagsterRunStatus] | None = None,
    updated_after: datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> list[dg.RunRecord]:
    """Return the runs with the tags `wanted`, the newest first; those before the run `cursor`."""
    found: dict[str, dg.RunRecord] = {}
    for names in (wanted, _older(wanted)):
        asked = dg.RunsFilter(
            statuses=statuses,
            tags={name: each if isinstance(each, str) else [*each] for name, each in names.items()},
            updated_after=updated_after,
        )
        for record in instance.get_run_records(asked, limit=limit, cursor=cursor):
            found.setdefault(record.dagster_run.run_id, record)
    newest = sorted(found.values(), key=lambda each: each.storage_id, reverse=True)
    return newest if limit is None else newest[:limit]


def _older(wanted: Wanted) -> Wanted:
    """Return `wanted` by the names that older versions had for these tags."""
    older = {tags.FULL_COMMIT: tags.COMMIT}
    return {older.get(name) or tags.plain(name): each for name, each in wanted.items()}
