"""The schedule and triggers of a job as dbt Cloud's API has them; pure (SCH-2 to SCH-7)."""

from datetime import datetime
from typing import Any

from deploy_project.api.objects.cron_forms import in_forms
from deploy_project.api.objects.cron_times import next_time
from deploy_project.api.objects.cron_words import cron_words
from deploy_project.api.objects.humanized import ago, with_t
from deploy_project.config.values.deployment import Completion, Deployment, Job, JobParent

NEVER = "0 0 1 1 *"
"""The cron line that dbt Cloud has for a job without a schedule of its own."""


def schedule_object(job: Job) -> Any:
    """Return the schedule of a job in dbt Cloud's forms; of several cron lines the first."""
    stated = job.written.entry.get("schedule") if job.written is not None else None
    return in_forms(job.cron[0] if job.cron else NEVER, stated)


def triggers_object(job: Job) -> Any:
    """Return the events that start a job; pull requests of GitLab have a field of their own."""
    hosting = job.environment.project.hosting
    is_gitlab = hosting is not None and hosting.kind == "gitlab"
    return {
        "github_webhook": job.on_pull_request and not is_gitlab,
        "git_provider_webhook": job.on_pull_request and is_gitlab,
        "schedule": job.scheduled,
        "on_merge": job.on_merge,
    }


def next_run(job: Job, *, now: datetime) -> Any:
    """Return the fields that say when a job is started next; null when no schedule does."""
    following = next_time(job.cron, job.timezone, now) if job.scheduled else None
    return {
        "cron_humanized": cron_words(job.cron or [NEVER]),
        "next_run": with_t(following),
        "next_run_humanized": ago(following, now) if following is not None else None,
    }


def completion_object(completion: Completion | None, deployment: Deployment) -> Any:
    """Return the condition on another job's end; null where one parent can't express it."""
    parents = completion.parents if completion is not None else ()
    if len(parents) != 1 or not isinstance(parents[0], JobParent):
        return None
    parent = deployment.jobs.get(parents[0].job)
    if parent is None or parents[0].location is not None:
        return None
    condition = {
        "job_id": parent.id,
        "project_id": parent.environment.project.id,
        "statuses": list(parents[0].statuses),
    }
    return {"condition": condition}
