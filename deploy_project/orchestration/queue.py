"""Runs that wait although a newer one has come: at most one of a kind stays (Q-4, Q-6)."""

from collections.abc import Mapping

import dagster as dg

from deploy_project.orchestration import internals
from deploy_project.runs import tags
from deploy_project.runs.tags import Category


def supersede(
    instance: dg.DagsterInstance, job: str, category: Category, *, by: Mapping[str, str]
) -> list[str]:
    """Cancel the runs of `job` that this trigger has queued before; return their ids.

    Runs that were asked for by hand or by programs have another trigger and stay. A run that is
    just leaving the queue stays too: it has started. So does a run with the tags `by`, which is
    the new one: a daemon that was killed before it had noted the tick asks for the tick again.
    """
    waiting = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.QUEUED],
            tags={tags.JOB: job, tags.TRIGGER: category},
        )
    )
    older = [
        each.dagster_run for each in waiting if not by.items() <= each.dagster_run.tags.items()
    ]
    for run in older:
        internals.cancel_queued(instance, run, _why(job, category))
    return [run.run_id for run in older]


def _why(job: str, category: Category) -> str:
    newer = "merge" if category == "merge" else "scheduled run"
    return (
        f"Cancelled while it waited: a newer {newer} of job {job!r} takes its place. "
        "Only one of them waits at a time; run the job less often, or make it faster."
    )
