"""Delivery: at least once, each channel by itself, tried again and given up."""

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.values.notifications import Channel, Directory
from deploy_project.errors import DeliveryError
from deploy_project.notify.delivery import Deliverer
from deploy_project.notify.message import Message
from deploy_project.notify.outbox import Entry, Outbox
from deploy_project.notify.spool import Spool
from tests.support.messages import FAILURE

CHANNELS = {name: Channel(name, Directory(Path("/nowhere"))) for name in ("team", "mail")}
Behaviour = Callable[[Channel, Message], object]


def nothing(_channel: Channel, _message: Message) -> None:
    pass


@dataclass
class Place:
    """An outbox, a clock to move, and channels that behave as they are told to."""

    outbox: Outbox
    now: datetime = datetime(2026, 11, 30, 12, tzinfo=UTC)
    sent: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    behaviours: dict[str, Behaviour] = field(default_factory=dict[str, Behaviour])
    channels: dict[str, Channel] = field(default_factory=lambda: dict(CHANNELS))

    def put(self, *run_ids: str, channel: str = "team") -> None:
        for place, run_id in enumerate(run_ids):
            at = FAILURE.at + timedelta(seconds=place)
            message = replace(FAILURE, run_id=run_id, at=at)
            self.outbox.put(Entry(channel, message, self.now, self.now))

    def send(self, channel: Channel, message: Message) -> str:
        self.behaviours.get(channel.name, nothing)(channel, message)
        self.sent.append((channel.name, message.run_id))
        return ""

    def tick(self, *, later: timedelta = timedelta(0), **more: Any) -> list[str]:
        self.now += later
        deliverer = Deliverer(self.channels, self.outbox, lambda: self.now, self.send, **more)
        return deliverer.deliver()

    @property
    def results(self) -> list[str]:
        return [each.result for each in self.outbox.log()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    outbox = Outbox(tmp_path / "notifications")
    outbox.prepare()
    return Place(outbox)


def fails(times: int, *, is_refusal: bool = False) -> Behaviour:
    left = [None] * times

    def behave(*_: object) -> None:
        if left:
            left.pop()
            raise DeliveryError("it answers HTTP 503", is_refusal=is_refusal)

    return behave


def test_each_message_is_sent_once_in_the_order_of_ends(place: Place):
    place.put("a", "b", "c")
    assert len(place.tick()) == 3
    assert place.sent == [("team", "a"), ("team", "b"), ("team", "c")]
    assert place.tick() == []
    assert place.results == ["sent"] * 3


def test_four_failures_are_tried_again_after_pauses(place: Place):
    place.put("a")
    place.behaviours["team"] = fails(4)
    place.tick()
    assert place.tick(later=timedelta(seconds=10)) == [], "it is not due yet"
    for _ in range(8):
        place.tick(later=timedelta(minutes=5))
    assert place.sent == [("team", "a")]
    assert place.results == ["retried"] * 4 + ["sent"]
    assert [each.attempt for each in place.outbox.log()] == [1, 2, 3, 4, 5]


def test_an_hour_of_outage_loses_nothing(place: Place):
    place.put("a", "b", "c")
    place.behaviours["team"] = fails(10**6)
    for _ in range(120):
        place.tick(later=timedelta(seconds=30))
    assert place.sent == []
    del place.behaviours["team"]
    for _ in range(130):
        place.tick(later=timedelta(seconds=30))
    assert sorted(place.sent) == [("team", "a"), ("team", "b"), ("team", "c")]


def test_a_channel_that_is_away_is_asked_once_in_a_tick(place: Place):
    place.put("a", "b", "c")
    place.behaviours["team"] = fails(10**6)
    assert len(place.tick()) == 1
    assert len(place.tick()) == 1, "with the next message, whose pause has not begun"


def limits(asked: list[float], *, wait: float) -> Behaviour:
    """A channel that takes one message, and wants a pause then."""
    taken = [0]

    def behave(*_: object) -> None:
        asked.append(time.monotonic())
        taken[0] += 1
        if taken[0] == 2:
            raise DeliveryError("it answers HTTP 429", wait_seconds=wait)

    return behave


def test_a_channel_that_wants_a_long_pause_is_sent_nothing_meanwhile(place: Place):
    """The next message, and those of runs that ended since, did not wait for it."""
    place.put("a", "b", "c")
    asked: list[float] = []
    place.behaviours["team"] = limits(asked, wait=600)
    assert len(place.tick()) == 2
    place.put("d")
    place.put("e", channel="mail")
    assert len(place.tick(later=timedelta(minutes=9))) == 1, "another channel's"
    assert len(asked) == 2
    place.tick(later=timedelta(minutes=2))
    assert sorted(run for channel, run in place.sent if channel == "team") == ["a", "b", "c", "d"]


def test_a_short_pause_is_made_within_the_turn(place: Place):
    """Two hundred messages took as many ticks where a channel takes one in a second."""
    place.put("a", "b", "c")
    asked: list[float] = []
    place.behaviours["team"] = limits(asked, wait=0.5)
    assert len(place.tick()) == 3
    assert [run for _, run in place.sent] == ["a", "c"]
    assert asked[2] - asked[1] >= 0.5
    place.tick(later=timedelta(minutes=1))
    assert [run for _, run in place.sent] == ["a", "c", "b"]


def test_a_message_that_is_refused_holds_up_no_other(place: Place):
    place.put("a", "b")
    place.behaviours["team"] = fails(1, is_refusal=True)
    place.tick()
    assert place.sent == [("team", "b")]


def test_a_mistake_of_ours_holds_up_no_other(place: Place):
    def breaks(_: Channel, message: Message) -> None:
        if message.run_id == "a":
            raise KeyError("oops")

    place.put("a", "b")
    place.behaviours["team"] = breaks
    place.tick()
    assert place.sent == [("team", "b")]
    assert sorted(place.results) == ["retried", "sent"]


def test_a_day_later_a_message_is_given_up_and_another_channel_is_told(place: Place):
    place.put("a")
    place.behaviours["team"] = fails(10**6)
    place.tick()
    place.tick(later=timedelta(hours=24))
    assert place.outbox.entries("team") == []
    (instead,) = place.outbox.entries("mail")
    assert instead.message.facts[-1].value == (
        "team has not taken it for 24 hours: it answers HTTP 503"
    )
    place.tick()
    assert place.sent == [("mail", "a")]
    assert place.results == ["retried", "given up", "sent"]


def test_what_goes_to_another_channel_is_not_passed_on_for_ever(place: Place):
    place.put("a")
    place.behaviours |= {"team": fails(10**6), "mail": fails(10**6)}
    for _ in range(10):
        place.tick(later=timedelta(hours=24))
    assert place.outbox.channels() == []
    assert place.results.count("given up") == 2


def test_a_slow_channel_delays_only_itself(place: Place):
    """Two hundred runs have ended beside a channel that hangs: each is told, and the tick ends."""
    hangs = threading.Event()
    run_ids = [f"run-{number:03d}" for number in range(200)]
    place.put(*run_ids)
    place.put(*run_ids, channel="mail")

    def hang(_channel: Channel, _message: Message) -> None:
        hangs.wait()

    place.behaviours["mail"] = hang
    began = time.monotonic()
    place.tick(budget=5.0, patience=6.0)
    assert time.monotonic() - began < 10
    assert [run for channel, run in place.sent if channel == "team"] == run_ids
    place.put("another")
    assert len(place.tick(budget=1.0, patience=2.0)) == 1, "the channel that hangs is locked"
    hangs.set()
    for _ in range(100):
        if place.outbox.channels() == []:
            break
        time.sleep(0.05)
        place.tick()
    told = [run for channel, run in place.sent if channel == "mail"]
    assert sorted(told) == run_ids, "each once"


def test_channels_of_the_api_wait_for_each_other_and_hold_up_no_other_server(place: Place):
    """Each would have opened a connection of its own to the one mail server, all at once."""
    own = [f"notification.{number}" for number in range(5)]
    place.channels |= {each: replace(CHANNELS["mail"], name=each, sent_by="mail") for each in own}
    now_open, most = [0], [0]

    def count(_channel: Channel, _message: Message) -> None:
        now_open[0] += 1
        most[0] = max(most[0], now_open[0])
        time.sleep(0.05)
        now_open[0] -= 1

    for each in ("mail", *own):
        place.put("a", channel=each)
        place.behaviours[each] = count
    place.put("a")
    assert len(place.tick()) == 7
    assert most == [1]
    place.put("b", channel="mail")
    for each in own:
        place.put("b", channel=each)
    place.tick(budget=0.12)
    assert 0 < len([1 for _, run in place.sent if run == "b"]) < 6, "the server's time was up"
    place.tick()
    assert len([1 for _, run in place.sent if run == "b"]) == 6


def test_no_message_is_given_to_a_recipient_of_the_api_in_place_of_another(place: Place):
    place.channels = {
        "team": CHANNELS["team"],
        "notification.1": replace(CHANNELS["mail"], name="notification.1", sent_by="mail"),
    }
    place.put("a")
    place.behaviours["team"] = fails(10**6)
    place.tick()
    place.tick(later=timedelta(hours=24))
    assert place.outbox.channels() == []
    assert place.results == ["retried", "given up"]


def test_a_budget_ends_a_channels_turn(place: Place):
    place.put("a", "b", "c")

    def be_slow(_channel: Channel, _message: Message) -> None:
        time.sleep(0.2)

    place.behaviours["team"] = be_slow
    place.tick(budget=0.1)
    assert place.sent == [("team", "a")]
    place.tick()
    assert len(place.sent) == 3


def test_messages_for_a_channel_that_is_gone_wait_a_day_and_are_dropped(place: Place):
    """A channel taken out of deploy.yaml for a moment has lost what was waiting for it."""
    place.put("a", channel="former")
    waits = ["former: messages wait, as there is no such channel: 1"]
    assert place.tick() == place.tick(later=timedelta(hours=23)) == waits
    assert place.tick(later=timedelta(hours=1)) == [
        "former: 'production__daily failed' dropped: there is no such channel any more"
    ]
    assert place.outbox.channels() == []


def test_a_channel_that_is_there_again_gets_what_has_waited(place: Place):
    place.put("a", channel="former")
    place.tick()
    place.channels["former"] = replace(CHANNELS["team"], name="former")
    place.tick(later=timedelta(hours=1))
    assert place.sent == [("former", "a")]


@pytest.mark.parametrize("times", [0, 1])
def test_a_log_that_can_not_be_written_repeats_nothing(place: Place, times: int):
    """With a full disk below `log` each tick sent the same mail, without a pause, for ever."""
    (place.outbox.root / "log" / "2026-11-30.jsonl").mkdir(parents=True)
    place.put("a")
    place.behaviours["team"] = fails(times)
    first, second = place.tick()
    assert first.startswith(f"team: 'production__daily failed' {'retried' if times else 'sent'}")
    assert second.startswith("team: the log of deliveries can't be written: ")
    assert place.tick(later=timedelta(seconds=10)) == [], "sent, or to be tried after a pause"
    place.tick(later=timedelta(minutes=1))
    assert place.sent == [("team", "a")]


def test_where_nothing_can_be_kept_nothing_is_sent(place: Place, monkeypatch: pytest.MonkeyPatch):
    """A message whose file could not be removed any more was sent at each tick."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.put("a")
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "put", full)
        for _ in range(3):
            [line] = place.tick()
            assert line.startswith("team: the state directory can't be used: ")
    assert place.sent == []
    place.tick()
    assert place.sent == [("team", "a")]


def test_a_damaged_message_is_moved_aside_and_noted(place: Place):
    """It was never sent, stayed for ever, and nobody was told."""
    place.put("a", "b")
    file = place.outbox.root / "due" / "team" / "a.json"
    text = file.read_bytes()[:50]
    file.write_bytes(text)
    first, second = place.tick()
    assert first.startswith("team: 'a' dropped: ")
    assert "it is empty or damaged; it was moved to a.json.damaged-" in first
    assert "sent" in second
    [kept] = file.parent.glob("a.json.damaged-*")
    assert kept.read_bytes() == text
    assert [(each.run_id, each.result) for each in place.outbox.log()] == [
        ("a", "dropped"),
        ("b", "sent"),
    ]
    assert place.tick() == []


def test_the_tick_tells_of_a_clock_that_was_ahead(place: Place):
    place.now += timedelta(days=365)
    place.put("a", "b")
    place.behaviours["team"] = fails(1)
    place.tick()
    first, *sent = place.tick(later=-timedelta(days=365))
    assert first == "team: messages put off by a clock that was ahead, which are tried now: 2"
    assert len(sent) == 2
    assert sorted(place.sent) == [("team", "a"), ("team", "b")]
