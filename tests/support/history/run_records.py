"""The sensor that writes the records of runs that could not do so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from deploy_project.orchestration.jobs.run_end import EndListener
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.triggers.run_records import look
from deploy_project.runs.model import tags
from deploy_project.runs.outcome.ends import Cursor
from tests.support.deployments.dagster_jobs import ORIGIN, daily
from tests.support.deployments.site import Site


@dataclass
class Watch:
    """The sensor's ticks against one instance; two minutes pass before each."""

    site: Site
    instance: dg.DagsterInstance
    cursor: Cursor = field(default_factory=lambda: Cursor(datetime.now(UTC)))
    warnings: list[str] = field(default_factory=list[str])
    listeners: Sequence[EndListener] = LISTENERS

    def tick(self, *, later: timedelta = timedelta(minutes=2)) -> list[str]:
        self.cursor, written = look(
            self.site.deployment,
            self.site.state,
            self.instance,
            self.cursor,
            datetime.now(UTC) + later,
            self.warnings.append,
            self.listeners,
        )
        return written

    def queued(self, job: str = "prod__daily", **others: str) -> dg.DagsterRun:
        made = {tags.JOB: job, tags.TRIGGER: "scheduled", tags.CAUSE: "Scheduled", **others}
        return self.instance.create_run_for_job(
            daily, status=dg.DagsterRunStatus.QUEUED, tags=made, remote_job_origin=ORIGIN
        )
