"""The assets and checks of a run that was killed, as far as nobody has reported them yet."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.dbt.artifacts.results import NodeResult
from deploy_project.errors import DeployError
from deploy_project.orchestration.catalog import checks
from deploy_project.orchestration.catalog.materialization import Facts, metadata
from deploy_project.orchestration.catalog.reporter import ASSETS, BUILT, CHECKS, NodeKeys
from deploy_project.orchestration.internals import events
from deploy_project.orchestration.nodes.check_keys import find_test
from deploy_project.orchestration.nodes.node_facts import NodeEntry, mapping
from deploy_project.runs.model.code import Code
from deploy_project.runs.outcome.command_results import CommandResults
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.store import transfer

Reported = dg.AssetMaterialization | dg.AssetCheckEvaluation


def report_missing(
    instance: dg.DagsterInstance, dagster_run: dg.DagsterRun, finished: FinishedRun
) -> None:
    """Report the nodes that dbt has built or tested without the process of its run knowing of it.

    dbt notes the results of its nodes when it is interrupted, and ends a moment after that process.
    """
    run, source = finished.run, finished.source
    if source is None or run.is_ci or run.schema is not None or finished.is_strangers:
        return
    for each in finished.results:
        if each.step.exit_code is None:
            try:
                for missing in _missing(instance, finished, source, each):
                    if isinstance(missing, dg.AssetMaterialization):
                        events.report_materialization(instance, dagster_run, missing)
                    else:
                        events.report_evaluation(instance, dagster_run, missing)
            except Exception as error:  # the run is recorded all the same
                told = error if isinstance(error, DeployError) else type(error).__name__
                what = f"Nothing more is reported to the assets: {told}"
                instance.report_engine_event(what, dagster_run)


def _missing(
    instance: dg.DagsterInstance, finished: FinishedRun, source: Code, command: CommandResults
) -> Iterator[Reported]:
    """Yield the events of a command that are not among those of its run."""
    run, step = finished.run, command.step
    reported = set(_reported(instance, run.id, since=step.started_at))
    kept = run.artifacts.run(run.id) / step.directory / "target" / "manifest.json"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / kept.name
        with run.artifacts.explained(f"reading {kept}"):
            transfer.receive(kept, file)
        nodes = NodeKeys(run, source.commit, file)
        facts = Facts(
            commit=source.commit,
            branch=source.branch,
            job=run.job.name,
            trigger=run.trigger.category,
            target="",
            started_at=finished.started_at,
        )
        for result in command.command.results:
            event = _ended(result, find_test(nodes.manifest, result.unique_id))
            facts.finished(event)
            key, check = nodes.assets.get(event.unique_id), nodes.checks.get(event.unique_id)
            is_built = event.resource_type in ASSETS and event.status in BUILT
            is_tested = event.resource_type in CHECKS and event.status != "skipped"
            if is_built and key is not None and key not in reported:
                yield dg.AssetMaterialization(key, metadata=metadata(facts, event, nodes.manifest))
            elif is_tested and check is not None and check not in reported:
                yield checks.evaluation(check, event, nodes.manifest)


def _reported(
    instance: dg.DagsterInstance, run_id: str, *, since: datetime
) -> Iterator[dg.AssetKey | dg.AssetCheckKey]:
    """Yield the keys of the assets and checks that a run has reported."""
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is not None and entry.timestamp >= since.timestamp():
            told = event.event_specific_data
            if isinstance(told, dg.AssetCheckEvaluation):
                yield dg.AssetCheckKey(told.asset_key, told.check_name)
            elif event.asset_key is not None:
                yield event.asset_key


def _ended(result: NodeResult, node: NodeEntry) -> NodeFinished:
    """Return the event that dbt has told of a node's end."""
    compiled, executed = result.compile, result.execute
    spent = (compiled.completed - compiled.started).total_seconds() if compiled else None
    return NodeFinished(
        unique_id=result.unique_id,
        resource_type=str(node.get("resource_type") or ""),
        name=str(node.get("name") or result.unique_id),
        status=result.status,
        message=result.message,
        materialized=str(mapping(node.get("config")).get("materialized") or ""),
        relation=str(node.get("relation_name") or ""),
        thread=result.thread,
        execution_seconds=result.execution_seconds,
        failures=result.failures or 0,
        started_at=compiled.started if compiled else None,
        finished_at=executed.completed if executed else None,
        compile_seconds=spent,
    )
