"""The records and facts of runs that could not write them at their end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import DeployError
from deploy_project.orchestration.jobs.indexing import forget
from deploy_project.orchestration.jobs.late_assets import report_missing
from deploy_project.orchestration.jobs.run_end import (
    EndListener,
    conclude,
    record_of,
    said,
    told,
)
from deploy_project.runs.model import plan, run_facts, tags
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run, configured_job
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome import leftovers
from deploy_project.runs.outcome.command_results import command_results, timing_of
from deploy_project.runs.outcome.ends import reason
from deploy_project.runs.outcome.facts import gathered
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.outcome.step_files import recorded_steps
from deploy_project.runs.reads.dagster_runs import tagged
from deploy_project.runs.store import scratch


def write_missing(
    instance: dg.DagsterInstance, known: dg.RunRecord, run: Run, listeners: Sequence[EndListener]
) -> None:
    """Write the record of a run that ended without one, keep its files, free its scratch space.

    What its process could not report to the assets any more is reported before.

    Raises `ConfigError` or `ArtifactError` when its files can't be kept.
    """
    events = told(instance, run.id)
    steps = _steps(known, run, events)
    leftovers.keep(run, steps)
    left = _left(known, run, events, steps)
    report_missing(instance, known.dagster_run, left)
    conclude(instance, known.dagster_run, left, listeners, is_over=True)
    scratch.free(run.work)


def late_facts(instance: dg.DagsterInstance, known: dg.RunRecord, run: Run) -> bool:
    """Write the facts of a run that could not be kept at its end; return whether there were any.

    They are made of its artifacts, its events and its record. Raises `ArtifactError` when they
    can't be kept now either.
    """
    if tags.current(known.dagster_run.tags).get(tags.FACTS) != tags.MISSING:
        return False
    try:
        run_facts.keep(run.artifacts, _facts(instance, known, run))
    except (DeployError, OSError):
        raise
    except Exception as error:  # which no later try cures
        kind = type(error).__name__
        what = f"The facts of the run could not be kept: {kind}, which is our mistake"
        instance.report_engine_event(what, known.dagster_run)
    forget(instance, run.id)  # it is written into the index anew, with them
    instance.add_run_tags(run.id, {tags.FACTS: ""})
    return True


def all_late_facts(
    instance: dg.DagsterInstance, deployment: Deployment, state: StateDirectory
) -> int:
    """Write the facts of all runs that lack them, however old; return their number.

    Raises `ArtifactError` when they can't be kept now either.
    """
    count = 0
    for record in tagged(instance, {tags.FACTS: tags.MISSING}):
        job = configured_job(record.dagster_run, deployment)
        if job is not None and record.dagster_run.is_finished:
            run = Run.of(record.dagster_run, job, deployment, state)
            count += late_facts(instance, record, run)
    return count


def _facts(instance: dg.DagsterInstance, known: dg.RunRecord, run: Run) -> RunFacts:
    recorded, events = record_of(instance, run), told(instance, run.id)
    metadata = recorded.metadata if recorded is not None else dict[str, dg.MetadataValue[Any]]()
    texts = {name: str(each.value) for name, each in metadata.items()}
    left = _left(known, run, events, _steps(known, run, events))
    found = gathered(
        replace(
            left,
            reason=texts.get("message", left.reason),
            unpublished=texts.get("unpublished", ""),
            deactivated=texts.get("deactivated", ""),
            docs=texts.get("docs"),
        )
    )
    if found.code is None:
        return found
    merged_with, outage = texts.get("merged_with", ""), texts.get("repo_cache", "")
    return replace(found, code=replace(found.code, merged_with=merged_with, outage=outage))


def _steps(known: dg.RunRecord, run: Run, events: Sequence[dg.EventLogEntry]) -> list[StepRecord]:
    """Return the records of the steps of a run, those ended that it was in when it ended."""
    outcome, began = Status.of(known.dagster_run.status), known.start_time is not None
    return leftovers.interrupted(
        recorded_steps(run, is_from_elsewhere=began and not run.work.is_dir()),
        {each.step_key: _moment(each.timestamp) for each in events if each.step_key},
        status=Status.CANCELLED if outcome is Status.CANCELLED else Status.ERROR,
        message=reason(outcome, list(said(events)), began=began),
        ended_at=_ended_at(known),
    )


def _left(
    known: dg.RunRecord,
    run: Run,
    events: Sequence[dg.EventLogEntry],
    steps: Sequence[StepRecord],
) -> FinishedRun:
    """Return a run that has ended as far as it is known from outside of it."""
    dagster_run, began = known.dagster_run, known.start_time is not None
    outcome = Status.of(dagster_run.status)
    results = command_results(run, _with_commands(run, steps))
    return FinishedRun(
        run=run,
        outcome=outcome,
        source=runs.known_source(run) or _source(dagster_run),
        created_at=known.create_timestamp,
        started_at=_moment(known.start_time) if known.start_time else _ended_at(known),
        ended_at=_ended_at(known),
        steps=steps,
        timing=timing_of(results),
        results=results,
        reason=reason(outcome, list(said(events)), began=began),
        is_strangers=bool(dagster_run.tags.get(tags.STRANGER)) or run.pull_request is not None,
    )


def _with_commands(run: Run, records: Sequence[StepRecord]) -> list[StepRecord]:
    """Return the records with the commands of those steps that could not note theirs."""
    known = {step.key: step.arguments for step in plan.steps(run.job)}
    return [replace(each, arguments=each.arguments or known.get(each.key, ())) for each in records]


def _ended_at(known: dg.RunRecord) -> datetime:
    return known.update_timestamp if known.end_time is None else _moment(known.end_time)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _source(dagster_run: dg.DagsterRun) -> Code | None:
    commit = tags.commit(dagster_run.tags)
    if not commit:
        return None
    return Code(commit, tags.branch(dagster_run.tags) or "", is_head=False)
