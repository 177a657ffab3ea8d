"""The messages that are due, as files: nothing is lost, and damage is passed over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy_project.notify.outbox import Delivery, Entry, Outbox, due, failed
from tests.support.messages import FAILURE, RECOVERY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    found = Outbox(tmp_path / "notifications")
    found.prepare()
    return found


def entry(channel: str = "team", **more: str) -> Entry:
    return Entry(channel, FAILURE, NOW, NOW, **more)  # pyright: ignore[reportArgumentType]


def test_an_entry_stays_until_it_is_removed(outbox: Outbox):
    outbox.put(entry())
    outbox.put(entry())
    assert outbox.entries("team") == [entry()], "the end of one run is one message"
    assert outbox.channels() == ["team"]
    outbox.remove(entry())
    outbox.remove(entry())
    assert outbox.channels() == []


def test_a_message_instead_of_another_channels_is_one_of_its_own(outbox: Outbox):
    outbox.put(entry())
    outbox.put(entry(instead_of="mail"))
    assert len(outbox.entries("team")) == 2


def test_a_damaged_file_holds_up_no_other(outbox: Outbox):
    outbox.put(entry())
    (outbox.root / "due" / "team" / "damaged.json").write_bytes(b"\xff{")
    assert outbox.entries("team") == [entry()]


def test_pauses_double_up_to_an_hour():
    made = entry()
    pauses: list[float] = []
    for _ in range(10):
        later = failed(made, "down", now=NOW, wait_seconds=0, chance=0)
        assert later is not None
        pauses.append((later.due_at - NOW).total_seconds())
        made = later
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_pauses_are_spread_and_as_long_as_the_channel_asks():
    spread = failed(entry(), "down", now=NOW, wait_seconds=0, chance=1)
    assert spread is not None
    assert spread.due_at - NOW == timedelta(seconds=37.5)
    asked = failed(entry(), "down", now=NOW, wait_seconds=600, chance=1)
    assert asked is not None
    assert (asked.due_at - NOW, asked.attempts, asked.error) == (timedelta(minutes=10), 1, "down")


def test_a_day_later_a_message_is_given_up():
    almost = NOW + timedelta(hours=23, minutes=59)
    assert failed(entry(), "down", now=almost, wait_seconds=0, chance=0) is not None
    later = NOW + timedelta(hours=24)
    assert failed(entry(), "down", now=later, wait_seconds=0, chance=0) is None


def test_the_log_is_kept_for_seven_days(outbox: Outbox):
    lines = [
        Delivery(NOW - timedelta(days=days), "team", "r", RECOVERY.title, "sent", 1)
        for days in (9, 8, 7, 0)
    ]
    for each in lines:
        outbox.note(each)
    outbox.forget(NOW)
    assert list(outbox.log()) == lines[2:]


def test_half_a_line_of_a_killed_process_is_passed_over(outbox: Outbox):
    line = Delivery(NOW, "team", "r", "t", "sent", 1)
    outbox.note(line)
    with (outbox.root / "log" / "2026-11-30.jsonl").open("ab") as file:
        file.write(b'{"at": "2026-')
    assert list(outbox.log()) == [line]


AHEAD = NOW + timedelta(days=365)


def test_a_clock_that_was_ahead_puts_nothing_off():
    """A pause that was asked for by a clock a year ahead has silenced the channel for that year."""
    made = replace(entry(), decided_at=AHEAD, due_at=AHEAD)
    assert due([made], NOW) == [made]
    later = failed(made, "429", now=AHEAD, wait_seconds=60, chance=0)
    assert later is not None
    assert due([later, entry()], NOW) == [later, entry()]
    again = failed(later, "429", now=NOW, wait_seconds=60, chance=0)
    assert again is not None
    assert due([again, entry()], NOW + timedelta(seconds=50)) == [], "a pause of a right clock"
    assert due([again, entry()], NOW + timedelta(seconds=70)) == [again, entry()]
    day = NOW + timedelta(hours=24)
    assert failed(again, "429", now=day, wait_seconds=60, chance=0) is None


def test_an_hour_ahead_is_no_pause_of_an_hour():
    hour = NOW + timedelta(hours=1)
    later = failed(entry(), "down", now=hour, wait_seconds=0, chance=0)
    assert later is not None
    assert due([later], NOW + timedelta(minutes=1)) == [later]


def test_what_is_in_the_place_of_a_directory_is_moved_aside(tmp_path: Path):
    """The tick raised `FileExistsError`, and no channel got anything."""
    made = Outbox(tmp_path / "notifications")
    made.root.mkdir()
    (made.root / "due").write_text("mine", encoding="utf-8")
    [line] = made.prepare()
    assert "it is no directory; it was moved to due.damaged-" in line
    [kept] = made.root.glob("due.damaged-*")
    assert kept.read_text(encoding="utf-8") == "mine"
    assert made.prepare() == []
