"""The schedules of jobs as Dagster has them: whether they are on, and their last times."""

from datetime import datetime, timedelta

import dagster as dg

from deploy_project.config.values.deployment import Job

_SWITCHED = ("RUNNING", "STOPPED")
_ANY_START = timedelta(days=366)


def switched(instance: dg.DagsterInstance) -> dict[str, bool]:
    """Return the schedules that somebody has turned on or off in Dagster's UI, by their names."""
    states = {each.name: each.status.value for each in instance.all_instigator_state()}
    return {name: each == "RUNNING" for name, each in states.items() if each in _SWITCHED}


def schedule_name(job: Job) -> str:
    """Return the name of the schedule of a job."""
    return f"{job.name}_schedule"


def last_time(job: Job, moment: datetime) -> datetime | None:
    """Return the last time of a job's schedule at or before `moment`; None without cron lines.

    Dagster reads the cron lines, as it does for the schedule itself.
    """
    found = [_last(line, job.timezone, moment) for line in job.cron]
    return max(filter(None, found), default=None)


def _last(line: str, timezone: str, moment: datetime) -> datetime | None:
    times = dg.TimeWindowPartitionsDefinition(
        start=moment - _ANY_START, fmt="%Y-%m-%d %H:%M", timezone=timezone, cron_schedule=line
    )
    window = times.get_prev_partition_window(moment, respect_bounds=False)
    return None if window is None else window.end
