"""The records of runs in the asset catalog, also of those that ended without writing one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import dagster as dg

from deploy_project.errors import ArtifactError
from deploy_project.orchestration.internals import events
from deploy_project.runs.instance.deactivation import deactivated_by
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.ends import EndEvent, Kind, reason
from deploy_project.runs.outcome.facts import bare_facts, gathered
from deploy_project.runs.outcome.finish import pull_requests_of, record, record_asset, verdict
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.outcome.overview import Shown

_KINDS: dict[dg.DagsterEventType, Kind] = {
    dg.DagsterEventType.ENGINE_EVENT: "engine",
    dg.DagsterEventType.RUN_FAILURE: "failure",
    dg.DagsterEventType.RUN_CANCELING: "cancel",
    dg.DagsterEventType.RUN_CANCELED: "cancel",
}
EndListener = Callable[[dg.DagsterInstance, FinishedRun], Sequence[str]]
"""Hears of a run's end with its facts, which are kept by then where that is possible; returns the
errors that it has met.

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
        found = said(told(instance, run.id))
        finished = replace(finished, reason=reason(Status.CANCELLED, list(found), began=True))
    why = (
        deactivated_by(instance, run.configured, dagster_run)
        if finished.outcome is Status.ERROR
        else None
    )
    if not has_record(instance, run):
        if run.pull_request is not None:
            partitions = pull_requests_of(run.environment.project)
            instance.add_dynamic_partitions(partitions.name or "", [str(run.pull_request)])
        finished = replace(finished, deactivated=why or "")
        facts, wrong = _kept_facts(finished, is_over=is_over)
        finished = replace(finished, facts=facts)
        untold = [each for listener in listeners for each in listener(instance, finished)]
        for each in (*wrong, *untold):
            instance.report_engine_event(each, dagster_run)
        _tag(instance, dagster_run, facts, is_kept=not wrong)
        materialization = record(facts, Shown(run, finished.timing, finished.docs, untold))
        events.report_materialization(instance, dagster_run, materialization)
        events.report_evaluation(instance, dagster_run, verdict(materialization))
    if why is not None:
        instance.report_engine_event(why, dagster_run)


def _kept_facts(finished: FinishedRun, *, is_over: bool) -> tuple[RunFacts, list[str]]:
    """Return the facts of a run, and the errors that have kept them from its artifacts.

    Raises `ArtifactError` when they can't be kept and the run `is_over`.
    """
    facts = bare_facts(finished)
    try:
        facts = gathered(finished)
        run_facts.keep(finished.run.artifacts, facts)
    except ArtifactError as error:
        if is_over:
            raise
        return facts, [f"The facts of the run could not be kept: {error}"]
    except Exception as error:  # no run fails for want of them
        kind = type(error).__name__
        return facts, [f"The facts of the run could not be kept: {kind}, which is our mistake"]
    return facts, []


def _tag(
    instance: dg.DagsterInstance, dagster_run: dg.DagsterRun, facts: RunFacts, *, is_kept: bool
) -> None:
    """Tag the run with the steps that failed without failing it, and for facts to be written later.

    A rerun has its parent's tags.
    """
    wanted = {
        tags.FAILED_STEPS: ", ".join(facts.failed_steps),
        tags.FACTS: "" if is_kept else tags.MISSING,
    }
    known = tags.current(dagster_run.tags)
    changed = {name: value for name, value in wanted.items() if value != known.get(name, "")}
    if changed:
        instance.add_run_tags(dagster_run.run_id, changed)


def has_record(instance: dg.DagsterInstance, run: Run) -> bool:
    """Whether the record of the run is in the asset catalog."""
    return record_of(instance, run) is not None


def record_of(instance: dg.DagsterInstance, run: Run) -> dg.AssetMaterialization | None:
    """Return the record of the run, which is the last thing that it reports; None without one.

    Another machine may have written it, of a run that was ended by force and went on here.
    """
    built = dg.DagsterEventType.ASSET_MATERIALIZATION
    last = instance.get_records_for_run(run.id, of_type=built, limit=1, ascending=False).records
    key = record_asset(run.job, of_pull_requests=run.is_ci)
    found = next((each.asset_materialization for each in last), None)
    if found is not None and found.asset_key == key:
        return found
    known = instance.get_run_by_id(run.id)
    if known is None or not known.is_finished:
        return None
    newest = instance.fetch_materializations(key, limit=_NEWEST).records
    return next((each.asset_materialization for each in newest if each.run_id == run.id), None)


def told(instance: dg.DagsterInstance, run_id: str) -> list[dg.EventLogEntry]:
    """Return the events of a run's end, and of the starts of its steps."""
    wanted = {*_KINDS, dg.DagsterEventType.STEP_START}
    return list(instance.all_logs(run_id, of_type=wanted))


def said(told: Iterable[dg.EventLogEntry]) -> Iterator[EndEvent]:
    """Yield the texts of events of a run's end."""
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
