"""The payloads of events, byte for byte in dbt Cloud's shape; pure.

https://docs.getdbt.com/docs/deploy/webhooks: `accountId` is a number, and all ids in `data` are
texts; times have nanoseconds in the event, and seconds in the run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy_project.config.values.webhooks import EventType
from deploy_project.notify.webhooks.subscription import Subscription, digits
from deploy_project.runs.model.status import Status

NONE = "None"
"""dbt Cloud's word for a run without a message."""
FAILED = "dbt command failed"
TEST = "test"
"""Stands for the id of a run in the event of a test."""


@dataclass(frozen=True)
class RunFields:
    """The fields of a run, in the words of a payload."""

    run_id: str
    """The id of the run here, which no payload has."""
    number: int
    job_id: int
    job_name: str
    environment_id: int
    environment_name: str
    dbt_version: str
    project_name: str
    project_id: int
    status: Status
    message: str
    """The reason of a failure; empty for none."""
    reason: str
    """The cause of the run."""
    started_at: datetime
    ended_at: datetime | None = None


def event_id(subscription: Subscription, event: EventType, run_id: str) -> str:
    """Return the id of an event, the same for each attempt: receivers tell repetitions by it."""
    return f"wev_{digits(f'{subscription.id}/{run_id}/{event}')[:27]}"


def payload(
    subscription: Subscription, event: EventType, run: RunFields, *, account_id: int, at: datetime
) -> str:
    """Return the body of an event's post."""
    content = {
        "accountId": account_id,
        "webhookId": subscription.id,
        "eventId": event_id(subscription, event, run.run_id),
        "timestamp": _nanoseconds(at),
        "eventType": event,
        "webhookName": subscription.name,
        "data": _data(event, run),
    }
    return json.dumps(content, separators=(",", ":"))


def _data(event: EventType, run: RunFields) -> Mapping[str, str | int]:
    status = Status.RUNNING if event == "job.run.started" else run.status
    is_failure = event == "job.run.completed" and status is Status.ERROR
    message = (run.message or FAILED) if is_failure else NONE
    data: dict[str, str | int] = {
        "jobId": str(run.job_id),
        "jobName": run.job_name,
        "runId": str(run.number),
        "environmentId": str(run.environment_id),
        "environmentName": run.environment_name,
        "dbtVersion": run.dbt_version,
        "projectName": run.project_name,
        "projectId": str(run.project_id),
        "runStatus": "Errored" if status is Status.ERROR else status.value,
        "runStatusCode": status.number,
        "runStatusMessage": message,
        "runReason": run.reason,
        "runStartedAt": _seconds(run.started_at),
    }
    if event != "job.run.started" and run.ended_at is not None:
        name = "runErroredAt" if event == "job.run.errored" else "runFinishedAt"
        data[name] = _seconds(run.ended_at)
    return data


def _seconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _nanoseconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
