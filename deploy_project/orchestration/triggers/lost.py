"""Starts runs that a daemon took from the queue before it was killed."""

from datetime import datetime, timedelta

import dagster as dg

from deploy_project.orchestration.internals import launching
from deploy_project.orchestration.processes.workers import worker_of
from deploy_project.runs.reads import dagster_runs

AFTER = timedelta(seconds=30)
"""A daemon that lives has started the process of a run long before."""


def start_lost(instance: dg.DagsterInstance, *, now: datetime) -> list[str]:
    """Start the runs that left the queue but have no process; return a line for each of them.

    Safe while a slow daemon is about to: a run has one process, whoever starts it.
    """
    launcher = launching.launcher_of(instance)
    if launcher is None:
        return []
    lost = [
        run
        for run in dagster_runs.starting(instance, since_before=now - AFTER)
        if not worker_of(instance, run.run_id).directory.exists()
        and not _is_launched(instance, run)
    ]
    return [_started(instance, launcher, run) for run in lost]


def _is_launched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a launcher or a process has told of the run: that may be on another machine."""
    return bool(instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT))


def _started(instance: dg.DagsterInstance, launcher: launching.Launcher, run: dg.DagsterRun) -> str:
    try:
        launcher.launch(run)
    except Exception as error:  # as Dagster does when a launcher raises
        instance.report_run_failed(run, f"Its process could not be started: {error}")
        return f"Run {run.run_id} could not be started: {error}"
    return f"Started run {run.run_id}, which whoever took it from the queue had not"
