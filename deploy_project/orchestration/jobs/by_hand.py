"""Materializing a selection by hand: the steps of a job in one op, on the deployed commit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.orchestration.catalog.reporter import AssetReporter
from deploy_project.orchestration.catalog.selection import (
    Selection,
    freshness_arguments,
    selection_arguments,
)
from deploy_project.orchestration.internals.check_outputs import evaluated
from deploy_project.orchestration.internals.events import Batch
from deploy_project.orchestration.jobs.step_failures import failing_clearly
from deploy_project.orchestration.nodes.node_facts import ManifestContent
from deploy_project.runs.model import tags
from deploy_project.runs.model.plan import steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.steps import perform
from deploy_project.runs.store import scratch


@dataclass(frozen=True)
class ByHand:
    """Builds and checks selections of assets in one environment, at one commit."""

    environment: Environment
    manifest: ManifestContent
    commit: str
    deployment: Deployment
    state: StateDirectory

    def build(self, context: dg.AssetExecutionContext, selection: Selection) -> Iterator[Any]:
        """Build just the selection; its events are reported while dbt runs."""
        self._run(context.op_execution_context, [selection_arguments(selection, self.manifest)])
        yield from evaluated(context.selected_asset_check_keys)

    def check(self, context: dg.AssetCheckExecutionContext, selection: Selection) -> Iterator[Any]:
        """Measure and test just the selected sources; events are reported while dbt runs."""
        commands = [
            freshness_arguments(selection, self.manifest),
            selection_arguments(selection, self.manifest),
        ]
        self._run(context.op_execution_context, commands)
        yield from evaluated(context.selected_asset_check_keys)

    def _run(self, context: dg.OpExecutionContext, commands: Sequence[Sequence[str]]) -> None:
        """Run `commands` (arguments after `dbt`) one after the other, as a job would.

        Dagster gives such a run no tag of ours, so it has not waited; from here on it counts, and
        others wait for it. Raises `dagster.Failure` with dbt's message at the first that fails.
        """
        run = Run(
            id=context.run.run_id,
            job=_job(self.environment, [each for each in commands if each]),
            deployment=self.deployment,
            state=self.state,
            trigger=tags.Trigger("ui", "Materialized by hand"),
            commit=self.commit,
        )
        slots = self.deployment.account.run_slots
        limits = tags.limits(self.environment, run_slots=slots)
        context.instance.add_run_tags(run.id, {**_tags(run), **limits})
        _perform(context, run)


def _tags(run: Run) -> dict[str, str]:
    """Return the tags that list such a run, as one of a job `<environment>__by_hand`."""
    environment = run.environment
    return {
        tags.JOB: run.job.name,
        tags.ENVIRONMENT: environment.name,
        tags.PROJECT: environment.project.name,
        tags.TRIGGER: run.trigger.category,
        tags.CAUSE: run.trigger.cause,
        **tags.of_code(run.commit or "", environment.branch, of_pull_request=False),
    }


def _perform(context: dg.OpExecutionContext, run: Run) -> None:
    chain = steps(run.job)
    try:
        for step in chain:
            with failing_clearly(), run.state.explained(step.name), Batch(context) as reported:
                reporter = AssetReporter(context, reported, planned=False)
                record = perform.perform(run, step, of=len(chain), listener=reporter)
            if record.status is not Status.SUCCESS:
                raise dg.Failure(record.message, allow_retries=False)
    finally:
        scratch.free(run.work)


def _job(environment: Environment, commands: Sequence[Sequence[str]]) -> Job:
    return Job(
        name=f"{environment.name}__by_hand",
        identifier="by_hand",
        id=0,
        title="Materialized by hand",
        environment=environment,
        description="",
        job_type="other",
        steps=tuple(tuple(each) for each in commands),
        commands=tuple(" ".join(("dbt", *each)) for each in commands),
    )
