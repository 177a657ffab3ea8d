"""Runs as Dagster's storage has them, through its public methods."""

from collections.abc import Collection
from datetime import datetime

import dagster as dg

from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun, past_run

ENDED = [each for each in dg.DagsterRunStatus if Status.of(each).has_ended]
UNFINISHED = [each for each in dg.DagsterRunStatus if each not in ENDED]


def unfinished(instance: dg.DagsterInstance) -> list[PastRun]:
    """Return the runs that wait or are in progress."""
    return _found(instance, dg.RunsFilter(statuses=UNFINISHED))


def ended(instance: dg.DagsterInstance, *, since: datetime | None) -> list[PastRun]:
    """Return the ended runs that were changed after `since`; all of them without it."""
    return _found(instance, dg.RunsFilter(statuses=ENDED, updated_after=since))


def by_ids(instance: dg.DagsterInstance, run_ids: Collection[str]) -> list[PastRun]:
    """Return the runs of `run_ids` that there are."""
    return _found(instance, dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []


def _found(instance: dg.DagsterInstance, wanted: dg.RunsFilter) -> list[PastRun]:
    return [past_run(each) for each in instance.get_run_records(wanted)]
