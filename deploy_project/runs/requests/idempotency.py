"""Requests that are made again with the same key: within a day, they are one run."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.processes.lock_files import exclusive
from deploy_project.runs.model import tags
from deploy_project.runs.reads.dagster_runs import tagged
from deploy_project.runs.requests.request import Request

LASTS = timedelta(days=1)


class OtherBodyError(Exception):
    """A key has come again with another body: no run would be the answer to both."""


@dataclass(frozen=True)
class Once:
    """A request that may be made again: its key and its body, any texts."""

    key: str
    body: str

    def run(self, instance: dg.DagsterInstance) -> str | None:
        """Return the id of the run that it was answered with within a day; None for none.

        Raises `OtherBodyError`.
        """
        since = datetime.now(UTC) - LASTS
        for record in tagged(instance, {tags.IDEMPOTENCY: _hash(self.key)}):
            own = record.dagster_run.tags
            if record.create_timestamp <= since or not tags.were_asked_for(own):
                continue
            if own.get(tags.IDEMPOTENT_BODY) != _hash(self.body):
                raise OtherBodyError
            return record.dagster_run.run_id
        return None

    def launched(
        self,
        instance: dg.DagsterInstance,
        state: StateDirectory,
        asked: Request,
        *,
        launch: Callable[[Request], str],
    ) -> str:
        """Return the id of its run; `launch` the request `asked` if there is none yet.

        Requests of other processes on this state directory wait meanwhile. Raises `OtherBodyError`.
        """
        own = {tags.IDEMPOTENCY: _hash(self.key), tags.IDEMPOTENT_BODY: _hash(self.body)}
        with exclusive(state.requests_lock, purpose="ask for a run only once"):
            return self.run(instance) or launch(asked.with_tags(own))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
