"""One message handed over to one channel: its rendering, its secrets, its transport."""

import hashlib
import hmac
import json
import re
from typing import Any, cast

from pydantic import SecretStr

from deploy_project.config.environment import reveal
from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.notifications import (
    Channel,
    Email,
    PagerDuty,
    Slack,
    Teams,
    Webhook,
)
from deploy_project.errors import ConfigError, DeliveryError
from deploy_project.notify.message import Message
from deploy_project.notify.render import pagerduty, slack, teams, webhook
from deploy_project.notify.render.text import text
from deploy_project.notify.transports import directory, http, smtp

SLACK_API = "https://slack.com/api/chat.postMessage"
PAGERDUTY_API = "https://events.pagerduty.com/v2/enqueue"
_TAKEN = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')


def send(channel: Channel, message: Message) -> str:
    """Hand `message` over to `channel`; return a remark for the log, empty for none.

    Raises `DeliveryError` when it is not taken.
    """
    medium = channel.medium
    try:
        if isinstance(medium, Email):
            return _mail(channel, medium, message)
        if isinstance(medium, Slack):
            _slack(channel, medium, message)
        elif isinstance(medium, Teams):
            http.post(_value(channel, medium.webhook), teams.encoded(teams.payload(message)), {})
        elif isinstance(medium, PagerDuty):
            key = _value(channel, medium.routing_key)
            event = {"routing_key": key, **pagerduty.event(message)}
            http.post(PAGERDUTY_API, json.dumps(event).encode(), {})
        elif isinstance(medium, Webhook):
            body = webhook.body(message)
            http.post(_value(channel, medium.url), body, _signed(channel, medium, body))
        else:
            directory.write(message, medium.path)
    except ConfigError as error:  # a secret is missing, which may come back
        raise DeliveryError(str(error)) from error
    return ""


def preview(channel: Channel, message: Message) -> str:
    """Return the text that would be sent; no secret is needed, and nobody is asked."""
    medium = channel.medium
    if isinstance(medium, Email):
        return smtp.mail(message, medium).as_string()
    if isinstance(medium, Slack):
        return json.dumps(_payload(medium, message), indent=2, ensure_ascii=False)
    if isinstance(medium, Teams):
        return json.dumps(teams.payload(message), indent=2, ensure_ascii=False)
    if isinstance(medium, PagerDuty):
        return json.dumps(pagerduty.event(message), indent=2, ensure_ascii=False)
    if isinstance(medium, Webhook):
        return webhook.body(message).decode()
    return text(message)


def _mail(channel: Channel, medium: Email, message: Message) -> str:
    login = None
    if medium.username is not None and medium.password is not None:
        login = smtp.Login(medium.username, _revealed(channel, medium.password))
    return smtp.send(message, medium, login)


def _slack(channel: Channel, medium: Slack, message: Message) -> None:
    body = json.dumps(_payload(medium, message)).encode()
    if medium.webhook is not None:
        http.post(_value(channel, medium.webhook), body, {})
        return
    assert medium.token is not None
    headers = {"Authorization": f"Bearer {_value(channel, medium.token)}"}
    answer = http.post(SLACK_API, body, headers)
    # A refusal comes with status 200: https://docs.slack.dev/apis/web-api/#responses
    why = _refusal(answer)
    if why:
        raise DeliveryError(f"Slack refuses it: {why}", is_refusal=True)


def _payload(medium: Slack, message: Message) -> dict[str, Any]:
    found = slack.payload(message)
    return {"channel": medium.channel, **found} if medium.channel else found


def _refusal(answer: bytes) -> str:
    if _TAKEN.match(answer):  # also the beginning of one that was long, or broke
        return ""
    try:
        found: Any = json.loads(answer)
    except ValueError:
        return "its answer is no JSON"
    if not isinstance(found, dict):
        return "its answer is no object"
    fields = cast(dict[str, Any], found)
    return "" if fields.get("ok") is True else str(fields.get("error", "no reason given"))[:100]


def _signed(channel: Channel, medium: Webhook, body: bytes) -> dict[str, str]:
    """Return the header with the signature of a body, as dbt Cloud's webhooks have it (WH-3)."""
    if medium.secret is None:
        return {}
    key = _value(channel, medium.secret).encode()
    return {"Authorization": hmac.new(key, body, hashlib.sha256).hexdigest()}


def _value(channel: Channel, wanted: str | Secret) -> str:
    if isinstance(wanted, str):
        return wanted
    return _revealed(channel, wanted).get_secret_value().strip()


def _revealed(channel: Channel, wanted: Secret) -> SecretStr:
    return reveal(wanted, wanted_by=f"channels.{channel.sent_by or channel.name}")
