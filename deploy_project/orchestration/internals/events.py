"""Events that no public function of Dagster reports: planned assets, cancellations, records.

Planned ones, since the UI shows a model as in progress, or failed, only after one (facts: c+); the
end of a run that waits in the queue; and a run's record, which belongs to none of its steps.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import dagster as dg
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)

from deploy_project.orchestration.internals.sqlite import SqliteEventLog

MOMENT_SECONDS = 0.2
"""The longest time that an event waits for others, to be stored with them."""


class Batch:
    """The asset events of one step, stored a moment after each has happened, several at a time.

    They are the events of `context.log_event`, in their order. That builds a log record of each and
    stores it alone, several times what dbt's own event costs. A process that is killed loses those
    of its last moment; an error of the storage is raised by what follows.
    """

    def __init__(self, context: dg.OpExecutionContext) -> None:
        self._instance, self._run = context.instance, context.run
        self._step = _Step(context.get_step_execution_context(), self._take)
        self._waiting: list[dg.EventLogEntry] = []
        self._failure: Exception | None = None
        self._changing, self._storing = threading.Lock(), threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store()
        self._raise_failure()

    def planned(self, asset_key: dg.AssetKey) -> None:
        """Say that the step has begun to build `asset_key`."""
        event = DagsterEvent.build_asset_materialization_planned_event(
            self._run.job_name,
            self._step.step.key,
            AssetMaterializationPlannedData(asset_key, None, None),
        )
        self._take(_entry(event, self._run.run_id))

    def add(
        self, event: dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation
    ) -> None:
        """Report an event of an asset, or of a check."""
        step: Any = self._step
        match event:
            case dg.AssetMaterialization():
                DagsterEvent.asset_materialization(step, event)
            case dg.AssetObservation():
                DagsterEvent.asset_observation(step, event)
            case dg.AssetCheckEvaluation():
                DagsterEvent.asset_check_evaluation(step, event)

    def _take(self, entry: dg.EventLogEntry) -> None:
        self._raise_failure()
        with self._changing:
            self._waiting.append(entry)
            is_first = len(self._waiting) == 1
        if is_first:
            timer = threading.Timer(MOMENT_SECONDS, self._store)
            timer.daemon = True
            timer.start()

    def _store(self) -> None:
        with self._storing:
            with self._changing:
                entries, self._waiting = self._waiting, []
            try:
                _store(self._instance, entries)
            except Exception as error:  # of a thread that nobody hears
                self._failure = self._failure or error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _store(instance: dg.DagsterInstance, entries: Sequence[dg.EventLogEntry]) -> None:
    """Store events; one by one where the storage is none of ours.

    The batches of Dagster's own for Postgres are of one asset's materializations alone.
    """
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLog) and entries:
        storage.store_event_batch(entries)
    else:
        for each in entries:
            storage.store_event(each)


class _Step:
    """The stand-in for a step that hands the events of Dagster's builders to `take`."""

    def __init__(self, context: Any, take: Callable[[dg.EventLogEntry], None]) -> None:
        self.job_name, self.step, self.log = context.job_name, context.step, self
        self.event_tags = dict(context.event_tags)
        self._run_id, self._take = context.run_id, take

    def log_dagster_event(
        self, level: int, msg: str, dagster_event: DagsterEvent, batch_metadata: object
    ) -> None:
        """Make an event an entry of the log, as the step's logger does."""
        self._take(_entry(dagster_event, self._run_id, level=level, message=msg))


def _entry(
    event: DagsterEvent, run_id: str, *, level: int = logging.DEBUG, message: str = ""
) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level=level,
        user_message=message,
        run_id=run_id,
        timestamp=time.time(),
        step_key=event.step_key,
        job_name=event.job_name,
        dagster_event=event,
    )


def report_materialization(
    instance: dg.DagsterInstance, run: dg.DagsterRun, materialization: dg.AssetMaterialization
) -> None:
    """Record `materialization` as an event of `run` that belongs to none of its steps."""
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=run.job_name,
        event_specific_data=StepMaterializationData(materialization),
        message=materialization.description or "",
    )
    instance.report_dagster_event(event, run.run_id, logging.INFO)


def report_evaluation(
    instance: dg.DagsterInstance, run: dg.DagsterRun, evaluation: dg.AssetCheckEvaluation
) -> None:
    """Record `evaluation` as an event of `run` that belongs to none of its steps."""
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name=run.job_name,
        event_specific_data=evaluation,
        message=evaluation.description or "",
    )
    instance.report_dagster_event(event, run.run_id, logging.INFO)


def cancel_queued(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Cancel a run that waits in the queue, with the reason `why`."""
    instance.report_run_canceling(run, why)
    instance.report_run_canceled(run, why)


def cancel(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Cancel a run with the reason `why`; one in progress is ended by its launcher."""
    if run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED):
        return cancel_queued(instance, run, why)
    instance.report_run_canceling(run, why)
    instance.run_launcher.terminate(run.run_id)
    return None
