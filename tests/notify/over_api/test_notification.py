"""Notifications of the API as channels and rules: whom they tell of which jobs, and how (NOT-5)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.notifications import Channel, Email, Rule, Slack
from deploy_project.config.values.tokens import Token
from deploy_project.notify.over_api.notification import (
    Notification,
    UnreachableError,
    channel,
    with_notifications,
)
from deploy_project.notify.over_api.store import Store
from tests.support.deployments.jobs import DEPLOYMENT, job

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MAIL = Channel("mail", Email("smtp.example.com", "a@example.com", ("b@example.com",)))
HOOK = Channel("hook", Slack(webhook=Secret(env="HOOK")))
BOT = Channel("bot", Slack(token=Secret(env="BOT"), channel="C1"))
DAILY = job("dbt build")
JOBS = [replace(DAILY, name=f"prod__job{number}", id=number) for number in (1, 2, 3)]
WHOLE = replace(
    DEPLOYMENT,
    jobs={each.name: each for each in JOBS},
    channels={each.name: each for each in (HOOK, MAIL, BOT)},
    notifications=(Rule(frozenset({"failure"}), ("mail",)),),
    tokens={"ana": Token("ana", "0" * 64, frozenset(), email="ana@example.com")},
)


def of(type_: Any, **more: Any) -> Notification:
    return Notification(7, type_, "ana", **more)


def test_mail_goes_by_the_mail_channel_of_the_file_to_its_own_recipient():
    made = channel(of(4, external_email="c@example.com"), WHOLE)
    assert made.medium == replace(MAIL.medium, recipients=("c@example.com",))
    assert (made.name, made.sent_by) == ("notification.7", "mail")
    own = channel(of(1), WHOLE)
    assert own.medium == replace(MAIL.medium, recipients=("ana@example.com",))


@pytest.mark.parametrize("type_", [2, 5])
def test_a_message_in_slack_goes_by_the_bot_of_the_file(type_: int):
    made = channel(of(type_, slack_channel_id="C7"), WHOLE)
    assert (made.medium, made.sent_by) == (Slack(token=Secret(env="BOT"), channel="C7"), "bot")


@pytest.mark.parametrize(
    ("notification", "lacking", "key", "words"),
    [
        (of(4, external_email="c@example.com"), "mail", "type", "no channel of mail"),
        (of(2, slack_channel_id="C7"), "bot", "type", "no channel of a Slack bot"),
        (replace(of(1), user="ben"), "", "user_id", "token 'ben' has no address of mail"),
    ],
)
def test_without_a_way_to_send_it_nothing_is_promised(
    notification: Notification, lacking: str, key: str, words: str
):
    kept = {name: each for name, each in WHOLE.channels.items() if name != lacking}
    with pytest.raises(UnreachableError, match=words) as raised:
        channel(notification, replace(WHOLE, channels=kept))
    assert raised.value.key == key


def test_jobs_with_the_same_ends_are_one_rule_beside_those_of_the_file():
    told = of(1, on_failure=(1, 2, 3, 99), on_cancel=(3,), on_success=(1, 2), on_warning=())
    made, faults = with_notifications(WHOLE, [told])
    assert faults == []
    first, *own = made.notifications
    assert first == WHOLE.notifications[0]
    assert [(each.on, each.jobs) for each in own] == [
        ({"failure", "success"}, ("prod__job1", "prod__job2")),
        ({"failure", "cancelled"}, ("prod__job3",)),
    ]
    for each in own:
        assert each.channels == ("notification.7",)
        assert (each.repeat, each.pull_requests) == ("always", "include"), "as dbt Cloud tells"


def test_one_that_can_not_be_sent_is_told_and_holds_up_no_other():
    lost, fine = replace(of(1), id=8, user="gone"), of(1, on_failure=(1,))
    made, faults = with_notifications(WHOLE, [lost, fine])
    assert [*made.channels] == ["hook", "mail", "bot", "notification.7"]
    [line] = faults
    assert line.startswith("notification.8 of the API can't be sent: token 'gone' has no address")


def test_the_store_gives_numbers_that_rise(tmp_path: Path):
    store = Store(StateDirectory(tmp_path))
    first, second = (store.create(of(1), now=NOW) for _ in range(2))
    assert (first.id, second.id) == (1796040000, 1796040001)
    assert store.all() == (first, second)
    later = datetime(2026, 12, 1, tzinfo=UTC)
    changed = store.update(replace(first, on_failure=(3,)), now=later)
    assert changed is not None
    assert (changed.created_at, changed.updated_at, changed.on_failure) == (NOW, later, (3,))
    assert store.delete(first.id)
    assert not store.delete(first.id)
    assert store.update(first, now=later) is None
    assert store.all() == (second,)
