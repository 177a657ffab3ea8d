"""The pull requests of an environment with a run that may still write."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.runs.reads import dagster_runs
from deploy_project.runs.store import scratch


def in_progress(
    instance: dg.DagsterInstance, environment: str, state: StateDirectory
) -> dict[tuple[str, int, int], str]:
    """Return the id of such a run by environment, job's id and pull request's number.

    Queued runs are among them, and runs that have ended for Dagster while their process on this
    machine still works.
    """
    held = dagster_runs.by_ids(instance, [work.name for work in _held(state)])
    return {
        (environment, run.job_id, run.pull_request): run.id
        for run in (*dagster_runs.unfinished(instance), *held)
        if run.environment == environment
        and run.job_id is not None
        and run.pull_request is not None
    }


def _held(state: StateDirectory) -> Iterator[Path]:
    for work in state.all_work.iterdir() if state.all_work.is_dir() else ():
        if scratch.is_held(work):
            yield work
