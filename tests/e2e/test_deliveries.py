"""The delivery table of docs/notifications.md: each line of it is met here, kills included.

Receivers are real, and so are processes and SIGKILL; only the clock is moved, and the ten seconds
of an attempt are a fraction of one.
"""

import json
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.transports import http, pinned
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.runs.model.status import Status
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.running import notifying
from tests.support.running.notifying import Kind, Phase, documented
from tests.support.servers.receivers import Answer, Request, receiver
from tests.support.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KINDS: tuple[Kind, ...] = ("messages", "webhooks")
TAKEN: Answer = (200, {}, b"ok")


@dataclass
class Place:
    """A history of runs that have ended, and a receiver that hears of them."""

    directory: Path
    history: History
    kind: Kind
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    taken: list[str] = field(default_factory=list[str])
    """What the receiver has taken, by what stays the same when it is sent twice."""
    answer: Callable[[], Answer] = lambda: TAKEN
    url: str = ""

    def hear(self, request: Request) -> Answer:
        body: dict[str, Any] = json.loads(request.body)
        given = self.answer()
        if given[0] == 200:
            self.taken.append(body.get("eventId") or body["run_id"])
        return given

    def tick(self, *, later: timedelta = timedelta(0), **others: str) -> None:
        self.now += later
        of = notifying.deployment(it=self.url, **others)
        notifying.teller(self.kind, of, self.directory, self.history.instance).tick(self.now)

    def run(self, count: int = 1) -> None:
        for number in range(count):
            at = self.now + timedelta(minutes=number / count)
            run_id = self.history.add(status=dg.DagsterRunStatus.STARTED, created=at, job_id="3")
            ended = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "prod__daily")
            self.history.instance.run_storage.handle_run_event(run_id, ended, at)
            self.history.keep(facts_of(run_id, Status.SUCCESS, began=at))

    @property
    def counts(self) -> list[int]:
        """Sent, retried, given up, twice, of the receiver `it`."""
        state = StateDirectory(self.directory / "state")
        if self.kind == "messages":
            results = [each.result for each in Outbox.of(state).log() if each.channel == "it"]
        else:
            ours = {each["webhookId"] for each in self._own()}
            receipts = [e for e in Ledger.of(state).receipts() if e.subscription_id in ours]
            results = [each.result for each in receipts]
        found = Counter(results)
        twice = len(self.taken) - len({*self.taken})
        return [found["sent"], found["retried"], found["given up"], twice]

    def _own(self) -> list[dict[str, Any]]:
        ledger = Ledger.of(StateDirectory(self.directory / "state"))
        bodies = [json.loads(each.body) for each in ledger.receipts()]
        return [each for each in bodies if each["webhookName"] == "it"]

    def start(self, phase: Phase = "") -> subprocess.Popen[bytes]:
        return notifying.start(self.directory, self.kind, self.url, phase)

    def finish(self) -> None:
        assert self.start().wait(timeout=120) == 0


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with on_sqlite(tmp_path) as instance:
        made = Place(tmp_path, History(instance, tmp_path), request.param)
        with receiver(made.hear) as served:
            made.url = served.url
            made.tick()
            made.now += timedelta(seconds=1)
            yield made


def test_two_hundred_runs_beside_a_receiver_that_is_too_slow(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    for each in (http, pinned):
        monkeypatch.setattr(each, "TIMEOUT", 1.5)

    def slow(_: Request) -> Answer:
        time.sleep(1.65)
        return TAKEN

    with receiver(slow) as other:
        place.tick(slow=other.url)
        place.run(200)
        for _ in range(30):
            place.tick(later=timedelta(seconds=30), slow=other.url)
            if len(place.taken) == 200:
                break
        case = "200 runs that end in one minute, beside a receiver that takes 11 seconds"
        assert place.counts == documented(case, place.kind)
        assert other.requests, "it was asked, too"


def test_a_receiver_that_fails_four_times(place: Place):
    left = [None] * 4
    place.answer = lambda: (500, {}, b"") if left and left.pop() is None else TAKEN
    place.run()
    for _ in range(120):
        place.tick(later=timedelta(seconds=30))
    assert place.counts == documented("a receiver that fails four times", place.kind)


def test_a_receiver_that_is_down_for_an_hour(place: Place):
    up = place.now + timedelta(hours=1)
    place.answer = lambda: TAKEN if place.now >= up else (503, {}, b"")
    place.run()
    for _ in range(4 * 120):
        place.tick(later=timedelta(seconds=30))
        if place.taken:
            break
    assert place.counts == documented("a receiver that is down for an hour", place.kind)


@pytest.mark.parametrize("phase", ["decided", "sent"])
def test_kill_9_in_a_phase(place: Place, phase: Phase):
    case = {
        "decided": "killed when it has decided, before that is noted",
        "sent": "killed between sending and noting",
    }[phase]
    place.run()
    killed = place.start(phase)
    wait((place.directory / "stopped").exists, every=0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(timeout=30) == -signal.SIGKILL
    place.finish()
    assert place.counts == documented(case, place.kind)
    before = list(place.taken)
    place.finish()
    assert place.taken == before, "and nothing more"


def test_kill_9_while_it_sends(place: Place):
    asked, killed = threading.Event(), threading.Event()

    def held() -> Answer:
        asked.set()
        killed.wait(60)
        return TAKEN

    place.answer = held
    place.run()
    process = place.start()
    assert asked.wait(60)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    killed.set()
    wait(lambda: len(place.taken) == 1, every=0.05)
    place.finish()
    assert place.counts == documented("killed while it sends", place.kind)
