"""Cron lines: their next moment, as Dagster's own iterator has it, and their words."""

import random
from datetime import UTC, datetime

import pytest
from dagster._utils.schedules import cron_string_iterator

from deploy_project.api.objects.cron_times import next_time
from deploy_project.api.objects.cron_words import cron_words
from deploy_project.config.resolve.cron import cron_fault

DOCUMENTED = (
    *("0 * * * *", "*/5 * * * *", "5 4 * * *", "30 */4 * * *", "0 0 */2 * *", "0 0 * * 1"),
    *("0 0 L * *", "0 0 L 1,2,3,4,5,6,8,9,10,11,12 *", "0 0 L 7 *", "0 0 L * FRI,SAT"),
    *("0 12 L * *", "0 7 L * 5", "30 14 L * *", "0 4 * * MON#1"),
)
OTHERS = (
    *("6 */12 * * 0,1,2,3,4,5,6", "0 9-17/2 * * MON-FRI", "15,45 8 1,15 * *", "0 0 29 2 *"),
    *("30 5 * * FRI-MON", "0 6 1-7 JAN-MAR SUN", "0 0 * NOV-FEB *", "7 3 13 * 5", "59 23 31 12 7"),
    "0 4 * * TUE#2,THU#4",
)


def oracle(line: str, zone: str, after: datetime) -> datetime:
    for moment in cron_string_iterator(after.timestamp(), line, zone):
        if moment > after:
            return moment.astimezone(UTC)
    raise AssertionError(line)


@pytest.mark.parametrize("line", [*DOCUMENTED, *OTHERS])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_the_next_moment_is_dagsters(line: str, zone: str):
    """All documented examples (SCH-5), away from the nights in which the clocks change."""
    assert cron_fault(line) is None
    chance = random.Random(line + zone)
    for _ in range(5):
        after = datetime(2026, 5, 1, tzinfo=UTC).timestamp() + chance.randrange(100 * 86400)
        moment = datetime.fromtimestamp(after, UTC)
        assert next_time([line], zone, moment) == oracle(line, zone, moment)


def test_the_earliest_of_several_lines_counts():
    after = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    found = next_time(["0 15 * * *", "30 13 * * *"], "UTC", after)
    assert found == datetime(2026, 5, 1, 13, 30, tzinfo=UTC)
    assert next_time([], "UTC", after) is None
    assert next_time(["0 12 * * *"], "UTC", after) == datetime(2026, 5, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "6 */12 * * 0,1,2,3,4,5,6",
            "At 6 minutes past the hour, every 12 hours, only on Sunday, Monday, Tuesday, "
            "Wednesday, Thursday, Friday, and Saturday",
        ),
        ("0 * * * *", "Every hour"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("* * * * *", "Every minute"),
        ("5 4 * * *", "At 04:05 AM"),
        ("0 0,12,23 * * *", "At 12:00 AM, 12:00 PM and 11:00 PM"),
        ("30 */4 * * *", "At 30 minutes past the hour, every 4 hours"),
        ("0 0 */2 * *", "At 12:00 AM, every 2 days"),
        ("0 0 * * 1", "At 12:00 AM, only on Monday"),
        ("0 0 L * *", "At 12:00 AM, on the last day of the month"),
        ("0 0 L 7 *", "At 12:00 AM, on the last day of the month, only in July"),
        ("0 4 * * MON#1", "At 04:00 AM, on the first Monday of the month"),
        ("0 6 * * MON-FRI", "At 06:00 AM, Monday through Friday"),
        ("0 6 1,15 * *", "At 06:00 AM, on day 1 and 15 of the month"),
        ("0 9-17 * * *", "Every hour, between 09:00 AM and 05:00 PM"),
        ("1 * * * *", "At 1 minute past the hour"),
    ],
)
def test_words(line: str, words: str):
    """The first one is dbt Cloud's own text for that line."""
    assert cron_words([line]) == words


@pytest.mark.parametrize("line", [*DOCUMENTED, *OTHERS])
def test_every_line_has_words(line: str):
    assert cron_words([line, line]).count("; ") == 1
