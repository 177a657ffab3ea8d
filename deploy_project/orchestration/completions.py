"""The sensor that starts jobs when others have ended (TRG-5), wherever those were started."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from deploy_project.config.deployment import Deployment
from deploy_project.runs import tags
from deploy_project.runs.completions import Ended, starts

INTERVAL_SECONDS = 15
OVERLAP = timedelta(minutes=10)
"""Every tick looks this far back again: an end may be written late, and no start is doubled."""
_STATUSES = {
    dg.DagsterRunStatus.SUCCESS: 10,
    dg.DagsterRunStatus.FAILURE: 20,
    dg.DagsterRunStatus.CANCELED: 30,
}


def ended_runs(instance: dg.DagsterInstance, jobs: set[str], since: datetime) -> list[Ended]:
    """Return the runs of `jobs` that have ended after `since`, the oldest first."""
    wanted = dg.RunsFilter(
        statuses=list(_STATUSES), tags={tags.JOB: sorted(jobs)}, updated_after=since
    )
    records = instance.get_run_records(filters=wanted, order_by="update_timestamp", ascending=True)
    return [
        Ended(run.run_id, run.tags[tags.JOB], _STATUSES[run.status])
        for run, end in ((record.dagster_run, record.end_time) for record in records)
        if end is None or end >= since.timestamp()  # else only its tags were touched
    ]


def completion_sensor(
    deployment: Deployment, jobs: Mapping[str, dg.JobDefinition]
) -> dg.SensorDefinition | None:
    """Return the sensor for all completion triggers; None when no job has one."""
    children = [job for job in deployment.jobs.values() if job.completion is not None]
    parents = {job.completion.job for job in children if job.completion is not None}
    if not children:
        return None

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name="job_completions",
        description="Starts jobs whose trigger is the end of another one.",
        jobs=[jobs[job.name] for job in children],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def on_completion(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = datetime.now(UTC)
        # The first tick only remembers when it was: what ended before starts nothing.
        born, last = (context.cursor or f"{now.isoformat()} {now.isoformat()}").split(" ")
        since = max(datetime.fromisoformat(born), datetime.fromisoformat(last) - OVERLAP)
        found = starts(children, ended_runs(context.instance, parents, since))
        requests = [
            dg.RunRequest(
                run_key=start.key,
                job_name=start.job,
                tags={
                    tags.TRIGGER: "job completion",
                    tags.CAUSE: start.cause,
                    tags.UPSTREAM_RUN: start.parent.run_id,
                },
            )
            for start in found
        ]
        return dg.SensorResult(run_requests=requests, cursor=f"{born} {now.isoformat()}")

    return on_completion
