"""The index of runs kept up to date: by each run that ends, and by the sensor of run records."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dagster as dg

from deploy_project.errors import DeployError
from deploy_project.orchestration.internals.run_storage import index_beside
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.reads.catching_up import catch_up
from deploy_project.runs.reads.past_run import past_run, with_facts
from deploy_project.runs.store.artifacts import Artifacts

_SECONDS = 1
_OLD = timedelta(hours=1)
"""An index that is whole until this long ago is looked after by no sensor."""


def index_run(instance: dg.DagsterInstance, finished: FinishedRun) -> Sequence[str]:
    """Write a run that has ended into the index; a failure costs speed alone, and is an event."""
    record = instance.get_run_record_by_id(finished.run.id)
    if record is not None and (problem := _problem(instance, record, finished)):
        instance.report_engine_event(problem, record.dagster_run)
    return ()


def _problem(instance: dg.DagsterInstance, record: dg.RunRecord, finished: FinishedRun) -> str:
    """Write the run into the index; return why that was not possible, empty when it was."""
    try:
        index, facts = index_beside(instance), finished.facts
        if index is None or facts is None:
            return ""
        index.write([(with_facts(past_run(record), facts), facts.nodes)])
        whole_until = index.whole_until()
        if whole_until is None or whole_until < datetime.now(UTC) - _OLD:
            catch_up(instance, index, finished.run.artifacts, seconds=_SECONDS)
    except DeployError as error:
        return str(error)
    except Exception as error:  # no run fails for want of speed
        return f"the run is not in the index of runs: {type(error).__name__}, which is our mistake"
    return ""


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Take a run out of the index, so that it is written again; a failure costs speed alone."""
    with suppress(DeployError):
        index = index_beside(instance)
        if index is not None:
            index.remove([run_id])


def index_ended(instance: dg.DagsterInstance, artifacts: Artifacts, *, seconds: float) -> None:
    """Write the ended runs that the index lacks, for so many `seconds` at most.

    Raises `RunIndexError` or `ArtifactError` when that can't be done.
    """
    index = index_beside(instance)
    if index is not None:
        catch_up(instance, index, artifacts, seconds=seconds)
