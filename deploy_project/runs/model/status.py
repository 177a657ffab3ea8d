"""The status of runs and of their steps: one enum, with dbt Cloud's words and numbers (Q-7)."""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg  # the command line shows its help without it


class Status(StrEnum):
    """A status in dbt Cloud's words; `Cancelling` is of our own, and `Skipped` only of steps."""

    QUEUED = "Queued"
    STARTING = "Starting"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    ERROR = "Error"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"

    @staticmethod
    def of(status: "dg.DagsterRunStatus") -> "Status":
        """Return the status of a run that has Dagster's `status`."""
        return _OF_DAGSTER[status.value]

    @property
    def number(self) -> int:
        """The number that dbt Cloud's API and its jobs files have for it.

        A run that is being cancelled is still running there. Steps that were skipped have no
        documented number.
        """
        return _NUMBERS[self]

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows it."""
        return self in _ENDED


_OF_DAGSTER = {
    "QUEUED": Status.QUEUED,
    "NOT_STARTED": Status.QUEUED,
    "MANAGED": Status.QUEUED,
    "STARTING": Status.STARTING,
    "SUSPENDED": Status.RUNNING,
    "STARTED": Status.RUNNING,
    "CANCELING": Status.CANCELLING,
    "SUCCESS": Status.SUCCESS,
    "FAILURE": Status.ERROR,
    "CANCELED": Status.CANCELLED,
}
_NUMBERS = {
    Status.QUEUED: 1,
    Status.STARTING: 2,
    Status.RUNNING: 3,
    Status.CANCELLING: 3,
    Status.SUCCESS: 10,
    Status.ERROR: 20,
    Status.CANCELLED: 30,
}
_ENDED = frozenset({Status.SUCCESS, Status.ERROR, Status.CANCELLED, Status.SKIPPED})


def told(status: Status, failed: str) -> str:
    """Return the status in words, with the check-boxes that `failed` without failing the run."""
    return f"{status} ({failed} failed)" if failed else status
