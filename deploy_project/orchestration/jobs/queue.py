"""Runs in Dagster's queue: older ones give way, missing limits are noted (Q-1 to Q-6)."""

from collections.abc import Collection, Sequence

import dagster as dg

from deploy_project.orchestration.internals import events
from deploy_project.runs.model import tags
from deploy_project.runs.model.tags import Category
from deploy_project.runs.reads.dagster_runs import tagged


def supersede(
    instance: dg.DagsterInstance, job: str, category: Category, *, own: tuple[str, str]
) -> list[str]:
    """Cancel the runs of `job` that this trigger has queued before; return their ids.

    Runs that were asked for by hand or by programs have another trigger and stay, and so does a
    rerun, which has all tags of its parent. `own` is the tag of the runs that are this very
    request: Dagster makes a tick again that was killed, and starts none of its runs twice. A run
    that is just leaving the queue stays too: it has started.
    """
    name, value = own
    wanted, queued = {tags.JOB: job, tags.TRIGGER: category}, [dg.DagsterRunStatus.QUEUED]
    waiting = [
        run
        for run in (each.dagster_run for each in tagged(instance, wanted, statuses=queued))
        if run.tags.get(name) != value
        and tags.trigger(run.tags, from_location=True).category == category
    ]
    for run in waiting:
        events.cancel_queued(instance, run, _why(job, category))
    return [run.run_id for run in waiting]


def _why(job: str, category: Category) -> str:
    newer = "merge" if category == "merge" else "scheduled run"
    return (
        f"Cancelled while it waited: a newer {newer} of job {job!r} takes its place. "
        "Only one of them waits at a time; run the job less often, or make it faster."
    )


def unguaranteed(
    counted: Sequence[str], rules: Collection[str] | None, *, waited: bool
) -> str | None:
    """Return the guarantee that the queue can't give for a run, in a line; None if it gives all.

    `counted` are the tags that the run is counted by, `rules` those that Dagster's queue has a
    rule for, None without a queue; `waited` tells whether the run has been through it.
    """
    if not counted:
        return None
    if rules is None:
        return (
            "This Dagster has no run queue: runs of one job may overlap, and `concurrency` and "
            f"`run_slots` limit nothing. {_REMEDY}"
        )
    missing = [name for name in counted if name not in rules]
    if tags.are_older_rules(rules):
        return (
            "The `concurrency:` of dagster.yaml is that of an older version, and counts tags that "
            "runs have no more: runs of one job may overlap, and `concurrency` and `run_slots` "
            f"limit nothing. {_REMEDY}"
        )
    if missing:
        return (
            f"Dagster's queue has no rule for {', '.join(missing)}: runs that should wait for "
            f"each other may overlap. {_REMEDY}"
        )
    if not waited:
        return (
            "This run was started by hand, in a process of its own, and begins at once: it does "
            "not wait in Dagster's queue for other runs of this job, nor for `concurrency` and "
            "`run_slots`. Nothing is wrong; `deploy-project run` starts one that waits."
        )
    return None


_REMEDY = "Take `concurrency:` from the dagster.yaml that `deploy-project init` writes."
