"""One job as dbt Cloud's API has it; pure."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy_project.api.front.known import Known
from deploy_project.api.objects.account import (
    ACTIVE,
    Object,
    account_object,
    environment_object,
    project_object,
    times,
    variables,
)
from deploy_project.api.objects.schedule import (
    completion_object,
    next_run,
    schedule_object,
    triggers_object,
)
from deploy_project.config.values.deployment import DeferToEnvironment, DeferToJob, Job

RELATED = frozenset(
    {"account", "project", "environment", "custom_environment_variables", "fusion_readiness"}
    | {"most_recent_run", "most_recent_completed_run"}
)
"""The related objects that a look-up of a job, or a list, can include."""
_THREADS, _TARGET = 4, "default"
"""dbt Cloud's own, where neither job nor environment say anything."""


@dataclass(frozen=True)
class History:
    """The history of a job, as far as its object shows it."""

    failures: int = 0
    """The failed runs since its last success."""
    is_deactivated: bool = False
    newest: Any = None
    """The object of its newest run, when that was asked for."""
    newest_completed: Any = None


NO_HISTORY = History()


def job_object(
    job: Job,
    known: Known,
    related: frozenset[str] = frozenset(),
    *,
    now: datetime,
    history: History = NO_HISTORY,
) -> Object:
    """Return the object of a job at the time `now`."""
    environment = job.environment
    threads = job.threads or environment.threads or _THREADS
    stated = variables(job.variables, environment, known, job)
    return {
        "id": job.id,
        "account_id": known.account.id,
        "project_id": environment.project.id,
        "environment_id": environment.id,
        "name": shown_name(job),
        "description": job.description,
        "dbt_version": job.dbt_version,
        "raw_dbt_version": job.dbt_version,
        **times(known),
        "execute_steps": list(job.commands),
        "execution": {"timeout_seconds": job.timeout_seconds},
        "settings": {"threads": threads, "target_name": job.target_name or _TARGET},
        "state": ACTIVE,
        "deactivated": history.is_deactivated,
        "run_failure_count": history.failures,
        **_deferral(job, known),
        "lifecycle_webhooks": False,
        "lifecycle_webhooks_url": None,
        "triggers": triggers_object(job),
        "schedule": schedule_object(job),
        "generate_docs": job.generate_docs,
        "run_generate_sources": job.run_generate_sources,
        "generate_sources": job.run_generate_sources,
        "run_compare_changes": job.run_compare_changes,
        "compare_changes_flags": _flags(job.compare_changes_flags),
        "run_lint": job.run_lint,
        "errors_on_lint_failure": job.errors_on_lint_failure,
        "cost_optimization_features": list(job.cost_optimization_features),
        "is_deferrable": job.job_type != "ci",
        "job_type": job.job_type,
        "triggers_on_draft_pr": job.on_draft_pull_request,
        "job_completion_trigger_condition": completion_object(job.completion, known.deployment),
        "is_system": False,
        **next_run(job, now=now),
        "account": account_object(known) if "account" in related else None,
        "project": project_object(environment.project, known) if "project" in related else None,
        "environment": environment_object(environment, known) if "environment" in related else None,
        "custom_environment_variables": (
            stated if "custom_environment_variables" in related else None
        ),
        "most_recent_run": history.newest,
        "most_recent_completed_run": history.newest_completed,
        "fusion_readiness": None,
        **_as_written(job, known),
    }


def job_of_run(job: Job, known: Known, *, now: datetime) -> Object:
    """Return a job as the object of a run has it: of its schedule only the kinds."""
    found = job_object(job, known, now=now)
    schedule = found["schedule"]
    kinds = {name: schedule[name]["type"] for name in ("date", "time")}
    return {**found, "schedule": {"cron": schedule["cron"], **kinds}}


_SAME = ("dbt_version", "compare_changes_flags")
_DEFERRALS = ("deferring_job_definition_id", "deferring_environment_id")
_TIMES = ("created_at", "updated_at")


def shown_name(job: Job) -> str:
    """Return the name of a job with the `[[identifier]]` that its file may have in it."""
    written: Any = job.written.entry.get("name") if job.written is not None else None
    return written or job.title


def _as_written(job: Job, known: Known) -> Object:
    """Return the keys that a job's file states in the API's own form, as they were sent.

    Else a program that compares them with its own would find a difference that is none.
    """
    if job.written is None:
        return {}
    entry, found = job.written.entry, dict[str, Any]()
    found |= {key: entry[key] for key in _SAME if key in entry}
    if any(key in entry for key in _DEFERRALS):
        found |= {key: entry.get(key) for key in _DEFERRALS}
    if "triggers" in entry and not entry.get("deactivated"):
        flags = triggers_object(job)
        found["triggers"] = flags | {k: v for k, v in entry["triggers"].items() if k in flags}
    found |= _condition(entry, found_by=completion_object(job.completion, known.deployment))
    if job.written.over_api:
        found |= {key: entry[key] for key in _TIMES if key in entry}
    return found


def _condition(entry: Mapping[str, Any], *, found_by: Any) -> Object:
    """Return the condition on another job's end, also on one that is not there (any more)."""
    key = "job_completion_trigger_condition"
    trigger: Any = entry.get(key)
    if not trigger or "condition" not in trigger:
        return {}
    usual: Object = {"project_id": None, "statuses": [10, 20, 30]}
    known: Object = found_by["condition"] if found_by else {}
    return {key: {"condition": {**usual, **known, **trigger["condition"]}}}


def _deferral(job: Job, known: Known) -> Object:
    deferral, deployment = job.deferral, known.deployment
    environment = deferral.environment if isinstance(deferral, DeferToEnvironment) else ""
    other = deferral.job if isinstance(deferral, DeferToJob) else ""
    return {
        "deferring_job_definition_id": deployment.jobs[other].id if other else None,
        "deferring_environment_id": (
            deployment.environments[environment].id if environment else None
        ),
    }


def _flags(words: Sequence[str]) -> str:
    return shlex.join(words)
