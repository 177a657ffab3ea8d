"""A receiver of dbt Cloud's webhooks that checks them as dbt's documentation says, types strictly.

https://docs.getdbt.com/docs/deploy/webhooks#validate-a-webhook; the types are those that receivers
such as Zulip's insist on: `accountId` a number, every id in `data` a text.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.servers.receivers import Answer, Request, receiver

SECRET = "the secret that was shown once"
STATUSES = {3: "Running", 10: "Success", 20: "Errored", 30: "Cancelled"}
ENDS = {
    "job.run.started": None,
    "job.run.errored": "runErroredAt",
    "job.run.completed": "runFinishedAt",
    "job.run.cancelled": "runFinishedAt",
}
DATA = (
    *("jobId", "jobName", "runId", "environmentId", "environmentName", "dbtVersion"),
    *("projectName", "projectId", "runStatus", "runStatusCode", "runStatusMessage"),
    *("runReason", "runStartedAt"),
)
TAKEN: Answer = (200, {}, b"ok")


def faults(  # noqa: C901 - one thing after the other
    body: bytes, headers: dict[str, str], *, secret: str = SECRET
) -> list[str]:
    """Return what is wrong with a request; none for one that dbt Cloud could have sent."""
    wrong: list[str] = []
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if headers.get("authorization") != signature:
        wrong.append("the signature is another one")
    event: dict[str, Any] = json.loads(body)
    outer = [
        *("accountId", "webhookId", "eventId", "timestamp", "eventType", "webhookName", "data")
    ]
    if list(event) != outer:
        wrong.append(f"the event has {list(event)}")
    if type(event["accountId"]) is not int:
        wrong.append("accountId is no number")
    if not re.fullmatch("wsu_[0-9A-Za-z]{8,}", event["webhookId"]):
        wrong.append("webhookId is none")
    if not re.fullmatch("wev_[0-9A-Za-z]{27}", event["eventId"]):
        wrong.append("eventId is none")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", event["timestamp"]):
        wrong.append("timestamp has no nanoseconds")
    data, end = event["data"], ENDS[event["eventType"]]
    if list(data) != [*DATA, *([end] if end else [])]:
        wrong.append(f"data has {list(data)}")
    for name, value in data.items():
        kind = int if name == "runStatusCode" else str
        if type(value) is not kind:
            wrong.append(f"{name} is no {kind.__name__}")
        if name.endswith("Id") and not str(value).isdecimal():
            wrong.append(f"{name} is no number in text")
        if name.endswith("At") and not re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", str(value)):
            wrong.append(f"{name} is no time")
    if STATUSES.get(data["runStatusCode"]) != data["runStatus"]:
        wrong.append("the status and its number differ")
    if body != json.dumps(event, separators=(",", ":")).encode():
        wrong.append("the body has other bytes than dbt Cloud's")
    return wrong


@dataclass
class Receiver:
    """A receiver, with the events that it has taken in their order, and what was wrong."""

    url: str
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    attempts: list[str] = field(default_factory=list[str])
    """The types of all events that were tried."""
    wrong: list[str] = field(default_factory=list[str])
    answer: Callable[[dict[str, Any]], Answer] = lambda _: TAKEN

    @property
    def types(self) -> list[str]:
        """The types of the events that were taken."""
        return [each["eventType"] for each in self.events]


@contextmanager
def strict_receiver(*, secret: str = SECRET) -> Generator[Receiver]:
    """Serve a receiver on loopback; its `answer` may be replaced at any time."""
    found = Receiver("")

    def answer(request: Request) -> Answer:
        event = json.loads(request.body)
        found.attempts.append(event["eventType"])
        found.wrong += faults(request.body, request.headers, secret=secret)
        given = found.answer(event)
        if 200 <= given[0] < 300:
            found.events.append(event)
        return given

    with receiver(answer) as served:
        found.url = f"{served.url}/dbt"
        yield found
