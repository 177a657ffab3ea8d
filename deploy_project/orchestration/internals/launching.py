"""The run launcher base class: a run must outlive the code server; its death must be noticed."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._core.origin import JobPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from deploy_project.orchestration.internals.run_process import EXECUTE_RUN, RUN_ARGUMENTS

_OURS = "deploy_project.definitions"
_PROGRAM = "deploy_project.orchestration.processes.execute_run"


class Launcher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """A run launcher without options: it implements Dagster's methods by four abstract ones."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data

    @abstractmethod
    def launch(self, run: dg.DagsterRun) -> None:
        """Start the process of `run`, and return."""

    @abstractmethod
    def interrupt(self, run: dg.DagsterRun) -> bool:
        """Ask the process of `run` to end; return whether it was asked."""

    @abstractmethod
    def problem(self, run: dg.DagsterRun) -> str:
        """Return why `run`, which has started, can't end by itself; empty when it can."""

    @abstractmethod
    def hint(self, run: dg.DagsterRun) -> str:
        """Return a hint to the cause when `run` did not go on; empty for none."""

    @property
    def instance(self) -> dg.DagsterInstance:
        """The instance that it launches for."""
        return self._instance

    def say(self, run: dg.DagsterRun, message: str) -> None:
        """Show `message` among the events of `run`."""
        self.instance.report_engine_event(message, run, cls=type(self))

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """The launcher's entry in dagster.yaml."""
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
        """Return the hint that run monitoring adds when it ends `run`; None for none."""
        return self.hint(run) or None


def launcher_of(instance: dg.DagsterInstance) -> Launcher | None:
    """Return the launcher of `instance` if it is ours; another one need not work here."""
    try:
        found = instance.run_launcher
    except Exception:  # not installed, no cluster around us, …: ours has nothing that can fail
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
    asked = ExecuteRunArgs(origin, run.run_id, instance.get_ref())
    program = _program(origin, run.job_name)
    return [origin.executable_path, "-m", *program], {RUN_ARGUMENTS: serialize_value(asked)}


def _program(origin: JobPythonOrigin, job: str) -> tuple[str, ...]:
    """Return the module that executes a run, and its arguments: Dagster's for another's code."""
    pointer = origin.repository_origin.code_pointer
    if isinstance(pointer, ModuleCodePointer) and pointer.module == _OURS:
        return (_PROGRAM, job)
    return ("dagster", *EXECUTE_RUN)
