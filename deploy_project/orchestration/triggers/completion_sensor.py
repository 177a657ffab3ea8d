"""The sensor that starts jobs after other jobs' ends and new assets, of any location (TRG-5)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from deploy_project.config.values.deployment import AssetParent, Deployment, Job, JobParent, Parent
from deploy_project.orchestration.triggers.completions import (
    CompletionState,
    EndedRun,
    StartJob,
    decide,
    parsed,
    text,
)
from deploy_project.runs.instance.deactivation import startable
from deploy_project.runs.model import tags
from deploy_project.runs.reads import dagster_runs
from deploy_project.runs.requests.request import requested

INTERVAL_SECONDS = 15
_PAGE = 1000


def ends(
    instance: dg.DagsterInstance, parents: Iterable[Parent], since: float
) -> Iterator[EndedRun]:
    """Yield the ends of `parents` after `since`, in no order, without runs of pull requests."""
    own: list[str] = []
    for parent in dict.fromkeys(parents):
        if isinstance(parent, AssetParent):
            yield from _materializations(instance, parent, since)
        elif parent.location is not None:
            yield from _of_another_location(instance, parent, parent.location, since)
        else:
            own.append(parent.job)
    if own:
        for run in dagster_runs.ended(instance, since=datetime.fromtimestamp(since, UTC)):
            assert run.ended_at is not None
            ended = run.ended_at.timestamp()
            # That a run has changed since then may be its tags alone.
            if run.is_ours and run.job in own and run.pull_request is None and ended >= since:
                yield EndedRun(str(JobParent(run.job)), ended, run.id, run.status)


def _of_another_location(
    instance: dg.DagsterInstance, parent: JobParent, location: str, since: float
) -> Iterator[EndedRun]:
    after = datetime.fromtimestamp(since, UTC)
    found = dagster_runs.ended_elsewhere(instance, parent.job, location=location, since=after)
    for run in found:
        assert run.ended_at is not None
        ended = run.ended_at.timestamp()
        if ended >= since:  # that it has changed since then may be its tags alone
            yield EndedRun(str(parent), ended, run.id, run.status)


def _materializations(
    instance: dg.DagsterInstance, parent: AssetParent, since: float
) -> Iterator[EndedRun]:
    # By time, not by storage id: SQLite gives the ids of deleted events to new ones.
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(parent.key), after_timestamp=since)
    cursor, more = None, True
    while more:
        page = instance.fetch_materializations(wanted, _PAGE, cursor, ascending=True)
        for record in page.records:
            entry = record.event_log_entry
            yield EndedRun(str(parent), entry.timestamp, entry.run_id, by=entry.job_name or "")
        cursor, more = page.cursor, page.has_more


def completion_sensor(
    deployment: Deployment, jobs: Mapping[str, dg.JobDefinition]
) -> dg.SensorDefinition | None:
    """Return the sensor for all completion triggers; None when no job has one."""
    children = [job for job in deployment.jobs.values() if job.completion is not None]
    if not children:
        return None

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name="job_completions",
        description="Starts jobs whose trigger is the end of others.",
        jobs=[jobs[job.name] for job in children],
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def on_completion(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        state = parsed(context.cursor)
        if state is None and context.cursor:
            context.log.warning("The cursor can't be read: what has ended until now starts nothing")
        starts, after = _tick(context.instance, children, state)
        wanted = [_request(each, deployment.jobs[each.job]) for each in starts]
        requests, refused = startable(context.instance, deployment.jobs, wanted)
        for each in refused:
            context.log.warning(each)
        reason = None if requests else "\n".join(refused) or None
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=text(after))

    return on_completion


def _tick(
    instance: dg.DagsterInstance, children: list[Job], state: CompletionState | None
) -> tuple[list[StartJob], CompletionState]:
    now = datetime.now(UTC).timestamp()
    state = state or CompletionState(now, begun=now)
    parents = [parent for job in children if job.completion for parent in job.completion.parents]
    return decide(children, state, ends(instance, parents, state.since(now)), now=now)


def _request(start: StartJob, job: Job) -> dg.RunRequest:
    upstream = {tags.UPSTREAM_RUN: start.upstream_run} if start.upstream_run else {}
    asked = requested(job, "job completion", start.cause)
    return asked.with_tags(upstream).for_dagster(key=start.key)
