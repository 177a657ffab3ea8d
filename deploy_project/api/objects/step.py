"""One step of a run as dbt Cloud's API has it; pure."""

from dataclasses import dataclass
from typing import Any

from deploy_project.api.objects.humanized import clock, lasting, spaced
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.steps_so_far import ShownStep

_PLACES = 1 << 7
"""So many steps a run can have for the ids: a run's number has 48 bits, and a step's id 55."""
_COLORS = {
    Status.SUCCESS: "#2f9e44",
    Status.ERROR: "#c92a2a",
    Status.CANCELLED: "#868e96",
    Status.SKIPPED: "#868e96",
    Status.RUNNING: "#1971c2",
    Status.QUEUED: "#adb5bd",
}


@dataclass(frozen=True)
class StepLogs:
    """The logs of one step, as far as they were asked for."""

    console: str = ""
    debug: str = ""
    truncated_debug: str = ""
    """The last lines of the debug log."""


def step_id(run_number: int, index: int) -> int:
    """Return the id of a step: its run's number and its index in one.

    It has 55 bits: Python, Go and Java read it exactly, JavaScript's numbers do not.
    """
    return run_number * _PLACES + index


def run_and_index(step: int) -> tuple[int, int]:
    """Return the run's number and the index that are in the id of a step."""
    return divmod(step, _PLACES)


def step_object(step: ShownStep, *, run_number: int, account_id: int, logs: StepLogs) -> Any:
    """Return one step; those that are to come are queued, without times."""
    identifier, seconds = step_id(run_number, step.index), step.seconds
    return {
        "id": identifier,
        "run_id": run_number,
        "account_id": account_id,
        "index": step.index,
        "status": status_number(step.status),
        "name": step.name,
        "logs": logs.console,
        "debug_logs": logs.debug,
        "log_path": None,
        "debug_log_path": None,
        "truncated_debug_logs": logs.truncated_debug,
        "started_at": spaced(step.started_at),
        "finished_at": spaced(step.finished_at),
        "status_color": _COLORS.get(step.status, _COLORS[Status.RUNNING]),
        "status_humanized": status_words(step.status),
        "duration": clock(seconds),
        "duration_humanized": lasting(seconds),
        "created_at": spaced(step.created_at),
        "updated_at": spaced(step.finished_at or step.started_at or step.created_at),
        "run_step_command": (
            {"run_step_id": identifier, "dbt_command": step.command} if step.command else None
        ),
        "run_step_invocation": None,
    }


def status_number(status: Status) -> int:
    """Return dbt Cloud's number of a status.

    That of a skipped step is not documented; clients know no other for what never ran than 30.
    """
    return Status.CANCELLED.number if status is Status.SKIPPED else status.number


def status_words(status: Status) -> str:
    """Return dbt Cloud's word for a status; a run being cancelled is running there."""
    return (Status.RUNNING if status is Status.CANCELLING else status).value
