"""Cron lines and time zones, against Dagster's own acceptance."""

import datetime
import itertools
from collections.abc import Iterator

import dagster as dg
import pytest

from deploy_project.config.resolve.cron import cron_fault, timezone_fault

# https://docs.getdbt.com/docs/deploy/deploy-jobs#cron-schedule
DOCUMENTED = [
    "0 * * * *",
    "*/5 * * * *",
    "5 4 * * *",
    "30 */4 * * *",
    "0 0 */2 * *",
    "0 0 * * 1",
    "0 0 L * *",
    "0 0 L 1,2,3,4,5,6,8,9,10,11,12 *",
    "0 0 L 7 *",
    "0 0 L * FRI,SAT",
    "0 12 L * *",
    "0 7 L * 5",
    "30 14 L * *",
    "0 4 * * MON#1",
]
GOOD = [
    *DOCUMENTED,
    "6 */12 * * 0,1,2,3,4,5,6",
    "0 4 * * mon#1,tue#2",
    "0 0 * JAN-MAR MON-FRI",
    "0 0 * NOV-FEB FRI-MON",
    "0-30/10 8-18 * * *",
    "5/15 * * * *",
    "01 02 03 04 05",
    "0 0 L,15 * *",
    "0 0 29 2 *",
    "0 0 31 1-12 *",
    "0 0 31 NOV-JAN *",
    "0 0 * * 7",
]
# What Dagster refuses too.
BAD = [
    "",
    "0 0 * *",
    "0 0 * * * *",
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "0 0 32 * *",
    "0 0 * 13 *",
    "0 0 * * 8",
    "0 0 * * MON#6",
    "0 0 * * MON#1,FRI",
    "*/0 * * * *",
    "0-70 * * * *",
    "1,,2 * * * *",
    "a * * * *",
    "0 0 LW * *",
    "0 0 L-3 * *",
    "0 0 * JANUARY *",
    "0 0 * * L",
    "0 0 30 2 *",
    "0 0 31 2 MON",
]
# What Dagster takes, though it never fires, or at other times than it says.
MISLEADING = [
    "0 0 31 4 *",
    "0 0 31 4,6,9-9,11 *",
    "0 0 30,31 2 *",
    "0 0 L * MON#1",
    "0 0 1 * MON#1",
    "5-5 * * * *",
    "*/90 * * * *",
    "0 0 * * *,1",
    "0 0 ? * *",
    "@daily",
    "R 0 * * *",
    "50-10 * * * *",
    "1１ * * * *",
]


def dagster_takes(line: str) -> bool:
    try:
        dg.ScheduleDefinition(job_name="job", cron_schedule=line)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


@pytest.mark.parametrize("line", GOOD)
def test_good_lines(line: str) -> None:
    assert cron_fault(line) is None
    assert dagster_takes(line)


@pytest.mark.parametrize("line", BAD)
def test_bad_lines(line: str) -> None:
    assert cron_fault(line) is not None
    assert not dagster_takes(line)


@pytest.mark.parametrize("line", MISLEADING)
def test_misleading_lines(line: str) -> None:
    assert cron_fault(line) is not None


def combinations() -> Iterator[str]:
    minutes = ["*", "0", "59", "60", "*/7", "1-5/2", "3,4", "5-2", "x", "1/61"]
    days = ["*", "1", "31", "30-31", "L", "L,1", "*/31", "0", "5-2", "29/2"]
    months = ["*", "2", "JAN-FEB", "4,6", "OCT-FEB/2", "DEC", "FOO", "13", "2,4/20"]
    weekdays = ["*", "0", "7", "MON-FRI", "SAT-MON", "6-7", "FRI#2", "5#5,1#1", "1#0", "MON#1,2"]
    for fields in itertools.product(minutes, ["*", "23"], days, months, weekdays):
        yield " ".join(fields)


def test_dagster_takes_all_that_is_taken_here() -> None:
    taken = [line for line in combinations() if cron_fault(line) is None]
    assert len(taken) > 1000
    assert [line for line in taken if not dagster_takes(line)] == []


@pytest.mark.parametrize("line", [*GOOD, "0 0 31 4,12 *", "0 0 30 1-3/2 *"])
def test_taken_lines_fire(line: str) -> None:
    windows = dg.TimeWindowPartitionsDefinition(
        start=datetime.datetime(2015, 1, 1), fmt="%Y-%m-%dT%H:%M", cron_schedule=line
    )
    assert windows.get_first_partition_window() is not None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 0 * *", "has 4 fields where a cron line has 5"),
        ("0 25 * * *", "has no valid hour ('25')"),
        ("0 0 31 4 *", "names a day that month 4 does not have"),
        ("0 0 * * MON#1,FRI", "mixes days of the week with and without '#'"),
    ],
)
def test_faults(line: str, fault: str) -> None:
    assert cron_fault(line) == fault


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York"])
def test_time_zones(name: str) -> None:
    assert timezone_fault(name) is None


def test_a_close_time_zone_is_suggested() -> None:
    fault = "is no known time zone (did you mean 'Europe/Berlin'?)"
    assert timezone_fault("Europe/Berln") == fault


@pytest.mark.parametrize("name", ["America", "../etc/passwd", "", "Mars/Base"])
def test_bad_time_zones(name: str) -> None:
    assert timezone_fault(name) is not None
