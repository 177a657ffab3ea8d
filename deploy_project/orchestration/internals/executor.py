"""The executor base class: one compute log for each step without one process for each step."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor

from deploy_project.orchestration.internals.connections import keep_connections
from deploy_project.runs.model.status import Status

Finish = Callable[[dg.DagsterInstance, dg.DagsterRun, Status], None]
"""Called once when the steps of a run have ended, with Success, Error or Cancelled."""
Hold = Callable[[dg.DagsterInstance, str], AbstractContextManager[None]]
"""Entered with a run's id for as long as its steps are run in this process."""


class StepLogExecutor(Executor):
    """Runs the steps in this process one after the other, each with a compute log of its own."""

    def __init__(self, finish: Finish, hold: Hold) -> None:
        self._finish = finish
        self._hold = hold

    @property
    def retries(self) -> RetryMode:
        """Steps may ask to be retried."""
        return RetryMode.ENABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Yield the events of every step, then call `finish` with how it went."""
        keep_connections(plan_context.instance)
        with self._hold(plan_context.instance, plan_context.run_id):
            yield from self._all(plan_context, execution_plan)

    def _all(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        outcome = Status.CANCELLED
        try:
            failed = yield from self._steps(plan_context, execution_plan)
            outcome = Status.ERROR if failed else Status.SUCCESS
        except Exception:
            outcome = Status.ERROR
            raise
        finally:
            self._finish(plan_context.instance, plan_context.dagster_run, outcome)

    def _steps(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Generator[DagsterEvent, None, bool]:
        """Yield the events of every step; return whether one has failed."""
        limits = InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run)
        with (
            limits,
            execution_plan.start(self.retries, instance_concurrency_context=limits) as active,
        ):
            failed = False
            while not active.is_complete:
                step = active.get_next_step()
                yield from active.concurrency_event_iterator(plan_context)
                if step is None:
                    active.sleep_til_ready()
                    continue
                if failed and "[" in step.key:  # one of several that a step has asked for
                    active.mark_abandoned(step.key)
                    continue
                for event in self._one_step(plan_context, execution_plan, step.key, active):
                    failed = failed or event.is_step_failure
                    yield event
                    active.handle_event(event)
                active.verify_complete(plan_context, step.key)
                yield from active.plan_events_iterator(plan_context)
            return failed

    def _one_step(
        self,
        plan_context: PlanOrchestrationContext,
        execution_plan: ExecutionPlan,
        key: str,
        active: Any,
    ) -> Iterator[DagsterEvent]:
        plan = create_execution_plan(
            plan_context.job,
            run_config=plan_context.run_config,
            step_keys_to_execute=[key],
            known_state=active.get_known_state(),
            repository_load_data=execution_plan.repository_load_data,
        )
        yield from execute_plan_iterator(
            plan,
            plan_context.job,
            plan_context.dagster_run,
            plan_context.instance,
            retry_mode=self.retries.for_inner_plan(),
            run_config=plan_context.run_config,
        )


def step_log_executor(finish: Finish, hold: Hold) -> dg.ExecutorDefinition:
    """Return an executor with one compute log for each step, at a few hundredths of a second."""

    @dg.executor(name="step_log")
    def step_log(_: dg.InitExecutorContext) -> StepLogExecutor:
        return StepLogExecutor(finish, hold)

    return step_log
