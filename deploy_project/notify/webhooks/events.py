"""The events that a run has come to by now; pure (WH-1)."""

from collections.abc import Collection

from deploy_project.config.values.webhooks import EventType
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun

ORDER: tuple[EventType, ...] = (
    "job.run.started",
    "job.run.errored",
    "job.run.completed",
    "job.run.cancelled",
)
"""The order of first attempts: started, errored, completed."""


def events_of(run: PastRun, *, has_artifacts: bool) -> list[EventType]:
    """Return the events of a run so far, in their order.

    A failed run has two: it has errored at once, and it is completed when its artifacts can be
    read. One that was cancelled is never completed, as on dbt Cloud.
    """
    found: list[EventType] = []
    if run.started_at is not None:
        found.append("job.run.started")
    if run.status is Status.ERROR:
        found.append("job.run.errored")
    if run.status in (Status.ERROR, Status.SUCCESS) and has_artifacts:
        found.append("job.run.completed")
    if run.status is Status.CANCELLED:
        found.append("job.run.cancelled")
    return found


def is_settled(seen: Collection[EventType]) -> bool:
    """Whether no event follows those that were `seen` of a run."""
    return "job.run.completed" in seen or "job.run.cancelled" in seen
