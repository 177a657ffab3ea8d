"""The tags of a run: their names, and the trigger and queue in them (docs/in-dagster.md)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from deploy_project.config.values.deployment import Environment, HostingKind, Job
from deploy_project.config.values.hosting_sites import SITES
from deploy_project.config.values.variables import ReasonCategory
from deploy_project.dbt.project.schemas import pull_request_schema
from deploy_project.runs.model.streak import fingerprint

LOCATION = "deploy_project"
"""The name of the code location in workspace.yaml."""
REPOSITORY = "__repository__"
"""The name that Dagster gives to the definitions of a code location."""

COMMIT = "deploy/commit"
"""The first `SHORT` digits of the commit; a person may ask for one with all of them."""
BRANCH = "deploy/branch"
"""The branch of the code; a pull request's run shows `PULL_REQUEST` instead."""
PULL_REQUEST = "deploy/pull_request"
TRIGGER = "deploy/trigger"
WHO = "deploy/who"
"""The name of whoever has asked for the run; counts on a rerun only beside `REPEATS`."""
SHORT = 7
"""The digits of a commit that are shown."""

# Tags that begin with `.dagster/` are seen by nobody in the UI, and count all the same.
JOB = ".dagster/deploy_job"
JOB_ID = ".dagster/deploy_job_id"
ENVIRONMENT = ".dagster/deploy_environment"
PROJECT = ".dagster/deploy_project"
FULL_COMMIT = ".dagster/deploy_commit"
HIDDEN_BRANCH = ".dagster/deploy_branch"
"""The branch of a pull request's run."""
CAUSE = ".dagster/deploy_cause"
BRANCH_OVERRIDE = ".dagster/deploy_branch_override"
"""The branch that was asked for instead of the environment's; a retry builds its head then."""
COMMIT_OVERRIDE = ".dagster/deploy_commit_override"
"""The commit that was asked for: `FULL_COMMIT` has the one that is built, whoever has chosen it."""
SCHEMA_OVERRIDE = ".dagster/deploy_schema_override"
PULL_REQUEST_KIND = ".dagster/deploy_pull_request_kind"
"""The site that a pull request's number was asked for as: github, gitlab, azure or non_native."""
CANCELLED_BY = ".dagster/deploy_cancelled_by"
"""The name of whoever has cancelled the run through the API."""
RUN_NUMBER = ".dagster/deploy_run_id"
"""On runs of older versions alone: `run_number` follows from a run's id."""
REPEATS = ".dagster/deploy_repeats"
"""On a retry that was asked for here, the run that it repeats: a rerun has its parent's tags."""
IDEMPOTENCY = ".dagster/deploy_idempotency"
"""On a run that was asked for over the API with an idempotency key, a hash of that."""
IDEMPOTENT_BODY = ".dagster/deploy_idempotent_body"
"""Likewise, a hash of the request's body: another one must not be answered with this run."""
STRANGER = ".dagster/deploy_stranger"
"""`true` on a run whose code is not of its environment's branch."""
UPSTREAM_RUN = ".dagster/deploy_upstream_run"
RESUMED_RUN = ".dagster/deploy_resumed_run"
RETRY_SELECT = ".dagster/deploy_retry_select"
SAME_COMMIT = ".dagster/deploy_same_commit"
PARENT = "dagster/parent_run_id"
ROOT = "dagster/root_run_id"
RESUME_RETRY = "dagster/is_resume_retry"
QUEUE = ".dagster/deploy_queue"
"""Runs that share its value never overlap (Q-2). A CI job's runs get it when they are started."""
LIMIT = ".dagster/deploy_limit_{}"
"""One tag for each number of runs at once; dagster.yaml has a rule for each, its value is shared
by the runs that count together."""
SLOTS = ".dagster/deploy_slots_{}"
"""The same for the whole account (Q-1)."""
DEFINITION = ".dagster/deploy_definition"
"""The fingerprint of the job's definition: a job that is changed counts its failures anew."""
REACTIVATES = ".dagster/deploy_reactivates"
"""On a run that has reactivated its job, its own id: a rerun has all tags of its parent."""
DEPLOYED_BY = ".dagster/deploy_deployed_by"
"""On a pull request's run, once it is merged: the run of production that has built it first."""
FAILED_STEPS = ".dagster/deploy_failed_steps"
"""The check-boxes that have failed without failing the run; empty for none on a rerun of one."""
FACTS, MISSING = ".dagster/deploy_facts", "missing"
"""On a run whose facts could not be kept at its end, until they are."""
ASKED = frozenset({CAUSE, BRANCH_OVERRIDE, SCHEMA_OVERRIDE, SAME_COMMIT, RETRY_SELECT})
"""The hidden tags that people may set, by the names that `plain` returns."""
RUN_KEY = "dagster/run_key"
SCHEDULED_FOR = ".dagster/scheduled_execution_time"
RETRY_NUMBER = "dagster/retry_number"

COMMAND_LINE = "Kicked off from the command line"
"""The cause of a run that somebody has started there; dbt Cloud's word for it is `api`."""
LONGEST_CAUSE = 255
_NUMBER = re.compile(r"[0-9]{1,18}")
_HIDDEN, _PLAIN = ".dagster/deploy_", "deploy/"
_MOVED = re.compile(
    r"deploy/(?:job(?:_id)?|run_id|environment|project|cause|branch_override|schema_override|upstream_run"
    r"|resumed_run|retry_select|same_commit|queue|(?:limit|slots)_[0-9]+|definition|reactivates"
    r"|deployed_by|failed_steps)"
)
"""The names that people may write for hidden tags, or that versions before these had for them."""
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Category = Literal["api", "ci", "scheduled", "ui", "rerun", "job completion", "merge"]


def plain(name: str) -> str:
    """Return the name of a hidden tag as people write it, and as versions before these had it."""
    return _PLAIN + name.removeprefix(_HIDDEN) if name.startswith(_HIDDEN) else name


def current(tags: Mapping[str, str]) -> dict[str, str]:
    """Return `tags` by the names of today: some are hidden that people write by plain ones.

    Where a run has both, a person has asked for something in its parent's place, or else the plain
    one is older: a rerun has all tags of its parent.
    """
    found = dict(tags)
    for name, value in tags.items():
        if _MOVED.fullmatch(name):
            hidden = _HIDDEN + name.removeprefix(_PLAIN)
            del found[name]
            if hidden in ASKED or hidden not in tags:
                found[hidden] = value
    return found


def of_code(commit: str, branch: str | None, *, of_pull_request: bool) -> dict[str, str]:
    """Return the tags of a run's code: its commit, and its branch when that is known."""
    shown = HIDDEN_BRANCH if of_pull_request else BRANCH
    named = {shown: branch} if branch else {}
    return {COMMIT: commit[:SHORT], FULL_COMMIT: commit, **named}


def commit(tags: Mapping[str, str]) -> str | None:
    """Return the commit that a run with `tags` builds, or is asked to; None without one.

    A commit that somebody has written takes the place of a parent's.
    """
    shown, full = tags.get(COMMIT), tags.get(FULL_COMMIT)
    return (full if full and full.startswith(shown or "") else shown) or None


def branch(tags: Mapping[str, str]) -> str | None:
    """Return the branch of the code of a run with `tags`; None when nobody knows it."""
    return tags.get(BRANCH) or tags.get(HIDDEN_BRANCH)


@dataclass(frozen=True)
class Trigger:
    """The trigger of a run: its category, and its cause in words (TRG-6)."""

    category: Category
    cause: str


def trigger(tags: Mapping[str, str], *, from_location: bool) -> Trigger:
    """Return the trigger of a run with `tags`.

    `from_location` tells that Dagster's webserver or daemon started it, not the command line.
    """
    tags = current(tags)
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
    return tags.get(WHO, "")[:LONGEST_CAUSE] if were_asked_for(tags) else ""


def were_asked_for(tags: Mapping[str, str]) -> bool:
    """Return whether the tags of a run's request are its own, and not its parent's."""
    return PARENT not in tags or tags.get(REPEATS) == tags[PARENT]


def resumed(tags: Mapping[str, str]) -> str | None:
    """Return the id of the run that a run with `tags` resumes; None when it resumes none.

    Dagster marks its own re-executions from failure. The mark of ours counts only beside the run
    that it was made for: a run that is repeated as a whole inherits it. The id becomes a path, so
    any other text counts as none.
    """
    parent = tags.get(PARENT, "")
    if tags.get(RESUME_RETRY) != "true" and current(tags).get(RESUMED_RUN) != parent:
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


def most_at_once(name: str) -> int:
    """Return how many runs with one value of a `counted` tag may be in progress."""
    end = name.rpartition("_")[2]
    return int(end) if end.isdecimal() else 1


def are_older_rules(rules: Collection[str]) -> bool:
    """Return whether `rules`, names of tags, are those of a dagster.yaml for an older version."""
    return plain(QUEUE) in rules and QUEUE not in rules


def run_number(run_id: str) -> int:
    """Return the number that stands for Dagster's `run_id` where dbt Cloud has a number.

    48 bits of the UUID: exact in JavaScript, and no two alike within millions of runs.
    """
    return int(run_id.replace("-", "")[:12], 16)
