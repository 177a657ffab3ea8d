from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome.ends import (
    CANCELLED,
    Changed,
    Cursor,
    EndEvent,
    Kind,
    due,
    moved,
    reason,
)
from deploy_project.runs.outcome.leftovers import interrupted

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OUTSIDE = "This run has been marked as {} from outside the execution context."


@pytest.mark.parametrize(
    ("outcome", "began", "said", "expected"),
    [
        ("Success", True, [("engine", "Exited")], ""),
        (
            "Cancelled",
            False,
            [("cancel", "Canceling run from the queue."), ("cancel", OUTSIDE.format("canceled"))],
            CANCELLED,
        ),
        ("Cancelled", True, [("cancel", "Sending run termination request.")], CANCELLED),
        ("Cancelled", False, [("cancel", "A newer one"), ("cancel", "A newer one")], "A newer one"),
        ("Cancelled", True, [("cancel", "Too slow"), ("engine", "Exited")], "Too slow"),
        ("Cancelled", True, [], CANCELLED),
        (
            "Error",
            True,
            [("engine", "Process exited (-9)"), ("failure", OUTSIDE.format("failed"))],
            "The run's process ended without a word: Process exited (-9)",
        ),
        ("Error", True, [], "The run's process ended without a word."),
        (
            "Error",
            False,
            [("engine", "Launching"), ("failure", "Too long to start")],
            "The run never began: Too long to start",
        ),
    ],
)
def test_why_a_run_has_ended(
    outcome: str, began: bool, said: list[tuple[Kind, str]], expected: str
):
    assert reason(Status(outcome), [EndEvent(*each) for each in said], began=began) == expected


def test_nobody_writes_novels_into_the_record():
    assert len(reason(Status.CANCELLED, [EndEvent("cancel", "x" * 10_000)], began=True)) == 2000


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ended(run_id: str, seconds: float, changed: float | None = None) -> Changed:
    return Changed(run_id, ago(seconds), ago(seconds if changed is None else changed))


RUNS = [ended("old", 900), ended("seen", 300), ended("new", 90), ended("fresh", 10)]


def test_only_runs_that_have_ended_a_while_ago_and_were_not_seen_are_due():
    cursor = Cursor(ago(1000), frozenset({"seen"}))
    assert due(RUNS, cursor, now=NOW) == ["old", "new"]
    touched_late = [ended("tagged", 3000, changed=5)]
    assert due(touched_late, cursor, now=NOW) == ["tagged"]


@pytest.mark.parametrize(
    ("settled", "since", "kept"),
    [
        # everything but the fresh one: ten minutes back, and what is remembered is in them
        ({"old", "new"}, 600, {"old", "seen", "new"}),
        ({"new"}, 901, {"seen", "new"}),  # the old one must be found again
        (set[str](), 901, {"seen"}),
    ],
)
def test_the_cursor_stays_before_what_is_not_settled(
    settled: set[str], since: float, kept: set[str]
):
    before = Cursor(ago(1000), frozenset({"seen"}))
    after = moved(before, RUNS, settled, now=NOW)
    assert after == Cursor(ago(since), frozenset(kept))


def test_the_cursor_never_goes_back_and_nobody_waits_for_longer_than_a_day():
    assert moved(Cursor(ago(60)), [], [], now=NOW).since == ago(60)
    stuck = [ended("stuck", 100_000)]
    assert moved(Cursor(ago(200_000)), stuck, [], now=NOW).since == ago(86_400)


def test_a_cursor_is_read_as_it_was_written():
    cursor = Cursor(ago(900), frozenset({"b", "a"}))
    assert Cursor.read(cursor.written(), now=NOW) == cursor
    assert Cursor.read(None, now=NOW) == Cursor(ago(86_400))


def test_a_clock_that_was_set_back_hides_no_ends():
    """Runs that ended before it was as late again were never given their record."""
    cursor = Cursor(ago(900), frozenset({"a"}))
    assert Cursor.read(cursor.written(), now=ago(7200)) == Cursor(ago(7800), frozenset({"a"}))


def test_the_step_that_a_run_has_died_in_has_failed_and_later_ones_are_skipped():
    done = StepRecord(1, "clone", "Clone", "clone", Status.SUCCESS, ago(60), ago(50))
    died = StepRecord(2, "dbt_run", "dbt run", "command", Status.SKIPPED, NOW, NOW)
    later = StepRecord(3, "dbt_test", "dbt test", "command", Status.SKIPPED, NOW, NOW)
    begun = {"clone": ago(60), "dbt_run": ago(50)}
    found = interrupted(
        [done, died, later], begun, status=Status.ERROR, message="It died", ended_at=ago(20)
    )
    assert [found[0], found[2]] == [done, later]
    assert (found[1].status, found[1].message, found[1].seconds) == ("Error", "It died", 30.0)
