"""Webhooks over the API: the secret is shown once, and a token sees what it may hear of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.tokens import Token, digest
from deploy_project.config.values.webhooks import FileSubscription
from deploy_project.notify.webhooks.ledger import Ledger, Receipt
from deploy_project.notify.webhooks.standing import after_failure
from deploy_project.notify.webhooks.store import Store
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.servers.dbt_cloud_receiver import strict_receiver
from tests.support.servers.serving import served

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALL, ADMIN, SHOP, CHECKS, VIEWER = "all-token", "admin-token", "shop-token", "ci-token", "job-token"
BODY: dict[str, Any] = {
    "name": "orchestrator",
    "client_url": "https://hooks.example.com/dbt",
    "event_types": ["job.run.completed"],
    "active": True,
}


def token(text: str, permission: Any, **more: Any) -> Token:
    return Token(text, digest(text), frozenset({permission}), **more)


def deployment() -> Deployment:
    daily, other = job("dbt build"), replace(PROJECT, name="other", id=9)
    environment = replace(daily.environment, name="theirs", id=8, project=other)
    theirs = replace(daily, name="theirs__daily", id=4, environment=environment)
    tokens = [
        token(ALL, "webhooks_only"),
        token(ADMIN, "account_admin"),
        token(SHOP, "webhooks_only", projects=("shop",)),
        token(CHECKS, "webhooks_only", projects=("shop",), environments=("ci",)),
        token(VIEWER, "job_viewer"),
    ]
    return replace(
        DEPLOYMENT,
        projects={"shop": PROJECT, "other": other},
        environments={"prod": daily.environment, "theirs": environment},
        jobs={each.name: each for each in (daily, theirs)},
        tokens={each.name: each for each in tokens},
        webhooks={
            "of-file": FileSubscription(
                "of-file", Secret(env="HOOK_URL"), Secret(env="KEY"), ("job.run.started",)
            )
        },
    )


@dataclass
class Api:
    url: str
    state: StateDirectory

    def __call__(
        self, method: str, path: str, given: Any = None, *, by: str = ALL
    ) -> tuple[int, Any]:
        answer = self.answer(method, path, given, by=by)
        found = answer.json()
        assert found["status"]["code"] == answer.status_code
        return answer.status_code, found["data"]

    def answer(
        self, method: str, path: str, given: Any = None, *, by: str = ALL
    ) -> requests.Response:
        return requests.request(
            method,
            f"{self.url}/api/v3/accounts/1/webhooks/{path}",
            json=given,
            headers={"Authorization": f"Token {by}"},
            timeout=30,
        )

    def make(self, *, by: str = ALL, **more: Any) -> dict[str, Any]:
        status, made = self("POST", "subscriptions", {**BODY, **more}, by=by)
        assert status == 201, made
        return made

    @property
    def ledger(self) -> Ledger:
        return Ledger.of(self.state)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    state = StateDirectory(tmp_path / "state")
    with served(deployment(), state) as url:
        yield Api(url, state)


def test_the_secret_is_shown_once(api: Api):
    made = api.make()
    assert len(made.pop("hmac_secret")) == 64
    status, found = api("GET", f"subscription/{made['id']}")
    assert (status, found) == (200, made)
    assert found["job_ids"] == []
    assert found["account_id"] == "1"
    status, listed = api("GET", "subscriptions")
    assert [each["name"] for each in listed] == ["of-file", "orchestrator"]
    assert all("hmac_secret" not in each for each in listed)
    assert listed[0]["client_url"] == "**********"


def test_a_subscription_is_changed_and_removed(api: Api):
    made = api.make(description="a")
    body = {**made, "name": "other", "job_ids": ["3"], "event_types": ["job.run.errored"]}
    status, changed = api("PUT", f"subscription/{made['id']}", body)
    assert status == 200
    assert (changed["name"], changed["job_ids"]) == ("other", ["3"])
    assert changed["created_at"] == made["created_at"]
    [stored] = Store.of(api.state).all()
    assert stored.secret == made["hmac_secret"]
    assert stored.job_ids == (3,)
    assert api("DELETE", f"subscription/{made['id']}") == (200, {"id": made["id"]})
    assert api("GET", f"subscription/{made['id']}")[0] == 404
    assert api("DELETE", f"subscription/{made['id']}")[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": None},
        {"event_types": []},
        {"event_types": ["job.run.skipped"]},
        {"client_url": "ftp://a"},
        {"client_url": "https://u:p@a"},
        {"client_url": "https://a/b c"},
        {"client_url": "https://a/b\r\nX: y"},
        {"client_url": "https://a/\u00fc"},
        {"client_url": "https://\u00fc.example/"},
        {"client_url": "https://a b/"},
        {"client_url": "https://a:99999/"},
        {"client_url": " https://a/"},
        {"active": "yes"},
        {"job_ids": [99]},
        {"job_ids": ["x"]},
        {"job_ids": 3},
    ],
)
def test_bad_subscriptions_are_refused(api: Api, change: dict[str, Any]):
    status, data = api("POST", "subscriptions", {**BODY, **change})
    assert status == 400
    assert next(iter(change)) in str(data)
    assert Store.of(api.state).all() == ()


def test_a_token_of_one_project_hears_of_that_alone(api: Api):
    own = api.make(by=SHOP)
    [stored] = Store.of(api.state).all()
    assert stored.projects == ("shop",)
    assert stored.takes("job.run.completed", job_id=3, project="shop")
    assert not stored.takes("job.run.completed", job_id=4, project="other")
    of_all, of_theirs = api.make(), api.make(job_ids=[4])
    listed = api("GET", "subscriptions", by=SHOP)[1]
    assert [each["id"] for each in listed] == [own["id"]]
    for each in (of_all, of_theirs):
        assert api("GET", f"subscription/{each['id']}", by=SHOP)[0] == 404
        assert api("PUT", f"subscription/{each['id']}", BODY, by=SHOP)[0] == 404
        assert api("DELETE", f"subscription/{each['id']}", by=SHOP)[0] == 404
        assert api("GET", f"subscription/{each['id']}/test", by=SHOP)[0] == 404
    assert api("POST", "subscriptions", {**BODY, "job_ids": [4]}, by=SHOP)[0] == 403
    assert api("PUT", f"subscription/{own['id']}", {**BODY, "job_ids": [4]}, by=SHOP)[0] == 403


def test_a_narrowed_token_learns_of_no_other_job(api: Api):
    """A job that it does not see, and one that there is not, are refused in the same words."""
    refused = [
        api.answer("POST", "subscriptions", {**BODY, "job_ids": [each]}, by=SHOP)
        for each in (4, 99)
    ]
    assert [each.status_code for each in refused] == [403, 403]
    assert refused[0].json() == refused[1].json()
    assert "other" not in refused[0].text


def test_a_token_of_one_environment_names_jobs(api: Api):
    assert api("POST", "subscriptions", BODY, by=CHECKS)[0] == 400
    assert api("POST", "subscriptions", {**BODY, "job_ids": [3]}, by=CHECKS)[0] == 403


def test_a_token_without_webhooks_has_none(api: Api):
    made = api.make()
    assert api("GET", "subscriptions", by=VIEWER)[0] == 403
    assert api("POST", "subscriptions", BODY, by=VIEWER)[0] == 403
    for method, path in (
        ("GET", f"subscription/{made['id']}"),
        ("PUT", f"subscription/{made['id']}"),
        ("DELETE", f"subscription/{made['id']}"),
        ("GET", "event/wev_a"),
        ("GET", "receipt/wer_a"),
    ):
        assert api(method, path, BODY if method == "PUT" else None, by=VIEWER)[0] == 404
    assert api("GET", "subscriptions", by="nobody")[0] == 401


def test_those_of_deploy_yaml_are_only_reactivated(api: Api):
    [listed] = api("GET", "subscriptions")[1]
    path = f"subscription/{listed['id']}"
    assert api("PUT", path, {**BODY, "name": "mine"})[0] == 409
    assert api("DELETE", path)[0] == 409
    for _ in range(1_000):
        api.ledger.change(
            listed["id"], lambda s: after_failure(s, code=500, now=NOW, given_up=True), now=NOW
        )
    found = api("GET", path)[1]
    assert (found["active"], found["http_status_code"]) == (False, "500")
    assert found["deactivate_reason"] == "1,000 deliveries in a row have failed"
    status, found = api("PUT", path, BODY)
    assert (status, found["active"], found["name"]) == (200, True, "of-file")


def test_a_subscription_is_reactivated(api: Api):
    made = api.make()
    path = f"subscription/{made['id']}"
    assert api("PUT", path, {**BODY, "active": False})[1]["active"] is False
    assert api("PUT", path, BODY)[1]["active"] is True


def test_a_test_says_what_the_receiver_has_said_and_nothing_of_a_private_address(api: Api):
    with strict_receiver() as receiver:
        made = api.make(client_url=receiver.url)
        status, found = api("GET", f"subscription/{made['id']}/test")
        assert status == 200
        assert receiver.attempts == []
    nobody = api.make(client_url=receiver.url)
    invalid = api.make(client_url="https://no-such-name.invalid/")
    for each in (nobody, invalid):
        other = api("GET", f"subscription/{each['id']}/test")[1]
        del other["event_id"]
        assert other == {
            "verification_error": found["verification_error"],
            "verification_status_code": "0",
        }


def test_a_test_is_a_post_that_the_receiver_can_check(tmp_path: Path):
    state = StateDirectory(tmp_path / "state")
    allowed = replace(deployment(), webhook_hosts=("127.0.0.1",))
    with served(allowed, state) as url, strict_receiver() as receiver:
        api = Api(url, state)
        made = api.make(client_url=receiver.url)
        data = api("GET", f"subscription/{made['id']}/test")[1]
    assert data["verification_error"] is None
    assert data["verification_status_code"] == "200"
    assert receiver.events[0]["eventId"] == data["event_id"]
    assert receiver.wrong == ["the signature is another one"], "its secret is its own"


def test_events_and_receipts_are_shown_to_those_who_see_the_subscription(api: Api):
    made = api.make()
    for number, code in enumerate((500, 200)):
        api.ledger.note(
            Receipt(
                id=f"wer_{number}",
                event_id="wev_a",
                subscription_id=made["id"],
                type="job.run.completed",
                job_id=3,
                at=datetime.now(UTC),
                attempt=number + 1,
                result="sent" if code == 200 else "retried",
                http_status_code=code,
                body="{}",
            )
        )
    event = api("GET", "event/wev_a")[1]
    assert (event["http_status_code"], event["job_id"], event["payload"]) == ("200", "3", "{}")
    assert api("GET", f"subscription/{made['id']}/events")[1] == [event]
    receipts = api("GET", "event/wev_a/receipts")[1]
    assert [each["http_status_code"] for each in receipts] == ["500", "200"]
    assert made["hmac_secret"] not in str(receipts)
    assert api("GET", f"subscription/{made['id']}/event/wev_a/receipt")[1] == receipts
    assert api("GET", "receipt/wer_1")[1] == receipts[1]
    for path in ("event/wev_a", "event/wev_a/receipts", "receipt/wer_1"):
        assert api("GET", path, by=SHOP)[0] == 404
    for path in ("event/wev_b", "receipt/wer_9"):
        assert api("GET", path)[0] == 404
