"""The tags of a run: their names, and the trigger and queue that they encode (docs/runs.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from deploy_project.config.values.deployment import Environment, HostingKind, Job
from deploy_project.config.values.hosting_sites import SITES
from deploy_project.config.values.variables import ReasonCategory
from deploy_project.dbt.project.schemas import pull_request_schema
from deploy_project.runs.model.streak import fingerprint

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
WHO = "deploy/who"
"""The name of whoever has asked for the run; counts on a rerun only beside `REPEATS`."""
REPEATS = ".dagster/deploy_repeats"
"""On a retry that was asked for here, the run that it repeats: a rerun has its parent's tags."""
STRANGER = ".dagster/deploy_stranger"
"""`true` on a run whose code is not of its environment's branch."""
RUN_NUMBER = "deploy/run_id"
PULL_REQUEST = "deploy/pull_request"
BRANCH_OVERRIDE = "deploy/branch_override"
"""The branch that was asked for instead of the environment's; a retry builds its head then."""
SCHEMA_OVERRIDE = "deploy/schema_override"
UPSTREAM_RUN = "deploy/upstream_run"
RESUMED_RUN = "deploy/resumed_run"
RETRY_SELECT = "deploy/retry_select"
SAME_COMMIT = "deploy/same_commit"
PARENT = "dagster/parent_run_id"
ROOT = "dagster/root_run_id"
RESUME_RETRY = "dagster/is_resume_retry"
QUEUE = "deploy/queue"
"""Runs that share its value never overlap (Q-2). A CI job's runs get it when they are started."""
LIMIT = "deploy/limit_{}"
"""One tag for each number of runs at once; dagster.yaml has a rule for each, its value is shared
by the runs that count together."""
SLOTS = "deploy/slots_{}"
"""The same for the whole account (Q-1)."""
DEFINITION = "deploy/definition"
"""The fingerprint of the job's definition: a job that is changed counts its failures anew."""
REACTIVATES = "deploy/reactivates"
"""On a run that has reactivated its job, its own id: a rerun has all tags of its parent."""
DEPLOYED_BY = "deploy/deployed_by"
"""On a pull request's run, once it is merged: the run of production that has built it first."""
FAILED_STEPS = "deploy/failed_steps"
"""The check-boxes that have failed without failing the run; empty for none on a rerun of one."""
RUN_KEY = "dagster/run_key"
SCHEDULED_FOR = ".dagster/scheduled_execution_time"
RETRY_NUMBER = "dagster/retry_number"

COMMAND_LINE = "Kicked off from the command line"
"""The cause of a run that somebody has started there; dbt Cloud's word for it is `api`."""
LONGEST_CAUSE = 255
_NUMBER = re.compile(r"[0-9]{1,18}")
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Category = Literal["api", "ci", "scheduled", "ui", "rerun", "job completion", "merge"]


@dataclass(frozen=True)
class Trigger:
    """The trigger of a run: its category, and its cause in words (TRG-6)."""

    category: Category
    cause: str


def trigger(tags: Mapping[str, str], *, from_location: bool) -> Trigger:
    """Return the trigger of a run with `tags`.

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
    if from_location:
        return Trigger("ui", cause or "Kicked off from the UI")
    return Trigger("api", cause or COMMAND_LINE)


def who(tags: Mapping[str, str]) -> str:
    """Return the name in `tags` of the person or program that asked for the run; else empty."""
    is_its_own = PARENT not in tags or tags.get(REPEATS) == tags[PARENT]
    return tags.get(WHO, "")[:LONGEST_CAUSE] if is_its_own else ""


def resumed(tags: Mapping[str, str]) -> str | None:
    """Return the id of the run that a run with `tags` resumes; None when it resumes none.

    Dagster marks its own re-executions from failure. The mark of ours counts only beside the run
    that it was made for: a run that is repeated as a whole inherits it. The id becomes a path, so
    any other text counts as none.
    """
    parent = tags.get(PARENT, "")
    if tags.get(RESUME_RETRY) != "true" and tags.get(RESUMED_RUN) != parent:
        return None
    return parent if _RUN_ID.fullmatch(parent) else None


def reason_category(why: Trigger, hosting: HostingKind | None) -> ReasonCategory:
    """Return `DBT_CLOUD_RUN_REASON_CATEGORY` (VAR-7)."""
    if why.category == "scheduled":
        return "scheduled"
    if why.category == "ci" and hosting is not None:
        return SITES[hosting].reason
    return "other"


def of_job(job: Job, *, run_slots: int | None) -> dict[str, str]:
    """Return the tags that every run of `job` carries.

    CI jobs take no slot of the account, and pull requests run side by side (Q-5).
    """
    environment, is_ci = job.environment, job.job_type == "ci"
    return {
        JOB: job.name,
        JOB_ID: str(job.id),
        ENVIRONMENT: environment.name,
        PROJECT: environment.project.name,
        DEFINITION: fingerprint(job),
        **({} if is_ci else {QUEUE: job.name}),
        **limits(environment, run_slots=None if is_ci else run_slots),
    }


def of_pull_request(job: Job, number: int, *, run_slots: int | None) -> dict[str, str]:
    """Return the tags of a pull request's run: its number, its schema, its place in the queue.

    The runs of one pull request and job follow each other, those of others don't wait (CI-11).
    A job that also runs for its environment has tags that count; no tag can be taken away, but
    its value can be one that nobody shares.
    """
    own = f"{job.name}:{number}"
    takes_slots = job.job_type != "ci" and run_slots is not None
    return {
        PULL_REQUEST: str(number),
        SCHEMA_OVERRIDE: pull_request_schema(job.id, number),
        QUEUE: own,
        **({SLOTS.format(run_slots): own} if takes_slots else {}),
    }


def pull_request(tags: Mapping[str, str]) -> int | None:
    """Return the number of the pull request that a run with `tags` is of; None for any other."""
    text = tags.get(PULL_REQUEST, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def limits(environment: Environment, *, run_slots: int | None) -> dict[str, str]:
    """Return the tags for Dagster's queue: the environment's limit, the account's run slots."""
    limit = environment.concurrency
    return {
        **({LIMIT.format(limit): environment.name} if limit is not None else {}),
        **({SLOTS.format(run_slots): "account"} if run_slots is not None else {}),
    }


def counted(tags: Mapping[str, str]) -> list[str]:
    """Return the names of the `tags` that dagster.yaml has a queue rule for."""
    kinds = (QUEUE, LIMIT.format(""), SLOTS.format(""))
    return [name for name in tags if name.startswith(kinds)]


def run_number(run_id: str) -> int:
    """Return the number that stands for Dagster's `run_id` where dbt Cloud has a number.

    48 bits of the UUID: exact in JavaScript, and no two alike within millions of runs.
    """
    return int(run_id.replace("-", "")[:12], 16)
