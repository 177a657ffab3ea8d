"""One run as dbt Cloud's API has it; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from deploy_project.api.front.known import Known
from deploy_project.api.objects.account import (
    NEWEST,
    Object,
    environment_object,
    number_of,
    repository_object,
)
from deploy_project.api.objects.humanized import ago, clock, lasting, spaced
from deploy_project.api.objects.job import job_of_run
from deploy_project.api.objects.step import status_number, status_words
from deploy_project.api.objects.trigger import trigger_object
from deploy_project.config.values.deployment import Environment, Job
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import run_number
from deploy_project.runs.outcome.ends import CANCELLED
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.retry.refusal import Reason

RELATED = frozenset(
    {"trigger", "job", "environment", "repository", "run_steps", "run_retries"}
    | {"used_repo_cache", "repo_cache_restore", "audit", "debug_logs"}
)
"""The related objects that a look-up of a run can include."""
LISTED = frozenset({"trigger", "job", "environment", "repository", "audit"})
"""Those that a list can; logs and steps of a hundred runs are no page."""
REASONS = get_args(Reason)
FAILED = "dbt command failed"
"""dbt Cloud's words for a failure that nobody has told of."""


@dataclass(frozen=True)
class Around:
    """The surroundings of a run that its object shows."""

    known: Known
    related: frozenset[str] = frozenset()
    refused: Reason | None = "RETRY_NOT_FAILED_RUN"
    """The reason why it can't be retried; None when it can."""
    steps: Sequence[Any] = ()
    retries: Sequence[PastRun] = field(default_factory=tuple)
    """The runs that have repeated it, when they were asked for."""


def run_object(run: PastRun, around: Around, *, now: datetime) -> Object:
    """Return the object of a run at the time `now`."""
    known, related = around.known, around.related
    deployment = known.deployment
    job = deployment.jobs.get(run.job)
    environment = deployment.environments.get(run.environment)
    project = deployment.projects.get(run.project)
    job_id = job.id if job is not None else run.job_id
    return {
        "id": run.number,
        "trigger_id": run.number,
        "account_id": known.account.id,
        "environment_id": environment.id if environment is not None else None,
        "project_id": project.id if project is not None else None,
        "job_definition_id": job_id,
        "status": status_number(run.status),
        "dbt_version": run.dbt_version or _expected_version(run, job, environment),
        "git_branch": run.branch or None,
        "git_sha": run.commit or None,
        "status_message": _message(run),
        "owner_thread_id": None,
        "executed_by_thread_id": None,
        "deferring_run_id": run_number(run.deferred_to) if run.deferred_to else None,
        "artifacts_saved": run.has_artifacts,
        "artifact_s3_path": f"runs/{run.id}" if run.has_artifacts else None,
        "has_docs_generated": run.has_docs,
        "has_sources_generated": run.has_sources,
        "notifications_sent": run.status.has_ended,
        "blocked_by": [run_number(each) for each in run.blocked_by],
        **_times(run),
        "trigger": trigger_object(run, job_id, project) if "trigger" in related else None,
        "job": job_of_run(job, known, now=now) if "job" in related and job is not None else None,
        "environment": (
            environment_object(environment, known)
            if "environment" in related and environment is not None
            else None
        ),
        "repository": (
            repository_object(project, known)
            if "repository" in related and project is not None
            else None
        ),
        "run_steps": [*around.steps],
        "run_retries": [_retry(each, known) for each in around.retries],
        "deprecation": {"count": 0},
        **_states(run.status),
        **_durations(run, now),
        "retrying_run_id": run_number(run.repeats) if run.resumes and run.repeats else None,
        "can_retry": around.refused is None,
        "retry_not_supported_reason": around.refused,
        "job_id": job_id,
        "href": deployment.run_page(run.id),
        "used_repo_cache": run.used_repo_cache if "used_repo_cache" in related else None,
        "repo_cache_restore": None,
        "audit": _audit(run) if "audit" in related else None,
    }


def _times(run: PastRun) -> Object:
    changed = max(filter(None, (run.created_at, run.started_at, run.ended_at, run.changed_at)))
    # Dagster's records don't tell when the queue has let a run go; it begins a moment later.
    dequeued = run.changed_at if run.status is Status.STARTING else run.started_at
    return {
        "created_at": spaced(run.created_at),
        "updated_at": spaced(changed),
        "dequeued_at": spaced(dequeued),
        "started_at": spaced(run.started_at),
        "finished_at": spaced(run.ended_at),
        "last_checked_at": spaced(changed),
        "last_heartbeat_at": None,
        "should_start_at": None,
    }


def _states(status: Status) -> Object:
    return {
        "status_humanized": status_words(status),
        "in_progress": not status.has_ended,
        "is_complete": status.has_ended,
        "is_success": status is Status.SUCCESS,
        "is_error": status is Status.ERROR,
        "is_cancelled": status is Status.CANCELLED,
        "is_running": status in (Status.RUNNING, Status.CANCELLING),
    }


def _durations(run: PastRun, now: datetime) -> Object:
    end = run.ended_at or now
    total = (end - run.created_at).total_seconds()
    queued = ((run.started_at or end) - run.created_at).total_seconds()
    ran = (end - run.started_at).total_seconds() if run.started_at is not None else 0.0
    return {
        "duration": clock(total),
        "queued_duration": clock(queued),
        "run_duration": clock(ran),
        "duration_humanized": lasting(total),
        "queued_duration_humanized": lasting(queued),
        "run_duration_humanized": lasting(ran),
        "created_at_humanized": ago(run.created_at, now),
        "finished_at_humanized": ago(run.ended_at, now),
    }


def _message(run: PastRun) -> str | None:
    if run.status is Status.ERROR:
        return run.reason or FAILED
    return (run.reason or CANCELLED) if run.status is Status.CANCELLED else None


def _expected_version(run: PastRun, job: Job | None, environment: Environment | None) -> str:
    """Return the dbt version of a run that has not used any yet."""
    stated = run.asked.overrides.get("dbt_version")
    configured = job.dbt_version if job is not None else None
    found = stated or configured or (environment.dbt_version if environment is not None else None)
    return str(found) if found else NEWEST


def _audit(run: PastRun) -> Object:
    """Return the names of the starter and the canceller of the run."""
    cancellation = {"actor": _actor(run.cancelled_by)} if run.cancelled_by else None
    return {"trigger": {"actor": _actor(run.who)}, "cancellation": cancellation}


def _actor(who: str) -> Object:
    return {
        "id": str(number_of(who)) if who else None,
        "type": "user" if who else "system",
        "name": who or None,
    }


def _retry(run: PastRun, known: Known) -> Object:
    return {
        "id": run.number,
        "status": status_number(run.status),
        "status_humanized": status_words(run.status),
        "created_at": spaced(run.created_at),
        "href": known.deployment.run_page(run.id),
    }
