"""The standing of a subscription: pauses, and deactivation after a thousand or a week."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.notify.webhooks.standing import (
    Standing,
    after_failure,
    after_success,
    pause,
    reactivated,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NEW = Standing(NOW)


def test_five_retries_take_almost_three_hours():
    pauses = [pause(each, wait_seconds=0, chance=0) for each in range(1, 7)]
    assert pauses[-1] is None
    minutes = [each.total_seconds() / 60 for each in pauses if each is not None]
    assert minutes == [0.5, 2, 8, 32, 128]
    assert sum(minutes) > 60, "an hour of outage loses nothing"


def test_pauses_differ_by_chance_and_heed_the_receiver():
    assert pause(1, wait_seconds=0, chance=1) == timedelta(seconds=37.5)
    assert pause(1, wait_seconds=600, chance=1) == timedelta(seconds=600)


def test_a_thousand_failed_deliveries_deactivate():
    standing = NEW
    for number in range(999):
        at = NOW + timedelta(seconds=number)
        standing = after_failure(standing, code=500, now=at, given_up=False)
        standing = after_failure(standing, code=500, now=at, given_up=True)
    assert standing.is_active
    assert standing.failures == 999
    standing = after_failure(standing, code=500, now=NOW + timedelta(hours=1), given_up=True)
    assert not standing.is_active
    assert standing.reason == "1,000 deliveries in a row have failed"


@pytest.mark.parametrize(("days", "active"), [(6.9, True), (7, False)])
def test_seven_days_of_failures_deactivate(days: float, active: bool):
    standing = after_failure(NEW, code=0, now=NOW, given_up=False)
    standing = after_failure(standing, code=0, now=NOW + timedelta(days=days), given_up=False)
    assert standing.is_active is active


def test_a_success_in_between_begins_anew():
    standing = after_failure(NEW, code=500, now=NOW, given_up=True)
    standing = after_success(standing, code=204, now=NOW + timedelta(days=6))
    assert (standing.failures, standing.failing_since, standing.http_status_code) == (0, None, 204)
    standing = after_failure(standing, code=500, now=NOW + timedelta(days=8), given_up=True)
    assert standing.is_active


def test_one_that_is_reactivated_hears_of_what_follows():
    standing = after_failure(NEW, code=500, now=NOW, given_up=True)
    standing = after_failure(standing, code=500, now=NOW + timedelta(days=7), given_up=True)
    later = NOW + timedelta(days=9)
    standing = reactivated(standing, now=later)
    assert standing.is_active
    assert (standing.since, standing.failures, standing.reason) == (later, 0, "")
