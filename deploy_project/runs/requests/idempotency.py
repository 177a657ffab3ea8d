"""Requests that are made again with the same key: within a day, they are one run."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.processes.lock_files import exclusive
from deploy_project.runs.model import tags
from deploy_project.runs.reads.dagster_runs import tagged
from deploy_project.runs.requests.request import Request

LASTS = timedelta(days=1)


def once(
    instance: dg.DagsterInstance,
    state: StateDirectory,
    asked: Request,
    *,
    key: str,
    launch: Callable[[Request], str],
) -> str:
    """Return the id of the run that was asked for with `key`; `launch` it if none was within a day.

    `key` is any text. Requests of other processes on this state directory wait meanwhile.
    """
    mark = hashlib.sha256(key.encode()).hexdigest()[:32]
    with exclusive(state.requests_lock, purpose="ask for a run only once"):
        since = datetime.now(UTC) - LASTS
        for record in tagged(instance, {tags.IDEMPOTENCY: mark}):
            if record.create_timestamp > since and tags.were_asked_for(record.dagster_run.tags):
                return record.dagster_run.run_id
        return launch(asked.with_tags({tags.IDEMPOTENCY: mark}))
