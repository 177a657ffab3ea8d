"""Runs that have ended, looked at in a real history: each is told once."""

import errno
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.notifications import (
    Channel,
    Directory,
    Email,
    OwnerRule,
    Rule,
)
from deploy_project.errors import ConfigError, LaunchError
from deploy_project.git.mirror import ensure_commit
from deploy_project.notify import reading
from deploy_project.notify.notifier import Notifier
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.over_api.notification import Notification
from deploy_project.notify.over_api.store import Store
from deploy_project.releases import pointer
from deploy_project.runs.model.run_facts import CodeFacts, FailureFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.ends import Cursor
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.steps.failing import FILE
from tests.support.deployments.git_repositories import create
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.history.past_runs import History, facts_of, on_sqlite

FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
ENDS = {
    SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
    FAILURE: dg.DagsterEventType.RUN_FAILURE,
}
ALL = frozenset({"success", "warning", "failure", "cancelled", "recovered"})


class Watch:
    """A notifier over a history, and the messages that it has written."""

    def __init__(self, directory: Path, instance: dg.DagsterInstance) -> None:
        self.history = History(instance, directory)
        self.state = StateDirectory(directory / "state")
        self.messages = directory / "messages"
        self.deployment: Deployment = replace(
            DEPLOYMENT,
            projects={"shop": PROJECT},
            jobs={"prod__daily": job("dbt build")},
            channels={"here": Channel("here", Directory(self.messages))},
            notifications=(Rule(ALL, ("here",)),),  # pyright: ignore[reportArgumentType]
        )
        self.now = datetime.now(UTC)

    @property
    def notifier(self) -> Notifier:
        return Notifier(self.deployment, self.state, self.history.plain())

    def end(self, status: dg.DagsterRunStatus = SUCCESS, *, ago: float = 0, **more: Any) -> str:
        """A run that has ended so many minutes ago, with facts unless `facts` is False."""
        at = self.now - timedelta(minutes=ago)
        with_facts, commit = more.pop("facts", True), more.pop("commit", "")
        own = {"commit": commit, "full_commit": commit} if commit else {}
        more |= {"code": CodeFacts(commit, "main", "A subject", "Ana")} if commit else {}
        run_id = self.history.add(
            status=dg.DagsterRunStatus.STARTED, created=at - timedelta(minutes=1), **own
        )
        ended = dg.DagsterEvent(ENDS[status].value, "prod__daily")
        self.history.instance.run_storage.handle_run_event(run_id, ended, at)
        if with_facts:
            plain = facts_of(run_id, Status.of(status), began=at - timedelta(minutes=1))
            failed = (FailureFacts(3, "no such column", more.pop("failed", "model.shop.orders")),)
            self.history.keep(replace(plain, failures=failed if status == FAILURE else (), **more))
        return run_id

    def tick(self, *, later: float = 0) -> list[str]:
        self.now += timedelta(minutes=later)
        return self.notifier.tick(self.now)

    @property
    def told(self) -> list[str]:
        """The first lines of the messages so far, in the order of their files' names."""
        files = sorted(self.messages.glob("*.txt"), key=lambda each: each.stat().st_mtime_ns)
        return [each.read_text(encoding="utf-8").partition("\n")[0] for each in files]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with on_sqlite(tmp_path) as instance:
        yield Watch(tmp_path, instance)


def test_each_end_is_told_once(watch: Watch):
    watch.end()
    assert len(watch.tick()) == 1
    assert watch.tick() == []
    watch.end(FAILURE)
    watch.tick(later=1)
    assert watch.told == ["prod__daily succeeded", "prod__daily failed"]


def test_the_first_success_is_not_compared_with_itself(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    def usual(runs: Runs, jobs: object) -> dict[str, float]:
        return {"prod__daily": 60.0}

    monkeypatch.setattr(Runs, "median_seconds", usual)
    watch.end(ago=2)
    watch.tick()
    watch.end(ago=1)
    watch.tick()
    files = sorted(watch.messages.glob("*.txt"), key=lambda each: each.stat().st_mtime_ns)
    first, second = (each.read_text(encoding="utf-8") for each in files)
    assert "(median " not in first
    assert "(median " in second


def test_failures_that_repeat_are_told_once_and_the_recovery_counts_them(watch: Watch):
    for ago in (5, 4, 3):
        watch.end(FAILURE, ago=ago)
    watch.tick()
    assert watch.told == ["prod__daily failed"]
    watch.end(FAILURE, ago=2, failed="model.shop.revenue")
    watch.end(ago=1)
    watch.tick()
    assert watch.told[1:] == ["prod__daily failed", "prod__daily succeeds again"]
    last = max(watch.messages.glob("*recovered*.txt"))
    assert "4 failed runs" in last.read_text(encoding="utf-8")


def test_a_run_without_facts_is_waited_for(watch: Watch):
    run_id = watch.end(FAILURE, facts=False)
    assert watch.tick() == []
    watch.history.keep(facts_of(run_id, Status.ERROR, began=watch.now))
    assert len(watch.tick(later=2)) == 1


def test_a_run_whose_facts_could_not_be_kept_is_told_all_the_same(watch: Watch):
    watch.end(FAILURE, ago=9, facts=False)
    assert watch.tick() == []
    assert len(watch.tick(later=2)) == 1
    (file,) = watch.messages.glob("*.txt")
    assert "No facts of this run were kept." in file.read_text(encoding="utf-8")


def test_the_first_look_goes_back_an_hour(watch: Watch):
    watch.end(FAILURE, ago=90)
    watch.end(ago=30)
    watch.tick()
    assert watch.told == ["prod__daily succeeds again"]


def test_a_day_without_a_daemon_is_made_up_for(watch: Watch):
    watch.tick()
    for ago in (-60, -120):
        watch.end(ago=ago)
    watch.tick(later=20 * 60)
    assert len(watch.told) == 2


def test_a_process_that_is_killed_before_it_notes_what_it_saw_loses_and_doubles_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    def die(_outbox: Outbox, _cursor: Cursor) -> None:
        raise SystemExit

    watch.end()
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "keep_cursor", die)
        with pytest.raises(SystemExit):
            watch.tick()
    assert watch.told == []
    watch.tick()
    assert watch.told == ["prod__daily succeeded"]


def test_a_rule_for_others_tells_nothing(watch: Watch):
    watch.deployment = replace(
        watch.deployment,
        notifications=(Rule(ALL, ("here",), jobs=("hourly",)),),  # pyright: ignore[reportArgumentType]
    )
    watch.end()
    assert watch.tick() == []


def test_two_rules_tell_a_channel_once(watch: Watch):
    watch.deployment = replace(watch.deployment, notifications=watch.deployment.notifications * 2)
    watch.end()
    assert len(watch.tick()) == 1


def test_a_message_is_composed_once_for_all_rules_that_tell_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    """Git was asked for the commits by each rule: notifications of the API are a thousand rules."""
    names = [f"channel-{number}" for number in range(30)]
    watch.deployment = replace(
        watch.deployment,
        channels={each: Channel(each, Directory(watch.messages / each)) for each in names},
        notifications=tuple(
            replace(watch.deployment.notifications[0], channels=(n,)) for n in names
        ),
    )
    asked: list[str] = []

    def counted(*_: Any, later: str, **__: Any) -> list[Any]:
        asked.append(later)
        return []

    monkeypatch.setattr(reading, "between", counted)
    watch.end(ago=2, commit="a" * 40)
    watch.end(FAILURE, ago=1, commit="b" * 40)
    watch.tick()
    assert len([*watch.messages.glob("*/*failure*.txt")]) == 30
    assert asked == ["b" * 40]


def test_secrets_are_hidden(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLACK", "https://hooks.slack.example/s3cret")
    of = job("dbt build")
    environment = replace(of.environment, withheld=frozenset({Secret(env="SLACK")}))
    watch.deployment = replace(
        watch.deployment, jobs={"prod__daily": replace(of, environment=environment)}
    )
    watch.end(cause="by https://hooks.slack.example/s3cret")
    watch.tick()
    (file,) = watch.messages.glob("*.txt")
    assert "s3cret" not in file.read_text(encoding="utf-8")
    assert "by *****" in file.read_text(encoding="utf-8")


def test_another_process_that_looks_is_left_alone(watch: Watch):
    watch.end()
    watch.notifier.outbox.prepare()
    with FileLock(watch.notifier.outbox.lock):
        assert watch.tick() == ["Another process is looking at the ends of runs now"]
    assert len(watch.tick()) == 1


def test_a_preview_sends_nothing(watch: Watch):
    run_id = watch.end(FAILURE)
    assert watch.notifier.preview(run_id).title == "prod__daily failed"
    assert watch.told == []
    waiting = watch.history.add(status=dg.DagsterRunStatus.QUEUED)
    with pytest.raises(ConfigError, match=r"has not ended \(Queued\)"):
        watch.notifier.preview(waiting)
    with pytest.raises(LaunchError):
        watch.notifier.preview("nothing")


def test_the_commits_since_the_last_success_are_told(watch: Watch, tmp_path: Path):
    remote = create(tmp_path / "remote")
    first = remote.git("rev-parse", "HEAD")
    failed = [remote.commit({"a": each}, f"Change {each}") for each in ("one", "two")]
    of = replace(PROJECT, repository=str(remote.path))
    ensure_commit(of, watch.state, failed[-1])
    watch.deployment = replace(watch.deployment, projects={"shop": of})
    watch.end(commit=first, ago=3)
    for ago, commit in zip((2, 1), failed, strict=True):
        watch.end(FAILURE, commit=commit, ago=ago, failed=f"model.shop.{commit}")
    watch.tick()
    last = max(watch.messages.glob("*failure*.txt"), key=lambda each: each.stat().st_mtime_ns)
    section = last.read_text(encoding="utf-8").partition("Commits since the last success\n")[2]
    assert section.splitlines()[:2] == [
        f"  {failed[1][:7]} Change two (Ana)",
        f"  {failed[0][:7]} Change one (Ana)",
    ]


def test_two_hundred_ends_are_told_in_a_few_ticks(watch: Watch):
    for number in range(200):
        watch.end(ago=number / 200)
    for _ in range(10):
        if len(watch.told) == 200:
            break
        watch.tick(later=0.5)
    assert len(watch.told) == 200


def owned(watch: Watch, *, tests: Any = ("failure", "warning")) -> Watch:
    """A watch whose rule tells the owner of `orders`, and a deployed manifest that names it."""
    of = job("dbt build")
    commit, parsed = "a" * 40, f"parse-{'0' * 16}"
    watch.deployment = replace(
        watch.deployment,
        environments={"prod": of.environment},
        channels={"mail": Channel("mail", Email("127.0.0.1", "a@example.com", ("b@example.com",)))},
        notifications=(),
        model_notifications=(OwnerRule("mail", tests=frozenset(tests)),),
    )
    manifest = {
        "groups": {
            "group.shop.fin": {
                "name": "fin",
                "package_name": "shop",
                "owner": {"email": "fin@example.com"},
            }
        },
        "nodes": {"model.shop.orders": {"package_name": "shop", "group": "fin"}},
    }
    at = pointer.Pointer(commit, parsed)
    file = pointer.manifest_file(watch.state, of.environment, at)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(manifest), encoding="utf-8")
    pointer.move(watch.state, "prod", at)
    return watch


def due(watch: Watch) -> list[tuple[tuple[str, ...], str]]:
    """Messages that wait: nobody listens at the address of the channel."""
    return [(each.to, each.message.title) for each in watch.notifier.outbox.entries("mail")]


def test_an_owner_is_told_the_end_that_concerns_it(watch: Watch):
    owned(watch).end(FAILURE)
    watch.end(FAILURE, failed="model.shop.revenue")
    watch.tick()
    assert due(watch) == [(("fin@example.com",), "prod__daily: 1 failure in your models and tests")]
    [entry] = watch.notifier.outbox.entries("mail")
    text = str(entry.message)
    assert "model.shop.orders" in text
    assert "model.shop.revenue" not in text


def test_what_lasts_is_told_to_an_owner_once(watch: Watch):
    owned(watch).end(FAILURE, ago=3)
    watch.end(FAILURE, ago=2)
    watch.tick()
    assert len(due(watch)) == 1


def test_an_owner_is_told_once_while_the_run_goes_on_and_once_at_its_end(watch: Watch):
    owned(watch)
    run_id = watch.history.add(status=dg.DagsterRunStatus.STARTED, created=watch.now)
    failing(watch, run_id, "orders")
    watch.tick()
    watch.tick(later=0.5)
    first = (
        ("fin@example.com",),
        "prod__daily goes on, and one of your models or tests has failed",
    )
    assert due(watch) == [first]
    failing(watch, run_id, "orders", "revenue")
    watch.tick(later=0.5)
    assert due(watch) == [first]
    ended = dg.DagsterEvent(ENDS[FAILURE].value, "prod__daily")
    watch.history.instance.run_storage.handle_run_event(run_id, ended, watch.now)
    plain = facts_of(run_id, Status.ERROR, began=watch.now)
    failed = (FailureFacts(3, "no such column", "model.shop.orders"),)
    watch.history.keep(replace(plain, failures=failed))
    watch.tick(later=0.5)
    assert [title for _, title in due(watch)] == [
        first[1],
        "prod__daily: 1 failure in your models and tests",
    ]


def failing(watch: Watch, run_id: str, *names: str) -> None:
    found = [{"step": 3, "message": "no", "unique_id": f"model.shop.{each}"} for each in names]
    artifacts = watch.history.artifacts
    artifacts.write_text(artifacts.run(run_id) / FILE, json.dumps(found))


@pytest.mark.parametrize(
    "more", [{"pull_request": 7}, {"is_strangers": True}, {"unpublished": "other steps"}]
)
def test_no_owner_is_told_of_the_code_of_others(watch: Watch, more: dict[str, Any]):
    owned(watch).end(FAILURE, **more)
    watch.tick()
    assert due(watch) == []


def test_without_a_deployed_manifest_nobody_is_an_owner(watch: Watch):
    owned(watch)
    pointer.move(watch.state, "prod", pointer.Pointer("b" * 40, f"parse-{'1' * 16}"))
    watch.end(FAILURE)
    watch.tick()
    assert due(watch) == []


def of_api(watch: Watch) -> Store:
    """The store of a notification of successes by mail, which waits: nobody listens."""
    mail = Channel("mail", Email("127.0.0.1", "a@example.com", ("b@example.com",)))
    watch.deployment = replace(
        watch.deployment, channels={**watch.deployment.channels, "mail": mail}
    )
    store = Store(watch.state)
    success = (job("dbt build").id,)
    wanted = Notification(0, 4, "ana", on_success=success, external_email="c@example.com")
    store.create(wanted, now=watch.now)
    return store


def waiting(watch: Watch) -> list[str]:
    outbox = watch.notifier.outbox
    return [e.message.run_id for name in outbox.channels() for e in outbox.entries(name)]


def test_notifications_of_the_api_are_owed_what_ends_while_their_file_is_damaged(watch: Watch):
    """Ends in the meantime were lost to them, and what had waited was dropped."""
    of_api(watch)
    first = watch.end()
    watch.tick()
    kept = watch.state.api_notifications.read_text(encoding="utf-8")
    watch.state.api_notifications.write_text(kept[:50], encoding="utf-8")
    second = watch.end()
    said = watch.tick(later=0.5)
    assert "does not hold notifications" in said[0]
    assert len(watch.told) == 2, "the rules of deploy.yaml go on"
    watch.state.api_notifications.write_text(kept, encoding="utf-8")
    watch.tick(later=0.5)
    assert sorted(waiting(watch)) == sorted([first, second])
    for entry in watch.notifier.outbox.entries(watch.notifier.outbox.channels()[0]):
        watch.notifier.outbox.remove(entry)
    watch.tick(later=0.5)
    assert waiting(watch) == [], "once"
    assert len(watch.told) == 2


def test_a_notification_that_can_not_be_sent_now_is_sent_later(watch: Watch):
    """Without the mail channel for a moment its messages were lost."""
    of_api(watch)
    whole, mails = watch.deployment, dict(watch.deployment.channels)
    del mails["mail"]
    watch.deployment = replace(whole, channels=mails)
    run_id = watch.end()
    said = watch.tick()
    assert any("can't be sent: deploy.yaml has no channel of mail" in each for each in said)
    assert waiting(watch) == [run_id]
    watch.deployment = whole
    watch.tick(later=0.5)
    [name] = watch.notifier.outbox.channels()
    [entry] = watch.notifier.outbox.entries(name)
    assert entry.attempts == 1


def files(watch: Watch, *, name: str) -> Path:
    return watch.notifier.outbox.root / f"{name}.json"


@pytest.mark.parametrize("harm", ["", "garbage", None])
def test_a_lost_cursor_tells_nothing_again_and_loses_nothing(watch: Watch, harm: str | None):
    """A damaged one told the whole last day once more, to every channel; a lost one an hour."""
    watch.tick()
    watch.end()
    watch.tick()
    watch.tick(later=180)
    watch.end(FAILURE, ago=100)
    file = files(watch, name="looked-at")
    file.unlink() if harm is None else file.write_text(harm, encoding="utf-8")
    said = watch.tick()
    assert watch.told == ["prod__daily succeeded", "prod__daily failed"]
    assert ("it is empty or damaged" in said[0]) == (harm is not None)
    assert len(watch.tick(later=0.5)) == 0
    watch.end(ago=0)
    watch.tick(later=0.5)
    assert len(watch.told) == 3
    assert not watch.notifier.outbox.is_cut_short


def test_a_directory_in_the_place_of_the_cursor_stops_nothing(watch: Watch):
    """The tick raised `IsADirectoryError`, and no channel got anything."""
    watch.end()
    watch.tick()
    files(watch, name="looked-at").unlink()
    files(watch, name="looked-at").mkdir()
    watch.end(FAILURE)
    said = watch.tick(later=0.5)
    assert "Is a directory; it was moved to looked-at.json.damaged-" in said[0]
    assert watch.told == ["prod__daily succeeded", "prod__daily failed"]


def test_what_waits_is_delivered_while_ends_can_not_be_looked_at(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    watch.tick()
    watch.end()
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "keep_cursor", full)
        said = [*watch.tick(), *watch.tick(later=0.5)]
    cant = [each for each in said if each.startswith("The ends of runs can't be looked at: ")]
    assert len(cant) == 2
    watch.tick(later=0.5)
    assert watch.told == ["prod__daily succeeded"]
    assert [each.result for each in watch.notifier.outbox.log()] == ["sent"], "once"


def test_a_damaged_message_on_the_end_of_a_run_is_made_anew(watch: Watch):
    of_api(watch)
    run_id = watch.end()
    watch.tick()
    [name] = [each for each in watch.notifier.outbox.channels() if each != "here"]
    file = watch.notifier.outbox.root / "due" / name / f"{run_id}.json"
    file.write_bytes(b"")
    said = watch.tick(later=0.2)
    assert "the message was made anew" in said[0]
    assert waiting(watch) == [run_id]


@pytest.mark.parametrize("name", ["late", "told-early", "owed-to-api"])
def test_a_damaged_memory_is_moved_aside(watch: Watch, name: str):
    watch.end()
    watch.tick()
    files(watch, name=name).write_text("{", encoding="utf-8")
    [line] = watch.tick(later=0.5)
    assert f"it was moved to {name}.json.damaged-" in line
    assert watch.tick(later=0.5) == []
