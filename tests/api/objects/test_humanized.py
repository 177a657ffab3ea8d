"""Times and durations in dbt Cloud's words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from deploy_project.api.objects.humanized import ago, clock, lasting, spaced, with_t

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "digits", "words"),
    [
        (0, "00:00:00", "0 minutes"),
        (0.9, "00:00:00", "0 minutes"),
        (-3, "00:00:00", "0 minutes"),
        (1, "00:00:01", "1 second"),
        (4, "00:00:04", "4 seconds"),
        (60, "00:01:00", "1 minute"),
        (96, "00:01:36", "1 minute, 36 seconds"),
        (3600, "01:00:00", "1 hour"),
        (3661, "01:01:01", "1 hour, 1 minute"),
        (3608, "01:00:08", "1 hour"),
        (DAY + 36, "24:00:36", "1 day"),
        (DAY + 3 * 3600, "27:00:00", "1 day, 3 hours"),
        (30 * DAY, "720:00:00", "30 days"),
    ],
)
def test_durations(seconds: float, digits: str, words: str):
    """A run of a day and 36 seconds was `24:00:36` and `1 day` on dbt Cloud."""
    assert (clock(seconds), lasting(seconds)) == (digits, words)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(days=17), "2 weeks, 3 days ago"),
        (timedelta(days=14, hours=5), "2 weeks ago"),
        (timedelta(days=400), "1 year, 1 month ago"),
        (timedelta(days=45), "1 month, 2 weeks ago"),
        (timedelta(hours=25), "1 day, 1 hour ago"),
        (timedelta(seconds=5), "5 seconds ago"),
        (timedelta(milliseconds=5), "0 minutes ago"),
        (timedelta(), "0 minutes from now"),
        (-timedelta(hours=3, minutes=2, seconds=9), "3 hours, 2 minutes from now"),
    ],
)
def test_ages(before: timedelta, words: str):
    assert ago(NOW - before, NOW) == words


def test_a_time_that_is_not_known_is_now():
    assert ago(None, NOW) == "0 minutes from now"


def test_times_are_of_utc_with_microseconds():
    time = datetime(2024, 5, 27, 12, 42, 16, tzinfo=timezone(timedelta(hours=2)))
    assert spaced(time) == "2024-05-27 10:42:16.000000+00:00"
    assert with_t(time) == "2024-05-27T10:42:16.000000+00:00"
    assert spaced(None) is None
    assert with_t(None) is None
