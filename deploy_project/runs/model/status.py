"""The status of a run: Dagster's statuses in dbt Cloud's words (Q-7)."""

import dagster as dg

_WORDS = {
    dg.DagsterRunStatus.QUEUED: "Queued",
    dg.DagsterRunStatus.NOT_STARTED: "Queued",
    dg.DagsterRunStatus.MANAGED: "Queued",
    dg.DagsterRunStatus.STARTING: "Starting",
    dg.DagsterRunStatus.SUSPENDED: "Running",
    dg.DagsterRunStatus.STARTED: "Running",
    dg.DagsterRunStatus.CANCELING: "Cancelling",
    dg.DagsterRunStatus.SUCCESS: "Success",
    dg.DagsterRunStatus.FAILURE: "Error",
    dg.DagsterRunStatus.CANCELED: "Cancelled",
}
ENDED = frozenset({"Success", "Error", "Cancelled"})


def word(status: dg.DagsterRunStatus) -> str:
    """Return dbt Cloud's word for a status of Dagster's; `Cancelling` is the one of our own."""
    return _WORDS[status]


def told(status: str, failed: str) -> str:
    """Return the status of a run with the check-boxes that `failed` without failing it."""
    return f"{status} ({failed} failed)" if failed else status


def statuses(wanted: str) -> list[dg.DagsterRunStatus]:
    """Return Dagster's statuses for the word `wanted`, in any case; none for an unknown word."""
    return [status for status, name in _WORDS.items() if name.lower() == wanted.lower()]
