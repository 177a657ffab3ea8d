"""Notifications over the API: made, read, changed, deleted, and delivered (NOT-5)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from aiosmtpd.controller import Controller  # pyright: ignore[reportMissingTypeStubs]

from deploy_project.api.objects.account import number_of
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.notifications import Channel, Email, Slack
from deploy_project.notify import sending
from deploy_project.notify.notifier import Notifier
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.over_api.store import Store
from deploy_project.runs.model.status import Status
from tests.support.api.api_fields import NOTIFICATION
from tests.support.api.callers import Caller, token
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.ports import free_port
from tests.support.servers.receivers import Answer, Request, receiver
from tests.support.servers.serving import served

MAIL: dict[str, Any] = {
    "account_id": 1,
    "user_id": number_of("manager"),
    "type": 4,
    "external_email": "on-call@example.com",
    "slack_channel_id": None,
    "slack_channel_name": None,
    "on_cancel": [],
    "on_failure": [3],
    "on_success": [],
    "on_warning": [3],
    "state": 1,
}
"""As dbt Labs' provider for Terraform sends it."""
TO_SLACK = {
    **MAIL,
    "type": 2,
    "external_email": None,
    "slack_channel_id": "C0123456789",
    "slack_channel_name": "#data",
}


def deployment(port: int = 25) -> Deployment:
    daily, other = job("dbt build"), replace(PROJECT, name="other", id=9)
    environment = replace(daily.environment, name="theirs", id=8, project=other)
    theirs = replace(daily, name="theirs__daily", id=4, environment=environment)
    tokens = [
        replace(token("manager", "notification_manager"), email="manager@example.com"),
        token("admin", "account_admin"),
        replace(token("shop", "notification_manager", projects=["shop"]), email="shop@example.com"),
        token("viewer", "job_viewer"),
    ]
    mail = Email("127.0.0.1", "deploy@example.com", ("all@example.com",), port, "none")
    return replace(
        DEPLOYMENT,
        projects={"shop": PROJECT, "other": other},
        environments={"prod": daily.environment, "theirs": environment},
        jobs={each.name: each for each in (daily, theirs)},
        tokens={each.name: each for each in tokens},
        channels={
            "mail": Channel("mail", mail),
            "bot": Channel("bot", Slack(token=Secret(env="SLACK_BOT"), channel="C1")),
        },
    )


@dataclass
class Api:
    url: str
    state: StateDirectory

    def __call__(
        self, method: str, path: str = "", given: Any = None, *, by: str = "manager"
    ) -> tuple[int, Any]:
        address = f"/api/v2/accounts/1/notifications/{path}"
        answer = Caller(self.url, by).call(method, address, given)
        assert answer.json["status"]["code"] == answer.status
        return answer.status, answer.json["data"]

    def make(self, given: dict[str, Any] = MAIL, *, by: str = "manager", **more: Any) -> Any:
        status, made = self("POST", "", {**given, **more}, by=by)
        assert status == 201, made
        return made

    @property
    def stored(self) -> list[int]:
        return [each.id for each in Store(self.state).all()]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    state = StateDirectory(tmp_path / "state")
    with served(deployment(), state) as url:
        yield Api(url, state)


@pytest.mark.parametrize("given", [MAIL, TO_SLACK, {**TO_SLACK, "type": 5}])
def test_one_is_made_and_read_as_it_was_sent(api: Api, given: dict[str, Any]):
    made = api.make(given)
    assert [*NOTIFICATION.faults(made)] == []
    assert {key: made[key] for key in given} == given
    assert made["user"]["email"] == "manager@example.com"
    assert api("GET", f"{made['id']}/") == (200, made)
    assert api("GET") == (200, [made])


def test_the_list_has_dbt_clouds_filters(api: Api):
    mail, slack = api.make(), api.make(TO_SLACK)
    for query, expected in {
        "": [mail, slack],
        "?order_by=-id": [slack, mail],
        "?type=2": [slack],
        "?external_email=on-call@example.com": [mail],
        "?slack_channel_id=C0123456789": [slack],
        f"?pk={mail['id']}": [mail],
        f"?user_id={mail['user_id']}&limit=1&offset=1": [slack],
        "?user_id=7": [],
        "?state=deleted": [],
        "?state=all": [mail, slack],
    }.items():
        assert api("GET", query) == (200, expected), query
    assert api("GET", "?name=a")[0] == 400


def test_one_is_changed_key_by_key_and_sent_back_as_it_was_read(api: Api):
    made = api.make()
    path = f"{made['id']}/"
    status, changed = api("POST", path, {"on_success": [3], "on_warning": None})
    assert status == 200
    expected = {**made, "on_success": [3], "on_warning": [], "updated_at": changed["updated_at"]}
    assert changed == expected
    assert changed["updated_at"] > made["updated_at"]
    again = api("POST", path, changed)[1]
    assert {**again, "updated_at": ""} == {**changed, "updated_at": ""}
    slack = api("POST", path, {"type": 2, "slack_channel_id": "C7"})[1]
    assert (slack["external_email"], slack["slack_channel_id"]) == (None, "C7")
    back = api("POST", path, {"type": 1})[1]
    assert (back["slack_channel_id"], back["on_success"]) == (None, [3])


def test_one_is_deleted_by_either_way(api: Api):
    for method, body in (("DELETE", None), ("POST", {**MAIL, "state": 2})):
        made = api.make()
        path = f"{made['id']}/"
        assert api(method, path, body) == (200, {**made, "state": 2})
        assert api("GET", path)[0] == 404
        assert api(method, path, body)[0] == 404
    assert api.stored == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"type": 3}, "type"),
        ({"type": None}, "type"),
        ({"type": True}, "type"),
        ({"type": "4"}, "type"),
        ({"state": True}, "state"),
        ({"on_failure": [True]}, "on_failure"),
        ({"user_id": True}, "user_id"),
        ({"state": 2}, "state"),
        ({"account_id": 2}, "account_id"),
        ({"id": 5}, ""),
        ({"external_email": None}, "external_email"),
        ({"external_email": "a@b.example, c@d.example"}, "external_email"),
        ({"external_email": "a@b.example\r\nBcc: c@d.example"}, "external_email"),
        ({"external_email": "x@=?utf-8?q?e=0D=0ABcc=3Aboss@evil.com?="}, "external_email"),
        ({"external_email": "=?utf-8?q?x=0A?=@b.example"}, "external_email"),
        ({"external_email": "a@b@c.example"}, "external_email"),
        ({"external_email": "-oQ@b.example"}, "external_email"),
        ({"slack_channel_id": "C1"}, "slack_channel_id"),
        ({"on_failure": [99]}, "on_failure"),
        ({"on_failure": 3}, "on_failure"),
        ({"on_cancel": ["x"]}, "on_cancel"),
        ({"user_id": 7}, "user_id"),
        ({"on_late": [3]}, "on_late"),
        ({"type": 2, "external_email": None}, "slack_channel_id"),
        ({"type": 2, "external_email": None, "slack_channel_id": "a b"}, "slack_channel_id"),
    ],
)
def test_bad_ones_are_refused_by_their_key(api: Api, change: dict[str, Any], key: str):
    status, data = api("POST", "", {**MAIL, **change})
    if not key:  # an id of dbt Cloud's own: a new one is given
        assert (status, data["id"] != 5) == (201, True)
        return
    assert status == 400
    assert any(each.startswith(key) for each in data), data
    assert api.stored == []


def test_without_a_channel_to_send_by_it_says_what_deploy_yaml_lacks(tmp_path: Path):
    bare = replace(deployment(), channels={"hook": Channel("hook", Slack(Secret(env="HOOK")))})
    with served(bare, StateDirectory(tmp_path / "state")) as url:
        api = Api(url, StateDirectory(tmp_path / "state"))
        for given, words in ((MAIL, "no channel of mail"), (TO_SLACK, "no channel of a Slack bot")):
            status, data = api("POST", "", given)
            assert status == 400
            assert words in data["type"]


def test_mail_to_a_user_needs_its_address(api: Api):
    to_user = {**MAIL, "type": 1, "external_email": None}
    assert api.make(to_user)["user"]["email"] == "manager@example.com"
    of_shop = api.make(to_user, user_id=number_of("shop"))
    assert of_shop["user_id"] == number_of("shop"), "who may change all may name others"
    status, data = api("POST", "", {**to_user, "user_id": number_of("viewer")})
    assert status == 400
    assert "token 'viewer' has no address of mail" in data["user_id"]


def test_a_user_unsubscribes_from_its_own_mail_alone(api: Api):
    to_user = {**MAIL, "type": 1, "external_email": None}
    kept = [api.make(), api.make(to_user, user_id=number_of("manager"))]
    for _ in range(2):
        api.make(to_user, user_id=number_of("shop"))
    answer = Caller(api.url, "shop").call("POST", "/api/v2/notifications/unsubscribe/", {})
    assert (answer.status, answer.json["data"]) == (200, None)
    assert api.stored == [each["id"] for each in kept]
    answer = Caller(api.url, "viewer").call("POST", "/api/v2/notifications/unsubscribe/", {})
    assert answer.status == 403


def test_a_narrowed_token_has_those_of_its_jobs_alone(api: Api):
    own = api.make(by="shop", user_id=None)
    assert own["user_id"] == number_of("shop")
    theirs, both, none = (
        api.make(on_failure=ids, on_warning=[]) for ids in ([4], [3, 4], list[int]())
    )
    assert api("GET", by="shop") == (200, [own])
    for each in (theirs, both, none):
        path = f"{each['id']}/"
        for method, body in (("GET", None), ("POST", MAIL), ("DELETE", None)):
            assert api(method, path, body, by="shop")[0] == 404
    path = f"{own['id']}/"
    assert api("POST", path, {"user_id": number_of("manager")}, by="shop")[0] == 400
    assert api("POST", path, {"on_failure": [], "on_warning": []}, by="shop")[0] == 403
    refused = [
        Caller(api.url, "shop").call(
            "POST", f"/api/v2/accounts/1/notifications/{path}", {"on_failure": [each]}
        )
        for each in (4, 99)
    ]
    assert [each.status for each in refused] == [403, 403]
    assert refused[0].json == refused[1].json, "it learns of no other job"
    assert len(api.stored) == 4


def test_a_token_without_notifications_has_none(api: Api):
    made = api.make()
    assert api("GET", by="viewer")[0] == 403
    assert api("POST", "", {**MAIL, "user_id": None}, by="viewer")[0] == 403
    for method, body in (("GET", None), ("POST", MAIL), ("DELETE", None)):
        assert api(method, f"{made['id']}/", body, by="viewer")[0] == 404
    assert api("GET", by="nobody")[0] == 401


class Inbox:
    """Keeps the mail that comes in, with its recipients."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Any]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    found, port = Inbox(), free_port()
    server = Controller(found, hostname="127.0.0.1", port=port)
    server.start()
    yield found, port
    server.stop()


def end(history: History, status: dg.DagsterRunStatus, at: datetime, **more: Any) -> None:
    kinds = {
        dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
    }
    run_id = history.add(status=dg.DagsterRunStatus.STARTED, created=at)
    ended = dg.DagsterEvent(kinds[status].value, "prod__daily")
    history.instance.run_storage.handle_run_event(run_id, ended, at)
    history.keep(replace(facts_of(run_id, Status.of(status), began=at), **more))


def test_what_was_asked_for_is_delivered_until_it_is_deleted(
    tmp_path: Path, inbox: tuple[Inbox, int], monkeypatch: pytest.MonkeyPatch
):
    """Mail by the SMTP channel of deploy.yaml, Slack by its bot; each failure is told."""
    monkeypatch.setenv("SLACK_BOT", "xoxb-1")

    def slack(request: Request) -> Answer:
        right = request.headers["authorization"] == "Bearer xoxb-1"
        return 200, {}, json.dumps({"ok": right}).encode()

    mails, port = inbox
    of, state = deployment(port), StateDirectory(tmp_path / "state")
    now = datetime.now(UTC)
    with receiver(slack) as posts, on_sqlite(tmp_path) as instance, served(of, state) as url:
        monkeypatch.setattr(sending, "SLACK_API", posts.url)
        api, history = Api(url, state), History(instance, tmp_path)
        notifier = Notifier(of, state, history.plain())
        first, second = api.make(), api.make(TO_SLACK, on_warning=[], on_success=[3])
        for minute, status in enumerate(["FAILURE", "FAILURE", "SUCCESS"], 1):
            at = now + timedelta(minutes=minute)
            end(history, dg.DagsterRunStatus[status], at)
            assert notifier.tick(at + timedelta(seconds=10)) != []
        assert [to for to, _ in mails.mails] == [["on-call@example.com"]] * 2
        assert [mail["Subject"] for _, mail in mails.mails] == ["prod__daily failed"] * 2
        bodies = [json.loads(each.body) for each in posts.requests]
        assert [each["channel"] for each in bodies] == ["C0123456789"] * 3
        for each in (first, second):
            assert api("DELETE", f"{each['id']}/")[0] == 200
        end(history, dg.DagsterRunStatus.FAILURE, now + timedelta(minutes=9))
        assert notifier.tick(now + timedelta(minutes=10)) == []
    assert len(mails.mails) == 2
    sent = [(each.channel, each.result) for each in Outbox.of(state).log()]
    assert sent.count((f"notification.{first['id']}", "sent")) == 2
    assert sent.count((f"notification.{second['id']}", "sent")) == 3


def test_a_damaged_file_is_told_and_holds_up_no_rule(api: Api):
    api.make()
    api.state.api_notifications.write_text("[{", encoding="utf-8")
    assert api("GET")[0] == 503
    assert api("POST", "", MAIL)[0] == 503
    with dg.DagsterInstance.ephemeral() as instance:
        runs = History(instance, api.state.root).plain()
        [line] = Notifier(deployment(), api.state, runs).tick(datetime.now(UTC))
    assert "does not hold notifications" in line
