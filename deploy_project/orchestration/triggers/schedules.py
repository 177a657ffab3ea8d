"""Schedules: the cron lines of a job, in UTC as on dbt Cloud unless it names a time zone."""

from datetime import UTC

import dagster as dg

from deploy_project.config.values.deployment import Job
from deploy_project.orchestration.jobs.queue import supersede
from deploy_project.runs.instance.deactivation import held_back
from deploy_project.runs.instance.schedules import schedule_name
from deploy_project.runs.model import tags
from deploy_project.runs.requests.request import requested


def schedule(job: Job, target: dg.JobDefinition) -> dg.ScheduleDefinition | None:
    """Return the schedule of `job`; it runs by default when `triggers.schedule` is true.

    A run of it that still waits in the queue gives way to the new one (Q-4).
    """
    if not job.cron:
        return None

    @dg.schedule(  # pyright: ignore[reportUnknownMemberType]
        name=schedule_name(job),
        job=target,
        cron_schedule=job.cron[0] if len(job.cron) == 1 else list(job.cron),
        execution_timezone=job.timezone,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if job.scheduled else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def on_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        why = held_back(context.instance, job)
        if why is not None:
            return dg.SkipReason(why)
        time = context.scheduled_execution_time.astimezone(UTC).isoformat()
        supersede(context.instance, job.name, "scheduled", own=(tags.SCHEDULED_FOR, time))
        return requested(job, "scheduled", "Scheduled").for_dagster()

    return on_schedule
