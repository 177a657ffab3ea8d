"""Messages as each medium shows them, in golden files for people to look at."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy_project.notify.message import Message
from deploy_project.notify.render import email, pagerduty, slack, teams, webhook
from deploy_project.notify.render.text import text
from tests.support.messages import ATTACK, FAILURE, OWNERS, RECOVERY, WITH_ROWS

MESSAGES = {
    "failure": FAILURE,
    "recovery": RECOVERY,
    "attack": replace(ATTACK, title="Attack"),
    "rows": WITH_ROWS,
    "owner": OWNERS,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_look_as_they_are_meant(name: str, golden: Callable[[str, str], None]):
    message: Message = MESSAGES[name]
    golden(f"notify/{name}.txt", text(message))
    golden(f"notify/{name}.html", email.html(message))
    slacks = json.dumps(slack.payload(message), indent=2, ensure_ascii=False)
    golden(f"notify/{name}.slack.json", slacks + "\n")
    card = json.dumps(teams.payload(message), indent=2, ensure_ascii=False)
    golden(f"notify/{name}.teams.json", card + "\n")
    event = json.dumps(pagerduty.event(message), indent=2, ensure_ascii=False)
    golden(f"notify/{name}.pagerduty.json", event + "\n")
    golden(f"notify/{name}.webhook.json", webhook.body(message).decode() + "\n")
