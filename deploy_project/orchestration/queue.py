"""Runs that wait although a newer one has come: at most one of a kind stays (Q-4, Q-6)."""

import dagster as dg

from deploy_project.orchestration import internals
from deploy_project.runs import tags
from deploy_project.runs.tags import Category


def supersede(instance: dg.DagsterInstance, job: str, category: Category) -> list[str]:
    """Cancel the runs of `job` that this trigger has queued before; return their ids.

    Runs that were asked for by hand or by programs have another trigger and stay. A run that is
    just leaving the queue stays too: it has started.
    """
    waiting = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.QUEUED],
            tags={tags.JOB: job, tags.TRIGGER: category},
        )
    )
    for record in waiting:
        internals.cancel_queued(instance, record.dagster_run, _why(job, category))
    return [record.dagster_run.run_id for record in waiting]


def _why(job: str, category: Category) -> str:
    newer = "merge" if category == "merge" else "scheduled run"
    return (
        f"Cancelled while it waited: a newer {newer} of job {job!r} takes its place. "
        "Only one of them waits at a time; run the job less often, or make it faster."
    )
