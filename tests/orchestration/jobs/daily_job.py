"""A job with a schedule that three failures in a row deactivate, and its runs."""

from collections.abc import Mapping

import dagster as dg

from deploy_project.config.values.deployment import Environment, Job, Project
from deploy_project.runs.model import tags
from deploy_project.runs.model.streak import fingerprint
from tests.support.deployments.dagster_jobs import daily

PROD = Environment("prod", 2, Project("shop", 1, "/shop.git"), "production")
JOB = Job(
    *("prod__daily", "daily", 3, "Daily", PROD, "", "scheduled", (), ("dbt build",)),
    cron=("0 6 * * *",),
    deactivate_after=3,
)


def run(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.FAILURE,
    job: Job = JOB,
    own: Mapping[str, str] | None = None,
) -> dg.DagsterRun:
    """Create a run of `job`, with tags of its `own`."""
    made = {tags.JOB: job.name, tags.DEFINITION: fingerprint(job), **(own or {})}
    return instance.create_run_for_job(daily, status=status, tags=made)
