"""Runs that take too long, and schedules whose runs have not begun: each is told once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.notifications import Channel, Directory, Late, Rule
from deploy_project.notify.late import has_not_begun, is_late
from deploy_project.notify.message import Message
from deploy_project.notify.notifier import Notifier
from deploy_project.runs.instance import schedules
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.streak import fingerprint
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.reads.past_run import PastRun
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.history.past_runs import History, facts_of, on_sqlite

NOW = datetime(2026, 11, 30, 6, 45, tzinfo=UTC)
RULE = Rule(frozenset({"late"}), ("here",), late=Late(times=2, minutes=30))


def run(*, began: datetime | None) -> PastRun:
    return PastRun(
        id="a",
        job="prod__daily",
        status=Status.RUNNING,
        trigger=Trigger("scheduled", ""),
        commit="",
        branch="",
        created_at=NOW - timedelta(hours=1),
        started_at=began,
        ended_at=None,
    )


@pytest.mark.parametrize(
    ("minutes", "median", "expected"),
    [
        (21, 600.0, True),
        (19, 600.0, False),
        (21, None, False),
        (0.9, 5.0, False),
        (1.1, 5.0, True),
    ],
)
def test_a_run_is_late_against_its_median(minutes: float, median: float | None, expected: bool):
    began = NOW - timedelta(minutes=minutes)
    assert is_late(RULE, run(began=began), median, NOW) is expected
    assert not is_late(replace(RULE, late=Late(minutes=1)), run(began=began), median, NOW)


def test_a_run_that_waits_does_not_take_long():
    assert not is_late(RULE, run(began=None), 1.0, NOW)


@pytest.mark.parametrize(
    ("ago", "runs", "expected"),
    [
        (31, [], True),
        (29, [], False),
        (31, [run(began=None)], True),
        (31, [run(began=None), run(began=NOW)], False),
    ],
)
def test_a_schedule_is_late_until_a_run_begins(ago: int, runs: list[PastRun], expected: bool):
    time = NOW - timedelta(minutes=ago)
    assert has_not_begun(RULE, time, runs, NOW) is expected
    assert not has_not_begun(replace(RULE, late=Late(times=2)), time, runs, NOW)


class Watch:
    """A notifier over a history, whose job is scheduled for six o'clock."""

    def __init__(self, directory: Path, instance: dg.DagsterInstance) -> None:
        self.history = History(instance, directory)
        self.messages = directory / "messages"
        self.state = StateDirectory(directory / "state")
        daily = job("dbt build", cron=("0 6 * * *",), scheduled=True)
        self.deployment: Deployment = replace(
            DEPLOYMENT,
            projects={"shop": PROJECT},
            environments={"prod": daily.environment},
            jobs={"prod__daily": daily},
            channels={"here": Channel("here", Directory(self.messages))},
            notifications=(RULE,),
        )

    def tick(self, at: datetime) -> list[str]:
        return Notifier(self.deployment, self.state, self.history.plain()).tick(at)

    @property
    def texts(self) -> list[str]:
        files = sorted(self.messages.glob("*.txt"), key=lambda each: each.stat().st_mtime_ns)
        return [each.read_text(encoding="utf-8") for each in files]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with on_sqlite(tmp_path) as instance:
        yield Watch(tmp_path, instance)


def test_a_schedule_without_a_run_is_told_once(watch: Watch):
    watch.tick(NOW - timedelta(hours=1))
    watch.tick(NOW - timedelta(minutes=20))
    assert watch.texts == []
    watch.tick(NOW)
    watch.tick(NOW + timedelta(minutes=1))
    [text] = watch.texts
    assert text.startswith("prod__daily is late: its run of 06:00 UTC has not begun\n")
    assert "no run was started" in text


def test_a_schedule_that_is_new_has_missed_nothing(watch: Watch):
    watch.tick(NOW)
    watch.tick(NOW + timedelta(minutes=1))
    assert watch.texts == []


def test_a_run_in_the_queue_is_named_and_the_next_day_is_told_anew(watch: Watch):
    watch.tick(NOW - timedelta(hours=1))
    at = NOW.replace(minute=0)
    waiting = watch.history.add(created=at, status=dg.DagsterRunStatus.QUEUED)
    watch.tick(NOW)
    [text] = watch.texts
    assert f"run {waiting} waits in the queue" in text
    began = watch.history.add(created=at, status=dg.DagsterRunStatus.STARTED)
    watch.history.instance.run_storage.handle_run_event(
        began, dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "prod__daily"), at
    )
    watch.tick(NOW + timedelta(minutes=5))
    watch.tick(NOW + timedelta(days=1))
    assert len(watch.texts) == 2


def test_a_schedule_that_is_off_is_not_late(watch: Watch):
    off = replace(watch.deployment.jobs["prod__daily"], scheduled=False)
    watch.deployment = replace(watch.deployment, jobs={"prod__daily": off})
    watch.tick(NOW - timedelta(hours=1))
    watch.tick(NOW)
    assert watch.texts == []


def test_a_schedule_that_somebody_has_turned_off_in_the_ui_is_not_late(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    def off(_: dg.DagsterInstance) -> dict[str, bool]:
        return {"prod__daily_schedule": False}

    monkeypatch.setattr(schedules, "switched", off)
    watch.tick(NOW - timedelta(hours=1))
    watch.tick(NOW)
    assert watch.texts == []


def test_a_job_that_is_deactivated_is_not_late(watch: Watch):
    failing = replace(watch.deployment.jobs["prod__daily"], deactivate_after=1)
    watch.deployment = replace(watch.deployment, jobs={"prod__daily": failing})
    watch.tick(NOW - timedelta(hours=1))
    watch.history.add(
        status=dg.DagsterRunStatus.FAILURE,
        created=NOW - timedelta(hours=2),
        definition=fingerprint(failing),
    )
    watch.tick(NOW)
    assert watch.texts == []


def test_a_run_that_takes_too_long_is_told_once(watch: Watch):
    for days in (1, 2, 3):
        done(watch.history, NOW - timedelta(days=days), minutes=10)
    began = NOW - timedelta(minutes=25)
    watch.tick(NOW - timedelta(minutes=10))
    run_id = watch.history.add(created=began, status=dg.DagsterRunStatus.STARTED)
    started(watch.history, run_id, began)
    watch.tick(NOW - timedelta(minutes=6))
    assert watch.texts == []
    watch.tick(NOW)
    watch.tick(NOW + timedelta(minutes=1))
    [text] = watch.texts
    assert text.startswith("prod__daily is late: its run goes on, longer than usual\n")
    assert "25 min 00 s (median 10 min 00 s, +150 %)" in text


def test_the_median_is_that_of_the_last_twenty_successes(watch: Watch):
    """It was that of twenty-five: five slow ones of long ago had a say."""
    for days in range(1, 26):
        minutes = 10 if days <= 10 else 20 if days <= 20 else 100
        done(watch.history, NOW - timedelta(days=days), minutes=minutes)
    usual = {"prod__daily": 15 * 60.0}
    assert watch.history.plain().median_seconds({"prod__daily"}) == usual
    watch.history.catch_up()
    assert watch.history.indexed().median_seconds({"prod__daily"}) == usual
    began = NOW - timedelta(minutes=31)
    run_id = watch.history.add(created=began, status=dg.DagsterRunStatus.STARTED)
    started(watch.history, run_id, began)
    watch.tick(NOW)
    assert "31 min 00 s (median 15 min 00 s, +107 %)" in watch.texts[0]


def started(history: History, run_id: str, at: datetime) -> None:
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "prod__daily")
    history.instance.run_storage.handle_run_event(run_id, event, at)


def done(history: History, began: datetime, *, minutes: int) -> None:
    run_id = history.add(created=began, status=dg.DagsterRunStatus.STARTED)
    started(history, run_id, began)
    end = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "prod__daily")
    history.instance.run_storage.handle_run_event(run_id, end, began + timedelta(minutes=minutes))
    history.keep(facts_of(run_id, Status.SUCCESS, began=began, seconds=minutes * 60))


def test_messages_on_what_is_late_are_rendered(watch: Watch):
    from deploy_project.notify.render import email, pagerduty, slack, teams

    made: Message = Message("", 0, "j", "e", "p", None, "late", NOW, "j is late", part="late-j")
    assert "j is late" in email.html(made)
    assert pagerduty.event(made)["payload"]["severity"] == "warning"
    assert slack.payload(made)["blocks"]
    assert teams.payload(made)["attachments"]
