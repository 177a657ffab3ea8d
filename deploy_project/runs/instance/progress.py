"""The pull requests of an environment with a run that may still write."""

from collections.abc import Iterator

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.runs.instance.records import tagged
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.store import scratch

_UNFINISHED = [status for status in dg.DagsterRunStatus if not Status.of(status).has_ended]


def in_progress(
    instance: dg.DagsterInstance, environment: str, state: StateDirectory
) -> dict[tuple[str, int, int], str]:
    """Return the id of such a run by environment, job's id and pull request's number.

    Queued runs are among them, and runs that have ended for Dagster while their process on this
    machine still works.
    """
    wanted = {tags.ENVIRONMENT: environment}
    unfinished = [each.dagster_run for each in tagged(instance, wanted, statuses=_UNFINISHED)]
    found: dict[tuple[str, int, int], str] = {}
    for run in (*unfinished, *_held(instance, state)):
        own = tags.current(run.tags)
        job, number = own.get(tags.JOB_ID, ""), tags.pull_request(own)
        is_here = own.get(tags.ENVIRONMENT) == environment
        if is_here and job.isdecimal() and number is not None:
            found[environment, int(job), number] = run.run_id
    return found


def _held(instance: dg.DagsterInstance, state: StateDirectory) -> Iterator[dg.DagsterRun]:
    for work in state.all_work.iterdir() if state.all_work.is_dir() else ():
        run = instance.get_run_by_id(work.name) if scratch.is_held(work) else None
        if run is not None:
            yield run
