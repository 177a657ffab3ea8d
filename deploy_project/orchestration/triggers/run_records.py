"""The sensor that records killed and cancelled runs, and starts runs that a daemon lost."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg
from filelock import FileLock, Timeout

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import DeployError
from deploy_project.orchestration.jobs.first_step import own_tags
from deploy_project.orchestration.jobs.indexing import index_ended
from deploy_project.orchestration.jobs.late_records import late_facts, write_missing
from deploy_project.orchestration.jobs.run_end import EndListener, has_record
from deploy_project.orchestration.triggers.lost import start_lost
from deploy_project.runs.model import tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.outcome.ends import Changed, Cursor, due, moved
from deploy_project.runs.reads.dagster_runs import tagged
from deploy_project.runs.store import scratch
from deploy_project.runs.store.artifacts import Artifacts

INTERVAL_SECONDS = 60
MOST = 50
"""How many runs one tick looks at; it must be over within a minute."""
_INDEXING_SECONDS = 10
_ENDS = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def ends_sensor(
    deployment: Deployment, state: StateDirectory, listeners: Sequence[EndListener]
) -> dg.SensorDefinition:
    """Return the sensor that writes missing records, and starts runs that a daemon lost.

    The `listeners` hear of the ends that it records.
    """

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name="run_records",
        description=(
            "Writes the records of runs that were killed, or cancelled while they waited; starts "
            "those that a daemon took from the queue before it was killed; has reruns that wait "
            "say that they are ones."
        ),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def on_end(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        before = Cursor.read(context.cursor, now=now)
        try:
            with FileLock(state.records_lock, timeout=0):  # there may be a second daemon
                started = start_lost(context.instance, now=now)
                correct_waiting(deployment, state, context.instance)
                warn = context.log.warning
                after, written = look(
                    deployment, state, context.instance, before, now, warn, listeners
                )
                _index(context, Artifacts.of(deployment, state))
        except Timeout:
            return dg.SkipReason("Another process is writing records now")
        said = "\n".join([*started, *written]) or "No run has ended without its record"
        return dg.SensorResult(skip_reason=said, cursor=after.written())

    return on_end


def _index(context: dg.SensorEvaluationContext, artifacts: Artifacts) -> None:
    try:
        index_ended(context.instance, artifacts, seconds=_INDEXING_SECONDS)
    except DeployError as error:
        context.log.warning(f"The index of runs is not up to date: {error}")


def correct_waiting(
    deployment: Deployment, state: StateDirectory, instance: dg.DagsterInstance
) -> None:
    """Have reruns that wait in the queue say that they are ones: they have their parents' tags."""
    jobs = deployment.jobs
    queued = [dg.DagsterRunStatus.QUEUED]
    for record in tagged(instance, {tags.JOB: list(jobs)}, statuses=queued) if jobs else ():
        dagster_run = record.dagster_run
        run = Run.of(dagster_run, jobs[tags.current(dagster_run.tags)[tags.JOB]], deployment, state)
        if run.is_rerun and dagster_run.tags.get(tags.TRIGGER) != "rerun":
            instance.add_run_tags(run.id, own_tags(dagster_run, run))


def look(
    deployment: Deployment,
    state: StateDirectory,
    instance: dg.DagsterInstance,
    cursor: Cursor,
    now: datetime,
    warn: Callable[[str], None],
    listeners: Sequence[EndListener],
) -> tuple[Cursor, list[str]]:
    """Write the records that are missing; return the next cursor, and a line for each of them."""
    jobs = deployment.jobs
    known = {each.dagster_run.run_id: each for each in _ended(instance, list(jobs), cursor)}
    changed = [_changed(each) for each in known.values()]
    settled: list[str] = []
    written: list[str] = []
    for run_id in due(changed, cursor, now=now)[:MOST]:
        dagster_run = known[run_id].dagster_run
        job = tags.current(dagster_run.tags)[tags.JOB]
        run = Run.of(dagster_run, jobs[job], deployment, state)
        if scratch.is_held(run.work):
            continue  # its process is still at it, whatever Dagster has been told
        try:
            if not has_record(instance, run):
                write_missing(instance, known[run_id], run, listeners)
                written.append(f"Wrote the record of run {run_id} of {run.job.name}")
            elif late_facts(instance, known[run_id], run):
                written.append(f"Wrote the facts of run {run_id} of {run.job.name}")
        except (DeployError, OSError) as error:
            warn(f"The record of run {run_id} can't be written yet: {error}")
            continue
        settled.append(run_id)
    return moved(cursor, changed, settled, now=now), written


def _ended(instance: dg.DagsterInstance, jobs: list[str], cursor: Cursor) -> list[dg.RunRecord]:
    """Return the runs of `jobs` that have ended, in the order of their last change."""
    if not jobs:
        return []
    found = tagged(instance, {tags.JOB: jobs}, statuses=_ENDS, updated_after=cursor.since)
    return sorted(found, key=lambda each: each.update_timestamp)


def _changed(known: dg.RunRecord) -> Changed:
    changed, end = known.update_timestamp, known.end_time
    ended = changed if end is None else datetime.fromtimestamp(end, UTC)
    return Changed(known.dagster_run.run_id, ended, changed)
