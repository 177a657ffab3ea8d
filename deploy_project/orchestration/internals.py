"""The one door to what Dagster has no public name for, and why each is needed.

- planned events: the UI shows a model as in progress, or failed, only after one (facts: c+)
- load-time pinning: each run must see the definitions that it was planned with
- the executor base class: one compute log for each step without one process for each step
- the rules of the run queue, to say so when they are not those of our dagster.yaml
- the run launcher base class: a run must outlive the code server, and its death must be noticed
- what a run's process was started for: it needs no asset of the catalog to run a job, and for
  a materialization by hand it may have to make them
- the SQLite storage: it makes a connection for each event

`tests/orchestration/test_internals.py` is the contract: it fails when an upgrade changes these.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from dagster._check import CheckError
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import (
    ConfigurableClass,
    ConfigurableClassData,
    deserialize_value,
    serialize_value,
)
from sqlalchemy import Connection, NullPool, create_engine

from deploy_project.orchestration.workers import worker_of

_EXECUTE_RUN = ("api", "execute_run")
RUN_ARGUMENTS = "DAGSTER_EXECUTE_RUN_ARGS"
"""The variable by which the process of a run is told what to run."""
Outcome = Literal["Success", "Error", "Cancelled"]
Finish = Callable[[dg.DagsterInstance, dg.DagsterRun, Outcome], None]
"""Called once when the steps of a run have ended, whatever the outcome."""


def pinned(key: str, current: Callable[[], str]) -> str:
    """Return the text that this run was planned with, or `current()` outside of a run.

    Dagster imports the code location again in every run. Keep the text small: it is stored with
    every execution plan.
    """
    context = DefinitionsLoadContext.get()
    stored = (
        context.reconstruction_metadata.get(key)
        if context.load_type is DefinitionsLoadType.RECONSTRUCTION
        else None
    )
    value = stored if isinstance(stored, str) else current()
    context.add_to_pending_reconstruction_metadata(key, value)
    return value


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


def cancel_queued(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """End a run that waits in the queue, saying why."""
    instance.report_run_canceling(run, why)
    instance.report_run_canceled(run, why)


def cancel(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """End a run that waits or is in progress, saying why; what executes it ends it."""
    if run.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED):
        return cancel_queued(instance, run, why)
    instance.report_run_canceling(run, why)
    instance.run_launcher.terminate(run.run_id)
    return None


def queue_rules(instance: dg.DagsterInstance) -> frozenset[str] | None:
    """Return the tags that the run queue of `instance` has rules for; None without a queue."""
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None or not isinstance(instance.run_coordinator, dg.QueuedRunCoordinator):
        return None
    return frozenset(rule["key"] for rule in queue.tag_concurrency_limits)


class StepLogExecutor(Executor):
    """Runs the steps in this process one after the other, each with a compute log of its own."""

    def __init__(self, finish: Finish) -> None:
        self._finish = finish

    @property
    def retries(self) -> RetryMode:
        """Steps may ask to be retried."""
        return RetryMode.ENABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Yield the events of every step, then call `finish` with how it went."""
        with worker_of(plan_context.instance, plan_context.run_id).held():
            yield from self._all(plan_context, execution_plan)

    def _all(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        outcome: Outcome = "Cancelled"
        try:
            failed = False
            for event in self._steps(plan_context, execution_plan):
                failed = failed or event.is_step_failure
                yield event
            outcome = "Error" if failed else "Success"
        except Exception:
            outcome = "Error"
            raise
        finally:
            self._finish(plan_context.instance, plan_context.dagster_run, outcome)

    def _steps(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        limits = InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run)
        with (
            limits,
            execution_plan.start(self.retries, instance_concurrency_context=limits) as active,
        ):
            while not active.is_complete:
                step = active.get_next_step()
                yield from active.concurrency_event_iterator(plan_context)
                if step is None:
                    active.sleep_til_ready()
                    continue
                for event in self._one_step(plan_context, execution_plan, step.key, active):
                    yield event
                    active.handle_event(event)
                active.verify_complete(plan_context, step.key)
                yield from active.plan_events_iterator(plan_context)

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


def step_log_executor(finish: Finish) -> dg.ExecutorDefinition:
    """Return an executor with one compute log for each step, at a few hundredths of a second."""

    @dg.executor(name="step_log")
    def step_log(_: dg.InitExecutorContext) -> StepLogExecutor:
        return StepLogExecutor(finish)

    return step_log


class Launcher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """A run launcher without options: what Dagster asks of one, in the words of ours."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data

    @abstractmethod
    def launch(self, run: dg.DagsterRun) -> None:
        """Start what executes `run`, and return."""

    @abstractmethod
    def interrupt(self, run: dg.DagsterRun) -> bool:
        """Ask what executes `run` to end; return whether it was asked."""

    @abstractmethod
    def problem(self, run: dg.DagsterRun) -> str:
        """Return why `run`, which has started, can't end by itself; empty when it can."""

    @abstractmethod
    def hint(self, run: dg.DagsterRun) -> str:
        """Return what helps people to find out why `run` did not go on; empty for nothing."""

    @property
    def instance(self) -> dg.DagsterInstance:
        """The instance that it launches for."""
        return self._instance

    def say(self, run: dg.DagsterRun, message: str) -> None:
        """Show `message` among the events of `run`."""
        self.instance.report_engine_event(message, run, cls=type(self))

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What dagster.yaml says about it."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        """No options."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "Launcher":
        """Return the launcher of an instance."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run that was taken from the queue."""
        self.launch(context.dagster_run)

    def terminate(self, run_id: str) -> bool:
        """Cancel a run that has started; False when it can't be."""
        run = self.instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self.instance.report_run_canceling(run)
        return self.interrupt(run)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks us about every run that has started."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether `run` goes on; run monitoring ends it as failed when it does not."""
        problem = self.problem(run)
        status = WorkerStatus.FAILED if problem else WorkerStatus.RUNNING
        return CheckRunHealthResult(status, problem or None)

    def get_run_worker_debug_info(
        self, run: dg.DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Return what run monitoring adds when it ends `run`."""
        return self.hint(run) or None


class SqliteEventLog(SqliteEventLogStorage):
    """Dagster's event log on SQLite, without its way to connect to a file."""

    def __init__(self, base_dir: str) -> None:
        self._prepared: set[str] = set()
        super().__init__(base_dir)

    @abstractmethod
    def connection(self, shard: str) -> AbstractContextManager[Connection]:
        """Return a connection to the file of `shard`, in a transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            if shard not in self._prepared:
                self._prepare(shard)
            with self.connection(shard) as found:
                yield found

    def _prepare(self, shard: str) -> None:
        engine = create_engine(self.conn_string_for_shard(shard), poolclass=NullPool)
        self._initdb(engine)
        engine.dispose()
        self._prepared.add(shard)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store `event`, and wake those who wait for the events of its run.

        As long as the connection is open only the log beside the file grows, and the webserver
        watches the file.
        """
        super().store_event(event)
        Path(self.path_for_shard(event.run_id)).touch()

    def wipe(self) -> None:
        """Delete all events."""
        self.close()
        self._prepared.clear()
        super().wipe()

    def dispose(self) -> None:
        """End what this has started."""
        super().dispose()
        self.close()


class SqliteInstanceStorage(DagsterSqliteStorage):
    """All of Dagster's storage on SQLite, with an event log of ours."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = self.event_log(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    @abstractmethod
    def event_log(cls, base_dir: str) -> SqliteEventLog:
        """Return the event log in the directory `base_dir`."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SqliteInstanceStorage":
        """Return the storage of an instance; Dagster's own would be one of Dagster's."""
        return cls.from_local(inst_data=inst_data, **config_value)


def launcher_of(instance: dg.DagsterInstance) -> Launcher | None:
    """Return the launcher of `instance` if it is ours; another one need not be installed here."""
    try:
        found = instance.run_launcher
    except (CheckError, ImportError):
        return None
    return found if isinstance(found, Launcher) else None


def run_command(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> tuple[list[str], dict[str, str]]:
    """Return the command that executes `run`, and the variables to add to its environment.

    The instance, and a password of its database, is in a variable: everybody may see a command.
    """
    origin = run.job_code_origin
    if origin is None:
        raise dg.DagsterInvariantViolationError(
            f"run {run.run_id} can't be launched: nothing says where its code is; launch it from "
            "the UI, a schedule or a sensor"
        )
    command = [origin.executable_path, "-m", "dagster", *_EXECUTE_RUN]
    asked = ExecuteRunArgs(origin, run.run_id, instance.get_ref())
    return command, {RUN_ARGUMENTS: serialize_value(asked)}


def executed_job(arguments: Sequence[str], told: str | None) -> str | None:
    """Return the job that the process with these command line arguments executes.

    `told` is what its launcher has told it in a variable. None when the process may be there for
    more than one job, or when nobody knows.
    """
    match arguments[1:]:
        case ["job", "execute", *options]:
            return _option(options, "-j", "--job")
        case ["api", "execute_run"] if told is not None:
            return _job_of(told)
        case ["api", "execute_run", asked]:
            return _job_of(asked)
        case _:
            return None


def executed_selection(arguments: Sequence[str], told: str | None) -> frozenset[dg.AssetKey]:
    """Return what the run of this process builds or checks by hand; nothing for the run of a job.

    `arguments` and `told` are those of `executed_job`. Asks the instance.
    """
    match arguments[1:]:
        case ["api", "execute_run"] if told is not None:
            asked = told
        case ["api", "execute_run", text]:
            asked = text
        case _:
            return frozenset()
    found = deserialize_value(asked, ExecuteRunArgs)
    assert found.instance_ref is not None
    with dg.DagsterInstance.from_ref(found.instance_ref) as instance:
        run = instance.get_run_by_id(found.run_id)
    if run is None:
        return frozenset()
    checked = (each.asset_key for each in run.asset_check_selection or ())
    return frozenset({*(run.asset_selection or ()), *checked})


def _option(options: Sequence[str], *names: str) -> str | None:
    for word, following in zip(options, [*options[1:], ""], strict=True):
        name, is_joined, value = word.partition("=")
        if name in names:
            return value if is_joined else following
    return None


def _job_of(asked: str) -> str | None:
    try:
        return deserialize_value(asked, ExecuteRunArgs).job_origin.job_name
    except Exception:  # another version's words; whoever executes the run will say what is wrong
        return None
