"""Runs as Dagster's storage has them, through its public methods; nobody else lists them.

What needs tags that only programs have asks for the records by their tags: `tagged`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import dagster as dg

from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun, past_run

ENDED = [each for each in dg.DagsterRunStatus if Status.of(each).has_ended]
UNFINISHED = [each for each in dg.DagsterRunStatus if each not in ENDED]
Tags = Mapping[str, str | Sequence[str]]
"""Values of tags; a run with any of several is wanted."""


def unfinished(instance: dg.DagsterInstance) -> list[PastRun]:
    """Return the runs that wait, with those that they wait for, or are in progress."""
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    holders: dict[tuple[str, str], list[str]] = {}
    for each in records:
        if Status.of(each.dagster_run.status) is not Status.QUEUED:
            for place in _counted(each):
                holders.setdefault(place, []).append(each.dagster_run.run_id)
    found = [(past_run(each), each) for each in records]
    return [
        replace(run, blocked_by=_blocked_by(record, holders)) if run.is_queued else run
        for run, record in found
    ]


def _blocked_by(
    queued: dg.RunRecord, holders: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[str, ...]:
    """Return the runs in progress that a queued one waits for, by the rules of dagster.yaml."""
    found: list[str] = []
    for place in _counted(queued):
        others = holders.get(place, ())
        if len(others) >= tags.most_at_once(place[0]):
            found += others
    return tuple(dict.fromkeys(found))


def _counted(record: dg.RunRecord) -> list[tuple[str, str]]:
    own = tags.current(record.dagster_run.tags)
    return [(name, own[name]) for name in tags.counted(own)]


def ended(instance: dg.DagsterInstance, *, since: datetime | None) -> list[PastRun]:
    """Return the ended runs that were changed after `since`; all of them without it."""
    return _found(instance, dg.RunsFilter(statuses=ENDED, updated_after=since))


def by_ids(instance: dg.DagsterInstance, run_ids: Collection[str]) -> list[PastRun]:
    """Return the runs of `run_ids` that there are."""
    return _found(instance, dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []


def ended_elsewhere(
    instance: dg.DagsterInstance, job: str, *, location: str, since: datetime
) -> list[PastRun]:
    """Return the ended runs of a job of another code location that were changed after `since`."""
    wanted = dg.RunsFilter(job_name=job, statuses=ENDED, updated_after=since)
    return [
        past_run(record)
        for record in instance.get_run_records(wanted)
        if (origin := record.dagster_run.remote_job_origin) is not None
        and origin.location_name == location
    ]


def starting(instance: dg.DagsterInstance, *, since_before: datetime) -> Sequence[dg.DagsterRun]:
    """Return the runs that left the queue some time ago and have not begun."""
    statuses = [dg.DagsterRunStatus.STARTING]
    return instance.get_runs(dg.RunsFilter(statuses=statuses, updated_before=since_before))


def tagged(
    instance: dg.DagsterInstance,
    wanted: Tags,
    *,
    statuses: Sequence[dg.DagsterRunStatus] | None = None,
    updated_after: datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> list[dg.RunRecord]:
    """Return the runs with the tags `wanted`, the newest first; those before the run `cursor`.

    Those of older versions, which had other names for tags, are among them.
    """
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


def _older(wanted: Tags) -> Tags:
    """Return `wanted` by the names that older versions had for these tags."""
    older = {tags.FULL_COMMIT: tags.COMMIT}
    return {older.get(name) or tags.plain(name): each for name, each in wanted.items()}


def _found(instance: dg.DagsterInstance, wanted: dg.RunsFilter) -> list[PastRun]:
    return [past_run(each) for each in instance.get_run_records(wanted)]
