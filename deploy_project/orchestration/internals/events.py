"""Events that no public function of Dagster reports: planned assets, cancellations, records.

Planned ones, since the UI shows a model as in progress, or failed, only after one (facts: c+); the
end of a run that waits in the queue; and a run's record, which belongs to none of its steps.
"""

import logging

import dagster as dg
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)


def report_planned(
    instance: dg.DagsterInstance, run: dg.DagsterRun, step: str, asset_key: dg.AssetKey
) -> None:
    """Say that `step` has begun to build `asset_key`."""
    event = DagsterEvent.build_asset_materialization_planned_event(
        run.job_name, step, AssetMaterializationPlannedData(asset_key, None, None)
    )
    instance.report_dagster_event(event, run.run_id, logging.DEBUG)


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
