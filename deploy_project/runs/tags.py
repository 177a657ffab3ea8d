"""The tags of a run, and what they say about why it runs; docs/reference.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from deploy_project.config.deployment import HostingKind, Job
from deploy_project.config.variables import ReasonCategory

LOCATION = "deploy_project"
"""The name of the code location in workspace.yaml."""

JOB = "deploy/job"
JOB_ID = "deploy/job_id"
ENVIRONMENT = "deploy/environment"
PROJECT = "deploy/project"
COMMIT = "deploy/commit"
BRANCH = "deploy/branch"
TRIGGER = "deploy/trigger"
CAUSE = "deploy/cause"
RUN_NUMBER = "deploy/run_id"
PULL_REQUEST = "deploy/pull_request"
SCHEMA_OVERRIDE = "deploy/schema_override"
UPSTREAM_RUN = "deploy/upstream_run"
PARENT = "dagster/parent_run_id"
LIMIT = "deploy/limit_{}"
"""One tag for each number of runs at once; dagster.yaml has a rule for each, its value is shared
by the runs that count together."""

LONGEST_CAUSE = 255

Category = Literal["api", "ci", "scheduled", "ui", "rerun", "job completion", "merge"]


@dataclass(frozen=True)
class Trigger:
    """Why a run runs (TRG-6)."""

    category: Category
    cause: str


def trigger(tags: Mapping[str, str], *, from_location: bool) -> Trigger:
    """Return why a run with `tags` runs.

    `from_location` tells that Dagster's webserver or daemon started it, not the command line.
    """
    if PARENT in tags:  # the other tags are its parent's
        return Trigger("rerun", f"Rerun of {tags[PARENT]}")
    cause = tags.get(CAUSE, "")[:LONGEST_CAUSE]
    stated = tags.get(TRIGGER)
    if stated in get_args(Category):
        return Trigger(cast(Category, stated), cause or f"Triggered: {stated}")
    if "dagster/schedule_name" in tags:
        return Trigger("scheduled", cause or "Scheduled")
    where = "the UI" if from_location else "the command line"
    return Trigger("ui", cause or f"Kicked off from {where}")


_PULL_REQUEST_REASONS: Mapping[HostingKind, ReasonCategory] = {
    "github": "github_pull_request",
    "gitlab": "gitlab_merge_request",
}


def reason_category(why: Trigger, hosting: HostingKind | None) -> ReasonCategory:
    """Return `DBT_CLOUD_RUN_REASON_CATEGORY` (VAR-7)."""
    if why.category == "scheduled":
        return "scheduled"
    if why.category == "ci" and hosting is not None:
        return _PULL_REQUEST_REASONS.get(hosting, "other")
    return "other"


def of_job(job: Job) -> dict[str, str]:
    """Return the tags that every run of `job` carries."""
    environment = job.environment
    limit = environment.concurrency
    return {
        JOB: job.name,
        JOB_ID: str(job.id),
        ENVIRONMENT: environment.name,
        PROJECT: environment.project.name,
        **({LIMIT.format(limit): environment.name} if limit is not None else {}),
    }


def run_number(run_id: str) -> int:
    """Return the number that stands for Dagster's `run_id` where dbt Cloud has a number.

    48 bits of the UUID: exact in JavaScript, and no two alike within millions of runs.
    """
    return int(run_id.replace("-", "")[:12], 16)
