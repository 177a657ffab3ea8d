"""dbt Cloud's payloads, byte for byte: its documentation's samples with our values."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_project.config.values.webhooks import EventType
from deploy_project.notify.webhooks.delivery import headers
from deploy_project.notify.webhooks.payloads import RunFields, event_id, payload
from deploy_project.notify.webhooks.subscription import Subscription
from deploy_project.runs.model.status import Status
from tests.support.servers.dbt_cloud_receiver import SECRET, faults

AT = datetime(2023, 1, 31, 19, 28, 15, 742843, tzinfo=UTC)
TO = Subscription("wsu_12345abcde", "test", "https://a.example", SECRET, ("job.run.started",))
RUN = RunFields(
    run_id="7d3c1f0a-9b2e-4c55-8a11-000000000000",
    number=12345,
    job_id=123,
    job_name="Daily Job (dbt build)",
    environment_id=1234,
    environment_name="Production",
    dbt_version="1.0.0",
    project_name="Snowflake Github Demo",
    project_id=167194,
    status=Status.RUNNING,
    message="",
    reason="Kicked off from the UI by test@test.com",
    started_at=datetime(2023, 1, 31, 19, 28, 7, tzinfo=UTC),
)
ENDED = replace(RUN, status=Status.SUCCESS, ended_at=datetime(2023, 1, 31, 19, 29, 32, tzinfo=UTC))
# https://docs.getdbt.com/docs/deploy/webhooks#examples-of-json-payloads
STARTED = (
    '{"accountId":1,"webhookId":"wsu_12345abcde","eventId":"EVENT",'
    '"timestamp":"2023-01-31T19:28:15.742843000Z","eventType":"job.run.started",'
    '"webhookName":"test","data":{"jobId":"123","jobName":"Daily Job (dbt build)",'
    '"runId":"12345","environmentId":"1234","environmentName":"Production",'
    '"dbtVersion":"1.0.0","projectName":"Snowflake Github Demo","projectId":"167194",'
    '"runStatus":"Running","runStatusCode":3,"runStatusMessage":"None",'
    '"runReason":"Kicked off from the UI by test@test.com",'
    '"runStartedAt":"2023-01-31T19:28:07Z"}}'
)
COMPLETED = (
    STARTED.replace("job.run.started", "job.run.completed")
    .replace('"Running","runStatusCode":3', '"Success","runStatusCode":10')
    .replace('07Z"}}', '07Z","runFinishedAt":"2023-01-31T19:29:32Z"}}')
)
ERRORED = (
    COMPLETED.replace("job.run.completed", "job.run.errored")
    .replace('"Success","runStatusCode":10', '"Errored","runStatusCode":20')
    .replace("runFinishedAt", "runErroredAt")
)
COMPLETED_ERRORED = COMPLETED.replace(
    '"Success","runStatusCode":10,"runStatusMessage":"None"',
    '"Errored","runStatusCode":20,"runStatusMessage":"dbt command failed"',
)


@pytest.mark.parametrize(
    ("event", "run", "expected"),
    [
        ("job.run.started", RUN, STARTED),
        ("job.run.started", ENDED, STARTED),
        ("job.run.completed", ENDED, COMPLETED),
        ("job.run.errored", replace(ENDED, status=Status.ERROR), ERRORED),
        ("job.run.completed", replace(ENDED, status=Status.ERROR), COMPLETED_ERRORED),
    ],
)
def test_payloads_have_dbt_clouds_bytes(event: EventType, run: RunFields, expected: str):
    found = payload(TO, event, run, account_id=1, at=AT)
    assert found == expected.replace("EVENT", event_id(TO, event, run.run_id))
    assert faults(found.encode(), lower(found.encode())) == []


def lower(body: bytes) -> dict[str, str]:
    return {name.lower(): value for name, value in headers(SECRET.encode(), body).items()}


def test_a_cancelled_run_has_a_payload_of_our_own():
    run = replace(ENDED, status=Status.CANCELLED)
    found: dict[str, Any] = json.loads(payload(TO, "job.run.cancelled", run, account_id=1, at=AT))
    assert (found["data"]["runStatus"], found["data"]["runStatusCode"]) == ("Cancelled", 30)
    assert found["data"]["runFinishedAt"] == "2023-01-31T19:29:32Z"


def test_the_reason_of_a_failure_is_told_where_there_is_one():
    run = replace(ENDED, status=Status.ERROR, message="This run timed out")
    assert '"runStatusMessage":"This run timed out"' in payload(
        TO, "job.run.completed", run, account_id=1, at=AT
    )


def test_an_event_has_one_id_and_no_other_event_has_it():
    other = replace(TO, id="wsu_other")
    ids = {
        event_id(to, event, run)
        for to in (TO, other)
        for event in ("job.run.started", "job.run.completed")
        for run in ("a", "b")
    }
    assert len(ids) == 8
    assert event_id(TO, "job.run.started", "a") == event_id(TO, "job.run.started", "a")


def test_the_receiver_sees_what_is_wrong():
    """A receiver that takes everything would prove nothing."""
    body = STARTED.replace("EVENT", f"wev_{'a' * 27}")
    right = lower(body.encode())
    assert faults(body.encode(), right) == []
    for old, new in (
        ('"jobId":"123"', '"jobId":123'),
        ('"accountId":1', '"accountId":"1"'),
        ('"runStatusCode":3', '"runStatusCode":10'),
        (".742843000Z", "Z"),
        ('"runReason":', '"reason":'),
        (',"eventType"', ', "eventType"'),
    ):
        changed = body.replace(old, new).encode()
        assert changed != body.encode()
        assert faults(changed, lower(changed)), new
        assert "the signature is another one" in faults(changed, right)
