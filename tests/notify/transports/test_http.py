"""Posts over HTTP: receivers as those of Slack, Teams and PagerDuty, which refuse what these do."""

import hashlib
import hmac
import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files

import pytest
from jsonschema import Draft6Validator
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.notifications import (
    Channel,
    PagerDuty,
    Slack,
    Teams,
    Webhook,
)
from deploy_project.errors import DeliveryError
from deploy_project.notify import sending
from deploy_project.notify.message import Item, Message, Section
from deploy_project.notify.sending import send
from deploy_project.notify.transports import http
from tests.support.messages import ATTACK, FAILURE, OWNERS, RECOVERY, WITH_ROWS
from tests.support.servers.raw_servers import CHUNKS, GZIP, HEAD, HELLO, SHORT, dripping, raw_server
from tests.support.servers.receivers import Answer, Request, receiver

KEY = "R" * 32
TOKEN, SECRET = "xoxb-1234567890", "a signing secret"
CARD = Draft6Validator(
    json.loads((files("adaptive_cards") / "schemas" / "schema-1.5.json").read_text("utf-8"))
)
_LONG = tuple(Item("h" * 4_000, "line &<>\n" * 3_000, "n" * 4_000) for _ in range(30))
MESSAGES = (
    *(FAILURE, RECOVERY, ATTACK, WITH_ROWS, OWNERS),
    replace(FAILURE, title="t" * 500, sections=(Section("s", _LONG),)),
)


def slacks_webhook(request: Request) -> Answer:
    """As Slack's incoming webhooks answer: a text, and 400 for blocks that break the limits.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#errors
    """
    if request.path != "/services/T0/B0/secret":
        return 404, {}, b"no_service"
    content = json.loads(request.body)
    if not content.get("text"):
        return 400, {}, b"no_text"
    try:
        for each in Block.parse_all(content["blocks"]):
            each.validate_json()
    except SlackObjectFormationError:
        return 400, {}, b"invalid_blocks"
    return (200, {}, b"ok") if 1 <= len(content["blocks"]) <= 50 else (400, {}, b"invalid_blocks")


def teams_workflow(request: Request) -> Answer:
    """As a workflow of Teams answers: 202 before it posts, 413 and 400 for what it can't take."""
    if len(request.body) > 28 * 1024:
        return 413, {}, b"RequestEntityTooLarge"
    content = json.loads(request.body)
    if content.get("type") != "message" or len(content.get("attachments", ())) != 1:
        return 400, {}, b"TriggerInputSchemaMismatch"
    card = {**content["attachments"][0]["content"]}
    card.pop("msteams", None)  # an extension, which the schema does not have
    right = CARD.is_valid(card)  # pyright: ignore[reportUnknownMemberType]
    return (202, {}, b"") if right else (400, {}, b"BadRequest")


def slacks_api(request: Request) -> Answer:
    """As Slack's Web API answers: always with status 200."""
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return 200, {}, b'{"ok": false, "error": "invalid_auth"}'
    known = json.loads(request.body)["channel"] == "C0123456789"
    return 200, {}, b'{"ok": true}' if known else b'{"ok": false, "error": "channel_not_found"}'


def pagerdutys_api(request: Request) -> Answer:
    """As PagerDuty's Events API v2 answers: 202, and 400 for an event that is not valid."""
    event = json.loads(request.body)
    right = event["routing_key"] == KEY and event["event_action"] in ("trigger", "resolve")
    right = right and 1 <= len(event["dedup_key"]) <= 255
    if event["event_action"] == "trigger":
        payload = event["payload"]
        right = right and payload["severity"] in ("critical", "error", "warning", "info")
        right = right and payload["source"] and 1 <= len(payload["summary"]) <= 1024
    if right:
        return 202, {}, b'{"status": "success"}'
    return 400, {}, b'{"status": "invalid event"}'


def signed(request: Request) -> Answer:
    """As dbt's documentation has receivers check a signature, over the raw body."""
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    right = hmac.compare_digest(request.headers.get("authorization", ""), expected)
    return (200, {}, b"") if right else (401, {}, b"wrong signature")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKEN": TOKEN, "SECRET": SECRET, "OTHER": "another", "KEY": KEY}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("message", MESSAGES)
def test_slack_takes_a_message_by_webhook(monkeypatch: pytest.MonkeyPatch, message: Message):
    with receiver(slacks_webhook) as found:
        monkeypatch.setenv("HOOK", f"{found.url}/services/T0/B0/secret")
        send(Channel("team", Slack(webhook=Secret(env="HOOK"))), message)
    (request,) = found.requests
    assert request.path == "/services/T0/B0/secret"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("message", MESSAGES)
def test_teams_takes_a_card(monkeypatch: pytest.MonkeyPatch, message: Message):
    with receiver(teams_workflow) as found:
        monkeypatch.setenv("HOOK", f"{found.url}/workflows/secret?sig=1")
        send(Channel("team", Teams(Secret(env="HOOK"))), message)
    (request,) = found.requests
    assert request.path == "/workflows/secret?sig=1"
    assert request.headers["content-type"] == "application/json"


def test_the_receivers_refuse_what_theirs_refuse():
    """Receivers that take everything would prove nothing."""
    text = {"type": "plain_text", "text": "x" * 3_001}
    blocks = [{"type": "section", "text": text}]
    card = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Unknown"}]}
    kind = "application/vnd.microsoft.card.adaptive"
    for service, path, content, why in (
        (slacks_webhook, "/services/T0/B0/secret", {"blocks": blocks}, "no_text"),
        (slacks_webhook, "/services/T0/B0/secret", {"text": "a", "blocks": blocks}, "invalid_bl"),
        (slacks_webhook, "/services/T0/B0/secret", {"text": "a", "blocks": []}, "invalid_blocks"),
        (slacks_webhook, "/services/other", {}, "404: no_service"),
        (teams_workflow, "/", {"text": "a"}, "TriggerInputSchemaMismatch"),
        (
            teams_workflow,
            "/",
            {"type": "message", "attachments": [{"contentType": kind, "content": card}]},
            "BadRequest",
        ),
        (teams_workflow, "/", {"type": "message", "text": "x" * 30_000}, "413"),
    ):
        with receiver(service) as found, pytest.raises(DeliveryError, match=why):
            http.post(f"{found.url}{path}", json.dumps(content).encode(), {})


def test_slack_takes_a_message_of_a_bot(monkeypatch: pytest.MonkeyPatch):
    with receiver(slacks_api) as found:
        monkeypatch.setattr(sending, "SLACK_API", found.url)
        send(Channel("team", Slack(token=Secret(env="TOKEN"), channel="C0123456789")), FAILURE)
        for name, channel, why in (
            ("TOKEN", "C9", "channel_not_found"),
            ("OTHER", "C0123456789", "invalid_auth"),
        ):
            with pytest.raises(DeliveryError, match=why):
                send(Channel("team", Slack(token=Secret(env=name), channel=channel)), FAILURE)


def test_pagerduty_has_an_incident_triggered_and_resolved(monkeypatch: pytest.MonkeyPatch):
    channel = Channel("on-call", PagerDuty(Secret(env="KEY")))
    with receiver(pagerdutys_api) as found:
        monkeypatch.setattr(sending, "PAGERDUTY_API", found.url)
        for message in (FAILURE, ATTACK, RECOVERY):
            send(channel, message)
        with pytest.raises(DeliveryError, match="HTTP 400") as raised:
            send(Channel("on-call", PagerDuty(Secret(env="OTHER"))), FAILURE)
    assert "another" not in str(raised.value)
    events = [json.loads(each.body) for each in found.requests]
    assert [each["event_action"] for each in events[:3]] == ["trigger", "trigger", "resolve"]
    assert len({each["dedup_key"] for each in events}) == 1
    assert KEY not in sending.preview(channel, FAILURE)


def test_a_webhook_is_signed():
    with receiver(signed) as found:
        send(Channel("hook", Webhook(found.url, Secret(env="SECRET"))), FAILURE)
        with pytest.raises(DeliveryError, match="it answers HTTP 401: wrong signature") as raised:
            send(Channel("hook", Webhook(found.url, Secret(env="OTHER"))), FAILURE)
        assert raised.value.is_refusal
    assert json.loads(found.requests[0].body)["event"] == "run.failure"


def test_an_address_that_is_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/services/s3cret")
    with pytest.raises(DeliveryError) as raised:
        send(Channel("team", Slack(webhook=Secret(env="HOOK"))), FAILURE)
    assert "s3cret" not in str(raised.value)
    assert not raised.value.is_refusal


def test_a_secret_that_is_missing_is_an_error_to_try_again():
    with pytest.raises(DeliveryError, match=r"channels\.team: environment variable 'NOWHERE'"):
        send(Channel("team", Slack(webhook=Secret(env="NOWHERE"))), FAILURE)


def test_no_redirect_is_followed():
    with (
        receiver(lambda _: (200, {}, b"")) as other,
        receiver(lambda _: (307, {"Location": other.url}, b"")) as found,
        pytest.raises(DeliveryError, match="HTTP 307"),
    ):
        send(Channel("hook", Webhook(found.url)), FAILURE)
    assert other.requests == []


def test_a_pause_is_as_long_as_it_is_asked_for():
    with (
        receiver(lambda _: (429, {"Retry-After": "120"}, b"slow down")) as found,
        pytest.raises(DeliveryError) as raised,
    ):
        send(Channel("hook", Webhook(found.url)), FAILURE)
    assert (raised.value.wait_seconds, raised.value.is_refusal) == (120, False)


def test_an_answer_that_comes_too_late_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.3)
    done = threading.Event()

    def slow(_: Request) -> Answer:
        done.wait(5)
        return 200, {}, b""

    with receiver(slow) as found:
        began = time.monotonic()
        with pytest.raises(DeliveryError, match="has not answered within"):
            send(Channel("hook", Webhook(found.url)), FAILURE)
        assert time.monotonic() - began < 3
        done.set()


@pytest.mark.parametrize(("scheme", "content"), [("http", HEAD), ("https", HELLO)])
def test_a_receiver_that_drips_is_left(
    monkeypatch: pytest.MonkeyPatch, scheme: str, content: bytes
):
    """Each byte began the ten seconds anew, so a channel was held for as long as it dripped."""
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    parts = dripping(content)
    with raw_server(*parts, pause=0.1) as found:
        with pytest.raises(DeliveryError, match="has not answered within"):
            http.post(f"{scheme}://{found.address}/", b"{}", {})
        assert found.sent < len(parts)


@pytest.mark.parametrize("answer", [SHORT, CHUNKS, GZIP])
def test_a_delivery_is_one_whatever_its_body(answer: bytes):
    """A body that broke was taken for no answer, and the message sent again for a day."""
    with raw_server(answer) as found:
        http.post(f"http://{found.address}/", b"{}", {})


@pytest.mark.parametrize("ending", [b'"channel":"C1"', b'"x":"' + b"y" * 100_000 + b'"}'])
def test_slack_has_taken_a_message_when_its_answer_breaks(
    monkeypatch: pytest.MonkeyPatch, ending: bytes
):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
    with raw_server(head + b'{"ok":true,' + ending) as found:
        monkeypatch.setattr(sending, "SLACK_API", f"http://{found.address}/")
        send(Channel("team", Slack(token=Secret(env="TOKEN"), channel="C0123456789")), FAILURE)


def test_a_delivery_is_one_when_its_body_drips(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"
    with raw_server(head, *dripping(b"x" * 40), pause=0.1) as found:
        http.post(f"http://{found.address}/", b"{}", {})
        assert found.sent < 41


def test_a_proxy_is_asked(monkeypatch: pytest.MonkeyPatch):
    with receiver(lambda _: (200, {}, b"by proxy")) as found:
        monkeypatch.setenv("http_proxy", found.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert http.post("http://hooks.example.com/x", b"{}", {}) == b"by proxy"
    assert [each.path for each in found.requests] == ["http://hooks.example.com/x"]


def test_a_pause_may_be_a_date():
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)
    for status in (429, 503):
        with (
            receiver(lambda _, status=status: (status, {"Retry-After": until}, b"")) as found,
            pytest.raises(DeliveryError) as raised,
        ):
            send(Channel("hook", Webhook(found.url)), FAILURE)
        assert 0 < raised.value.wait_seconds <= 1800


def test_words_of_an_answer_are_one_short_line():
    with (
        receiver(lambda _: (500, {}, b"\x1b[31mno\r\n" + b"x" * 10**5)) as found,
        pytest.raises(DeliveryError) as raised,
    ):
        send(Channel("hook", Webhook(found.url)), FAILURE)
    assert len(str(raised.value)) < 250
    assert str(raised.value).isprintable()
