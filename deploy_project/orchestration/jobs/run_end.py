"""The records of runs in the asset catalog, also of those that ended without writing one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from deploy_project.errors import ArtifactError
from deploy_project.orchestration.internals import events
from deploy_project.runs.instance.deactivation import deactivated_by
from deploy_project.runs.model import run as runs
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome import leftovers
from deploy_project.runs.outcome.command_results import command_results, timing_of
from deploy_project.runs.outcome.ends import EndEvent, Kind, reason
from deploy_project.runs.outcome.facts import gathered
from deploy_project.runs.outcome.finish import pull_requests_of, record, record_asset, verdict
from deploy_project.runs.outcome.overview import FinishedRun
from deploy_project.runs.outcome.step_files import recorded_steps
from deploy_project.runs.store import scratch

_KINDS: dict[dg.DagsterEventType, Kind] = {
    dg.DagsterEventType.ENGINE_EVENT: "engine",
    dg.DagsterEventType.RUN_FAILURE: "failure",
    dg.DagsterEventType.RUN_CANCELING: "cancel",
    dg.DagsterEventType.RUN_CANCELED: "cancel",
}
EndListener = Callable[[dg.DagsterInstance, FinishedRun], Sequence[str]]
"""Hears of a run's end, whose facts are kept by then; returns the errors that it has met.

A run that is killed while they are called is told of again.
"""
_NEWEST = 200
"""So many records of a job are looked through for that of a run that has ended."""


def conclude(
    instance: dg.DagsterInstance,
    dagster_run: dg.DagsterRun,
    finished: FinishedRun,
    listeners: Sequence[EndListener],
    *,
    is_over: bool = False,
) -> None:
    """Keep the facts of a run, tell the listeners, and put its record into the asset catalog, once.

    Says so when it deactivates its job. Facts that can't be kept cost a run nothing else; once it
    `is_over`, there is time to try again, and that raises `ArtifactError`.
    """
    run = finished.run
    if finished.outcome is Status.CANCELLED and not finished.reason:
        said = _said(_told(instance, run.id))
        finished = replace(finished, reason=reason(Status.CANCELLED, list(said), began=True))
    why = (
        deactivated_by(instance, run.configured, dagster_run)
        if finished.outcome is Status.ERROR
        else None
    )
    if not has_record(instance, run):
        if run.pull_request is not None:
            partitions = pull_requests_of(run.environment.project)
            instance.add_dynamic_partitions(partitions.name or "", [str(run.pull_request)])
        finished, wrong = _with_facts(replace(finished, deactivated=why or ""), is_over=is_over)
        untold = [each for listener in listeners for each in listener(instance, finished)]
        for each in (*wrong, *untold):
            instance.report_engine_event(each, dagster_run)
        _tag(instance, dagster_run, finished.failed_boxes)
        materialization = record(replace(finished, untold=untold))
        events.report_materialization(instance, dagster_run, materialization)
        events.report_evaluation(instance, dagster_run, verdict(materialization))
    if why is not None:
        instance.report_engine_event(why, dagster_run)


def _with_facts(finished: FinishedRun, *, is_over: bool) -> tuple[FinishedRun, list[str]]:
    """Return the run with its facts, kept among its artifacts by now, and the errors met.

    Raises `ArtifactError` when they can't be kept and the run `is_over`.
    """
    try:
        finished = replace(finished, facts=(facts := gathered(finished)))
        run_facts.keep(finished.run.artifacts, facts)
    except ArtifactError as error:
        if is_over:
            raise
        return finished, [f"The facts of the run could not be kept: {error}"]
    except Exception as error:  # no run fails for want of them
        kind = type(error).__name__
        return finished, [f"The facts of the run could not be kept: {kind}, which is our mistake"]
    return finished, []


def _tag(instance: dg.DagsterInstance, dagster_run: dg.DagsterRun, failed: str) -> None:
    """Tag the run with the steps that failed without failing it; a rerun has its parent's tag."""
    if failed != tags.current(dagster_run.tags).get(tags.FAILED_STEPS, ""):
        instance.add_run_tags(dagster_run.run_id, {tags.FAILED_STEPS: failed})


def has_record(instance: dg.DagsterInstance, run: Run) -> bool:
    """Whether the record of the run is in the asset catalog; it is the last thing a run reports.

    Another machine may have written it, of a run that was ended by force and went on here.
    """
    built = dg.DagsterEventType.ASSET_MATERIALIZATION
    last = instance.get_records_for_run(run.id, of_type=built, limit=1, ascending=False).records
    key = record_asset(run.job, of_pull_requests=run.is_ci)
    built_last = (each.event_log_entry.dagster_event for each in last)
    if any(event is not None and event.asset_key == key for event in built_last):
        return True
    known = instance.get_run_by_id(run.id)
    if known is None or not known.is_finished:
        return False
    newest = instance.fetch_materializations(key, limit=_NEWEST).records
    return any(each.run_id == run.id for each in newest)


def write_missing(
    instance: dg.DagsterInstance, known: dg.RunRecord, run: Run, listeners: Sequence[EndListener]
) -> None:
    """Write the record of a run that ended without one, keep its files, free its scratch space.

    Raises `ConfigError` or `ArtifactError` when its files can't be kept.
    """
    dagster_run, told = known.dagster_run, _told(instance, run.id)
    ended = known.update_timestamp if known.end_time is None else _moment(known.end_time)
    outcome, began = Status.of(dagster_run.status), known.start_time is not None
    why = reason(outcome, list(_said(told)), began=began)
    steps = leftovers.interrupted(
        recorded_steps(run, is_from_elsewhere=began and not run.work.is_dir()),
        {each.step_key: _moment(each.timestamp) for each in told if each.step_key},
        status=Status.CANCELLED if outcome is Status.CANCELLED else Status.ERROR,
        message=why,
        ended_at=ended,
    )
    leftovers.keep(run, steps)
    results = command_results(run, steps)
    finished = FinishedRun(
        run=run,
        outcome=outcome,
        source=runs.known_source(run) or _source(dagster_run),
        created_at=known.create_timestamp,
        started_at=ended if known.start_time is None else _moment(known.start_time),
        ended_at=ended,
        steps=steps,
        timing=timing_of(results),
        results=results,
        reason=why,
        is_strangers=bool(dagster_run.tags.get(tags.STRANGER)) or run.pull_request is not None,
    )
    conclude(instance, dagster_run, finished, listeners, is_over=True)
    scratch.free(run.work)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _source(dagster_run: dg.DagsterRun) -> Code | None:
    commit = tags.commit(dagster_run.tags)
    if not commit:
        return None
    return Code(commit, tags.branch(dagster_run.tags) or "", is_head=False)


def _told(instance: dg.DagsterInstance, run_id: str) -> list[dg.EventLogEntry]:
    """Return the events of a run's end, and of the starts of its steps."""
    wanted = {*_KINDS, dg.DagsterEventType.STEP_START}
    return list(instance.all_logs(run_id, of_type=wanted))


def _said(told: Iterable[dg.EventLogEntry]) -> Iterator[EndEvent]:
    for entry in told:
        event = entry.dagster_event
        if event is not None and event.event_type in _KINDS:
            error = getattr(event.event_specific_data, "error", None)
            while error is not None and error.cause is not None:
                error = error.cause
            words = [event.message or "", error.message if error is not None else ""]
            yield EndEvent(
                _KINDS[event.event_type], ": ".join(each.strip() for each in words if each)
            )
