"""When the schedules fire: an independent cron implementation is the judge."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from cronsim import CronSim
from dagster._utils.schedules import schedule_execution_time_iterator

from deploy_project.config.values.deployment import Environment, Job
from deploy_project.orchestration.triggers.schedules import schedule

# https://docs.getdbt.com/docs/deploy/deploy-jobs#cron-schedule, and what its forms for intervals,
# exact hours and days of the week come to.
LINES = [
    "0 * * * *",
    "*/5 * * * *",
    "5 4 * * *",
    "30 */4 * * *",
    "0 0 */2 * *",
    "0 0 * * 1",
    "0 0 L * *",
    "0 0 L 1,2,3,4,5,6,8,9,10,11,12 *",
    "0 0 L 7 *",
    "0 0 L * FRI,SAT",  # on the last day of the month, and on every Friday and Saturday
    "0 12 L * *",
    "0 7 L * 5",
    "30 14 L * *",
    "0 4 * * MON#1",
    "6 */12 * * 0,1,2,3,4,5,6",
    "17 0,12,23 * * *",
    "17 0,12,23 * * 1,2,3,4,5",
    "0 6 * * 0",
]
# Before each change of clocks in 2026, in Berlin and in New York.
STARTS = {
    "spring in New York": datetime(2026, 3, 7, 12, tzinfo=UTC),
    "spring in Berlin": datetime(2026, 3, 28, 12, tzinfo=UTC),
    "autumn in Berlin": datetime(2026, 10, 24, 12, tzinfo=UTC),
    "autumn in New York": datetime(2026, 10, 31, 12, tzinfo=UTC),
}
ZONES = ["UTC", "Europe/Berlin", "America/New_York"]
EVERY_OTHER_HOUR = "4 */2 * * *"  # fires in the hour that changes; `CHANGES` has what comes of it


@dg.op
def nothing() -> None: ...


@dg.job
def target() -> None:
    nothing()


def scheduled(environment: Environment, *lines: str, zone: str, on: bool = True):
    job = Job(
        name="prod__daily",
        identifier="daily",
        id=1,
        title="Daily",
        environment=environment,
        description="",
        job_type="scheduled",
        steps=(("build",),),
        commands=("dbt build",),
        cron=lines,
        timezone=zone,
        scheduled=on,
    )
    return schedule(job, target)


def fires(made: dg.ScheduleDefinition | None, start: datetime) -> Iterator[datetime]:
    """The times that Dagster's daemon would start the schedule at; no public name gives them."""
    assert made is not None
    times = schedule_execution_time_iterator(
        start.timestamp(), made.cron_schedule, made.execution_timezone
    )
    return (each.astimezone(UTC) for each in times if each > start)


def expected(line: str, start: datetime, zone: str) -> Iterator[datetime]:
    return (each.astimezone(UTC) for each in CronSim(line, start.astimezone(ZoneInfo(zone))))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize("line", LINES)
def test_the_next_20_times(environment: Environment, line: str, start: datetime, zone: str):
    found = list(islice(fires(scheduled(environment, line, zone=zone), start), 20))
    assert found == list(islice(expected(line, start, zone), 20))


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_an_interval_counts_from_midnight_utc(environment: Environment, start: datetime):
    found = list(islice(fires(scheduled(environment, EVERY_OTHER_HOUR, zone="UTC"), start), 20))
    assert found == list(islice(expected(EVERY_OTHER_HOUR, start, "UTC"), 20))


def test_utc_does_not_move_with_anybodys_clocks(environment: Environment):
    start = STARTS["spring in Berlin"]
    found = list(islice(fires(scheduled(environment, "5 4 * * *", zone="UTC"), start), 3))
    assert found == [datetime(2026, 3, day, 4, 5, tzinfo=UTC) for day in (29, 30, 31)]


CHANGES = {
    # The hour that is left out: as soon as there is a time again.
    ("30 2 * * *", "Europe/Berlin", "spring in Berlin"): [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ],
    ("30 2 * * *", "America/New_York", "spring in New York"): [
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:30:00-04:00",
    ],
    # The hour that comes twice: once, in the second one.
    ("30 2 * * *", "Europe/Berlin", "autumn in Berlin"): [
        "2026-10-25T02:30:00+01:00",
        "2026-10-26T02:30:00+01:00",
    ],
    ("30 1 * * *", "America/New_York", "autumn in New York"): [
        "2026-11-01T01:30:00-05:00",
        "2026-11-02T01:30:00-05:00",
    ],
    (EVERY_OTHER_HOUR, "Europe/Berlin", "spring in Berlin"): [
        *(f"2026-03-28T{hour}:04:00+01:00" for hour in (14, 16, 18, 20, 22)),
        "2026-03-29T00:04:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T04:04:00+02:00",
    ],
    (EVERY_OTHER_HOUR, "Europe/Berlin", "autumn in Berlin"): [
        *(f"2026-10-24T{hour}:04:00+02:00" for hour in (14, 16, 18, 20, 22)),
        "2026-10-25T00:04:00+02:00",
        "2026-10-25T02:04:00+01:00",
        "2026-10-25T04:04:00+01:00",
    ],
}


@pytest.mark.parametrize(("case", "times"), CHANGES.items())
def test_a_run_in_the_hour_that_the_clocks_change_happens_once(
    environment: Environment, case: tuple[str, str, str], times: list[str]
):
    """Which of two equal hours it is differs between cron implementations; once is what counts."""
    line, zone, start = case
    found = islice(fires(scheduled(environment, line, zone=zone), STARTS[start]), len(times))
    assert [each.astimezone(ZoneInfo(zone)).isoformat() for each in found] == times


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_an_hourly_run_happens_every_hour_whatever_the_clocks_do(
    environment: Environment, start: datetime, zone: str
):
    found = list(islice(fires(scheduled(environment, "0 * * * *", zone=zone), start), 30))
    assert found == [start + timedelta(hours=each) for each in range(1, 31)]


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_several_lines_fire_at_the_times_of_each_and_once_where_they_meet(
    environment: Environment, start: datetime
):
    lines, zone = ("0 6 * * *", "0 */6 * * SAT,SUN", "0 0 L * *"), "Europe/Berlin"
    found = list(islice(fires(scheduled(environment, *lines, zone=zone), start), 20))
    each = {time for line in lines for time in islice(expected(line, start, zone), 20)}
    assert found == sorted(each)[:20]


@pytest.mark.parametrize("on", [True, False])
def test_a_schedule_runs_by_default_if_the_job_says_so(environment: Environment, on: bool):
    made = scheduled(environment, "0 6 * * *", zone="UTC", on=on)
    assert made is not None
    assert made.name == "prod__daily_schedule"
    assert (made.default_status is dg.DefaultScheduleStatus.RUNNING) is on


def test_a_scheduled_run_says_that_it_is_one(environment: Environment):
    made = scheduled(environment, "0 6 * * *", zone="UTC")
    assert made is not None
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=datetime(2026, 3, 2, 6, tzinfo=UTC)
        )
        (request,) = made.evaluate_tick(context).run_requests or []
    assert request.tags["deploy/trigger"] == "scheduled"
    assert request.tags[".dagster/deploy_cause"] == "Scheduled"
    assert "deploy/commit" not in request.tags, "the run takes the head of its branch"


def test_a_job_without_cron_lines_has_no_schedule(environment: Environment):
    assert scheduled(environment, zone="UTC") is None
