"""Events of runs in a real history, posted to a receiver that checks them as dbt's would."""

import errno
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Secret
from deploy_project.config.values.webhooks import FileSubscription
from deploy_project.notify.spool import Spool
from deploy_project.notify.transports import pinned
from deploy_project.notify.webhooks import delivery
from deploy_project.notify.webhooks.dispatcher import Dispatcher
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.notify.webhooks.standing import after_failure
from deploy_project.notify.webhooks.store import Store
from deploy_project.notify.webhooks.subscription import Subscription
from deploy_project.notify.webhooks.trial import NO_ANSWER
from deploy_project.notify.webhooks.trial import post_test_event as post_test
from deploy_project.runs.model.status import Status
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.ports import free_port
from tests.support.servers.dbt_cloud_receiver import SECRET, TAKEN, Receiver, strict_receiver
from tests.support.servers.raw_servers import raw_server

START = dg.DagsterEventType.RUN_START
ENDS = {
    Status.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
    Status.ERROR: dg.DagsterEventType.RUN_FAILURE,
    Status.CANCELLED: dg.DagsterEventType.RUN_CANCELED,
}
ALL: Any = ("job.run.started", "job.run.completed", "job.run.errored")
STARTED, ERRORED, COMPLETED = "job.run.started", "job.run.errored", "job.run.completed"


@dataclass
class Place:
    """A dispatcher over a history, a clock to move, and a receiver."""

    history: History
    state: StateDirectory
    deployment: Deployment
    receiver: Receiver
    now: datetime

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.deployment, self.state, self.history.plain())

    @property
    def ledger(self) -> Ledger:
        return Ledger.of(self.state)

    @property
    def results(self) -> list[str]:
        return [each.result for each in self.ledger.receipts()]

    @property
    def id(self) -> str:
        return next(iter(self.dispatcher.subscriptions()))

    def tick(self, *, later: timedelta = timedelta(0)) -> list[str]:
        self.now += later
        return self.dispatcher.tick(self.now)

    def begin(self, job: str = "prod__daily", *, ago: float = 0) -> str:
        at = self.now - timedelta(minutes=ago)
        run_id = self.history.add(job, status=dg.DagsterRunStatus.STARTED, created=at, job_id="3")
        self._event(run_id, START, at)
        return run_id

    def end(self, run_id: str, status: Status = Status.SUCCESS, *, facts: bool = True) -> None:
        self._event(run_id, ENDS[status], self.now)
        if facts:
            self.keep(run_id, status)

    def keep(self, run_id: str, status: Status, **more: Any) -> None:
        self.history.keep(replace(facts_of(run_id, status, began=self.now), **more))

    def run(self, status: Status = Status.SUCCESS, **more: Any) -> str:
        run_id = self.begin(**more)
        self.end(run_id, status)
        return run_id

    def _event(self, run_id: str, kind: dg.DagsterEventType, at: datetime) -> None:
        event = dg.DagsterEvent(kind.value, "prod__daily")
        self.history.instance.run_storage.handle_run_event(run_id, event, at)

    def subscribe(self, *events: Any, name: str = "hook", **more: Any) -> None:
        made = FileSubscription(
            name, self.receiver.url, Secret(env="HOOK_SECRET"), events or ALL, **more
        )
        hooks = {**self.deployment.webhooks, name: made}
        self.deployment = replace(self.deployment, webhooks=hooks)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    daily = job("dbt build", dbt_version="1.10.4")
    deployment = replace(
        DEPLOYMENT,
        account=Account(7, "Shop"),
        projects={"shop": PROJECT},
        environments={"prod": daily.environment},
        jobs={"prod__daily": daily},
        webhook_hosts=("127.0.0.1",),
    )
    with on_sqlite(tmp_path) as instance, strict_receiver() as receiver:
        made = Place(
            History(instance, tmp_path),
            StateDirectory(tmp_path / "state"),
            deployment,
            receiver,
            datetime.now(UTC),
        )
        made.subscribe()
        made.tick()
        made.now += timedelta(seconds=1)
        yield made
        assert receiver.wrong == []


def test_a_run_is_told_as_it_goes(place: Place):
    run_id = place.begin()
    place.tick()
    assert place.receiver.types == [STARTED]
    place.end(run_id)
    place.tick(later=timedelta(minutes=1))
    place.tick(later=timedelta(minutes=1))
    assert place.receiver.types == [STARTED, COMPLETED]
    data = place.receiver.events[0]["data"]
    assert (data["jobName"], data["jobId"], data["projectId"]) == ("Daily", "3", "1")
    assert (data["dbtVersion"], place.receiver.events[0]["accountId"]) == ("1.10.4", 7)


def test_a_failed_run_that_nobody_saw_going_is_told_in_order(place: Place):
    for _ in range(5):
        place.run(Status.ERROR)
    place.tick()
    by_run: dict[str, list[str]] = {}
    for each in place.receiver.events:
        by_run.setdefault(each["data"]["runId"], []).append(each["eventType"])
    assert len(by_run) == 5
    assert all(each == [STARTED, ERRORED, COMPLETED] for each in by_run.values())


def test_it_has_errored_at_once_and_is_completed_with_its_artifacts(place: Place):
    run_id = place.begin()
    place.end(run_id, Status.ERROR, facts=False)
    place.tick()
    assert place.receiver.types == [STARTED, ERRORED]
    place.tick(later=timedelta(minutes=20))
    assert place.receiver.types == [STARTED, ERRORED]
    place.keep(run_id, Status.ERROR, reason="dbt command failed")
    place.tick(later=timedelta(minutes=1))
    assert place.receiver.types == [STARTED, ERRORED, COMPLETED]
    assert place.receiver.events[-1]["data"]["runStatusMessage"] == "dbt command failed"


def test_a_cancelled_run_is_told_to_those_who_ask_for_it(place: Place):
    run_id = place.begin()
    place.end(run_id, Status.CANCELLED)
    place.tick()
    assert place.receiver.types == [STARTED]
    place.subscribe("job.run.cancelled", name="ours")
    place.tick()
    run_id = place.begin()
    place.end(run_id, Status.CANCELLED)
    place.tick(later=timedelta(seconds=1))
    # Of two subscriptions, which wait for each other in nothing.
    assert sorted(place.receiver.types[1:]) == ["job.run.cancelled", STARTED]


def test_a_run_that_never_began_has_not_started(place: Place):
    run_id = place.history.add(status=dg.DagsterRunStatus.QUEUED, created=place.now, job_id="3")
    place.end(run_id, Status.ERROR)
    place.tick()
    assert place.receiver.types == [ERRORED, COMPLETED]


def test_only_the_jobs_and_events_that_were_asked_for(place: Place):
    hourly = replace(place.deployment.jobs["prod__daily"], name="prod__hourly", identifier="hourly")
    hourly = replace(hourly, id=4)
    place.deployment = replace(
        place.deployment, jobs={**place.deployment.jobs, "prod__hourly": hourly}, webhooks={}
    )
    place.subscribe(COMPLETED, jobs=("hour*",))
    place.run()
    run_id = place.history.add(
        "prod__hourly", status=dg.DagsterRunStatus.STARTED, created=place.now, job_id="4"
    )
    place.end(run_id)
    place.tick()
    assert [each["data"]["jobId"] for each in place.receiver.events] == ["4"]


def test_a_subscription_hears_of_nothing_before_it(place: Place):
    before = place.begin()
    place.tick(later=timedelta(seconds=1))
    place.run()
    place.now += timedelta(seconds=1)
    made = Store.of(place.state).create(
        Subscription("", "api", place.receiver.url, "", ALL), now=place.now
    )
    place.deployment = replace(place.deployment, webhooks={})
    place.receiver.wrong.clear()
    place.receiver.events.clear()
    place.tick()
    assert place.receiver.events == []
    place.now += timedelta(seconds=1)
    place.end(before)
    place.tick()
    assert place.receiver.types == [COMPLETED]
    assert place.receiver.wrong == ["the signature is another one"], "its secret is its own"
    assert place.receiver.events[0]["webhookId"] == made.id
    place.receiver.wrong.clear()


def test_those_of_a_tokens_projects_alone(place: Place):
    place.deployment = replace(place.deployment, webhooks={})
    wanted = Subscription("", "api", place.receiver.url, "", ALL, projects=("other",))
    Store.of(place.state).create(wanted, now=place.now)
    place.tick()
    place.now += timedelta(seconds=1)
    place.run()
    place.tick()
    assert place.receiver.events == []


def test_four_failures_are_tried_again(place: Place):
    left = [None] * 4

    def fails(_: Any) -> Any:
        return (500, {}, b"") if left and left.pop() is None else TAKEN

    place.receiver.answer = fails
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    place.run()
    place.tick()
    assert place.tick(later=timedelta(seconds=20)) == [], "it is not due yet"
    for minutes in (1, 3, 10, 40):
        place.tick(later=timedelta(minutes=minutes))
    assert place.results == ["retried"] * 4 + ["sent"]
    assert [each.attempt for each in place.ledger.receipts()] == [1, 2, 3, 4, 5]
    assert {each.event_id for each in place.ledger.receipts()} == {
        place.receiver.events[0]["eventId"]
    }
    assert place.ledger.standing(place.id, now=place.now).failing_since is None


def test_a_start_that_is_tried_again_holds_nothing_back(place: Place):
    place.receiver.answer = lambda event: (503, {}, b"") if event["eventType"] == STARTED else TAKEN
    place.run(Status.ERROR)
    place.tick()
    assert place.receiver.attempts == [STARTED, ERRORED, COMPLETED], "the order of first attempts"
    assert place.receiver.types == [ERRORED, COMPLETED]
    place.receiver.answer = lambda _: TAKEN
    place.tick(later=timedelta(minutes=1))
    assert place.receiver.types == [ERRORED, COMPLETED, STARTED]


def test_an_hour_of_outage_loses_nothing_and_doubles_nothing(place: Place):
    place.receiver.answer = lambda _: (503, {}, b"")
    for _ in range(3):
        place.run(Status.ERROR)
    for _ in range(12):
        place.tick(later=timedelta(minutes=5))
    assert place.receiver.events == []
    place.receiver.answer = lambda _: TAKEN
    for _ in range(40):
        place.tick(later=timedelta(minutes=5))
    ids = [each["eventId"] for each in place.receiver.events]
    assert len(ids) == len({*ids}) == 9


def test_six_failed_attempts_are_given_up(place: Place):
    place.receiver.answer = lambda _: (410, {}, b"gone")
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    place.run()
    place.tick()
    for _ in range(20):
        place.tick(later=timedelta(hours=1))
    assert place.results == ["retried"] * 5 + ["given up"]
    assert place.ledger.due.owners() == []
    standing = place.ledger.standing(place.id, now=place.now)
    assert (standing.failures, standing.http_status_code) == (1, 410)


def test_a_thousandth_failure_deactivates_and_somebody_reactivates(place: Place):
    id_ = place.id
    for _ in range(999):
        place.ledger.change(
            id_,
            lambda before: after_failure(before, code=500, now=place.now, given_up=True),
            now=place.now,
        )
    place.receiver.answer = lambda _: (500, {}, b"")
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    place.run()
    said = [line for _ in range(8) for line in place.tick(later=timedelta(hours=3))]
    assert "hook is deactivated: 1,000 deliveries in a row have failed" in said
    place.run()
    place.receiver.answer = lambda _: TAKEN
    assert place.tick() == []
    place.now += timedelta(seconds=1)
    place.ledger.reactivate(id_, now=place.now)
    place.now += timedelta(seconds=1)
    place.run()
    place.tick()
    assert place.receiver.types == [COMPLETED]


def test_a_slow_receiver_has_failed_and_delays_itself_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """Ten seconds on dbt Cloud; two here, for a receiver that takes a tenth more."""
    monkeypatch.setattr(pinned, "TIMEOUT", 2.0)
    with strict_receiver() as slow:

        def answer(_: Any) -> Any:
            time.sleep(2.2)
            return TAKEN

        slow.answer = answer
        url = place.receiver.url
        place.receiver.url = slow.url
        place.subscribe(COMPLETED, name="slow")
        place.receiver.url = url
        place.tick()
        place.now += timedelta(seconds=1)
        place.run()
        said = place.tick()
    assert any("slow" in each and "has not answered within" in each for each in said)
    assert place.receiver.types == [STARTED, COMPLETED]


def test_private_addresses_get_nothing(place: Place):
    place.deployment = replace(place.deployment, webhook_hosts=())
    place.run()
    place.tick()
    assert place.receiver.attempts == []
    assert {each.error for each in place.ledger.receipts()} == {pinned.REFUSED}


def test_a_process_that_is_killed_before_it_notes_what_it_saw_loses_and_doubles_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    def die(*_: object) -> None:
        raise SystemExit

    place.run()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "keep_memory", die)
        with pytest.raises(SystemExit):
            place.tick()
    assert place.receiver.events == []
    place.tick()
    place.tick()
    assert place.receiver.types == [STARTED, COMPLETED]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_that_is_killed_between_sending_and_noting_sends_the_same_event_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    place.run()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "note", lambda *_: sys.exit())  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        place.tick()
    place.tick()
    first, second = place.receiver.events
    assert first["eventId"] == second["eventId"]
    assert first == second


@pytest.mark.parametrize("code", [200, 500])
def test_a_log_that_can_not_be_written_repeats_nothing(place: Place, code: int):
    """With a full disk below `log` each tick posted the same event, without a pause, for ever."""
    place.receiver.answer = lambda _: (code, {}, b"")
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    (place.ledger.root / "log" / f"{place.now:%Y-%m-%d}.jsonl").mkdir(parents=True)
    place.run()
    assert "the log of attempts can't be written" in place.tick()[1]
    place.tick(later=timedelta(seconds=20))
    assert len(place.receiver.attempts) == 1
    assert place.ledger.standing(place.id, now=place.now).http_status_code == code


def test_where_nothing_can_be_kept_nothing_is_posted(place: Place, monkeypatch: pytest.MonkeyPatch):
    """With a disk that can't be written at all each tick posted the same event, too."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(COMPLETED)
    place.run()
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "attempt", full)  # it has a file before its first attempt
        place.tick()
        patched.undo()
        patched.setattr(Spool, "put", full)
        for _ in range(3):
            assert "No space left on device" in place.tick()[-1]
    assert place.receiver.attempts == []
    place.tick()
    assert place.receiver.attempts == [COMPLETED]


def test_without_subscriptions_nothing_is_read(place: Place):
    place.deployment = replace(place.deployment, webhooks={})
    place.run()
    assert place.tick() == []


def test_another_process_that_looks_is_left_alone(place: Place):
    place.run()
    with FileLock(place.ledger.lock):
        assert place.tick() == ["Another process is looking at the events of runs now"]


def test_what_is_due_to_a_subscription_that_is_gone_goes_with_it(place: Place):
    place.receiver.answer = lambda _: (500, {}, b"")
    place.run()
    place.tick()
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(name="another")
    place.tick()
    assert place.ledger.due.owners() == []


def test_a_test_says_what_the_receiver_has_said(place: Place):
    [subscription] = place.dispatcher.subscriptions().values()

    def tested(*allowed: str) -> tuple[int, str]:
        found = post_test(subscription, account_id=7, allowed=allowed, now=place.now)
        return found.code, found.error

    assert tested("127.0.0.1") == (200, "")
    place.receiver.answer = lambda _: (404, {}, b"")
    assert tested("127.0.0.1") == (404, "it answers HTTP 404")
    assert tested() == (0, NO_ANSWER)
    assert len(place.receiver.attempts) == 2


def test_a_test_tells_no_port_that_is_closed_from_one_that_is_refused(place: Place):
    """Its words were those of the machine, so `webhook_hosts` let it look for open ports."""
    [known] = place.dispatcher.subscriptions().values()
    with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as other:
        found = [
            post_test(replace(known, url=url), account_id=7, allowed=allowed, now=place.now)
            for url, allowed in (
                (f"http://127.0.0.1:{free_port()}/", ["127.0.0.1"]),
                (f"http://127.0.0.1:{free_port()}/", []),
                (f"http://{other.address}/", ["127.0.0.1"]),
                ("http://no-such-name.invalid/", []),
            )
        ]
    assert {(each.code, each.response, each.error) for each in found} == {(0, "", NO_ANSWER)}


@pytest.mark.parametrize("harm", ["", "{"])
def test_a_damaged_standing_makes_nobody_deaf(place: Place, harm: str):
    """Its subscription began anew at each tick, and heard of nothing any more."""
    place.run()
    place.tick()
    file = place.ledger.root / "standings" / f"{place.id}.json"
    file.write_text(harm, encoding="utf-8")
    place.run()
    said = place.tick(later=timedelta(minutes=5))
    assert f"it was moved to {file.name}.damaged-" in said[0]
    assert place.receiver.types == [STARTED, COMPLETED] * 2
    assert place.tick(later=timedelta(minutes=1)) == []


@pytest.mark.parametrize("harm", ["garbage", None])
def test_a_lost_memory_skips_nothing_and_repeats_nothing(place: Place, harm: str | None):
    """It began anew from then on: what had ended before was told to nobody."""
    place.run()
    place.tick()
    place.run()
    file = place.ledger.root / "looked-at.json"
    file.unlink() if harm is None else file.write_text(harm, encoding="utf-8")
    said = place.tick(later=timedelta(minutes=30))
    assert ("it is empty or damaged" in said[0]) == (harm is not None)
    assert place.receiver.types == [STARTED, COMPLETED] * 2
    assert place.tick(later=timedelta(minutes=1)) == []


def test_a_damaged_event_is_made_anew(place: Place):
    """It was never sent, stayed for ever, and nobody was told."""
    place.receiver.answer = lambda _: (500, {}, b"")
    place.run()
    place.tick()
    [file, _] = sorted((place.ledger.root / "due" / place.id).glob("*.json"))
    file.write_bytes(b"")
    place.receiver.answer = lambda _: TAKEN
    said = place.tick(later=timedelta(minutes=5))
    assert "is made anew from its run" in said[0]
    assert sorted(place.receiver.types) == sorted([STARTED, COMPLETED])
    assert place.tick(later=timedelta(minutes=1)) == []


def test_a_clock_that_was_ahead_makes_nobody_deaf(place: Place):
    """A subscription that was first seen by such a clock heard of nothing until then."""
    year = timedelta(days=365)
    place.deployment = replace(place.deployment, webhooks={})
    place.subscribe(name="another")
    place.tick(later=year)
    place.tick(later=-year)
    place.run()
    place.tick(later=timedelta(minutes=1))
    assert place.receiver.types == [STARTED, COMPLETED]


def test_an_event_put_off_by_a_clock_that_was_ahead_is_tried_now(place: Place):
    place.receiver.answer = lambda _: (500, {}, b"")
    place.run()
    place.tick(later=timedelta(hours=2))
    place.receiver.answer = lambda _: TAKEN
    said = place.tick(later=-timedelta(hours=2))
    assert "events put off by a clock that was ahead, which are tried now: 2" in said[0]
    assert sorted(place.receiver.types) == sorted([STARTED, COMPLETED])


def test_what_is_in_the_place_of_a_directory_stops_nothing(place: Place):
    (place.ledger.root / "due").rename(place.ledger.root / "former")
    (place.ledger.root / "due").write_text("", encoding="utf-8")
    place.run()
    assert "it is no directory; it was moved to due.damaged-" in place.tick()[0]
    assert place.receiver.types == [STARTED, COMPLETED]


def test_what_waits_is_posted_while_runs_can_not_be_looked_at(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.run()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "keep_memory", full)
        said = [*place.tick(), *place.tick(later=timedelta(seconds=30))]
    cant = [each for each in said if each.startswith("The events of runs can't be looked at: ")]
    assert len(cant) == 2
    place.tick(later=timedelta(seconds=30))
    assert place.receiver.types == [STARTED, COMPLETED]
