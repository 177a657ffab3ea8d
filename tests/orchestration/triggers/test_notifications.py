"""The sensor of notifications, on a history with its index."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.notifications import Channel, Directory, OwnerRule, Rule
from deploy_project.config.values.tokens import Token
from deploy_project.config.values.webhooks import FileSubscription
from deploy_project.orchestration.triggers.notifications import telling_sensors
from deploy_project.runs.model.status import Status
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.servers.dbt_cloud_receiver import SECRET, strict_receiver

ENDS = {
    dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.RUN_CANCELED,
}


def deployment(directory: Path) -> Deployment:
    return replace(
        DEPLOYMENT,
        projects={"shop": PROJECT},
        jobs={"prod__daily": job("dbt build")},
        channels={"here": Channel("here", Directory(directory / "messages"))},
        artifacts=str(directory / "artifacts"),
        notifications=(Rule(frozenset({"failure", "cancelled"}), ("here",)),),
    )


def sensors(of: Deployment, directory: Path) -> dict[str, dg.SensorDefinition]:
    return {each.name: each for each in telling_sensors(of, StateDirectory(directory / "state"))}


def test_there_is_a_sensor_where_somebody_may_ask_for_messages(tmp_path: Path):
    plain = deployment(tmp_path)
    bare = replace(plain, notifications=())
    assert [*sensors(bare, tmp_path)] == []
    assert [*sensors(plain, tmp_path)] == ["notifications"]
    owners = replace(bare, model_notifications=(OwnerRule("here"),))
    assert [*sensors(owners, tmp_path)] == ["notifications"]
    hook = FileSubscription("hook", "https://a.example", Secret(env="KEY"), ("job.run.errored",))
    assert [*sensors(replace(bare, webhooks={"hook": hook}), tmp_path)] == ["webhooks"]
    key = Token("a", "0" * 64, frozenset({"webhooks_only"}))
    both = replace(bare, tokens={"a": key})
    assert [*sensors(both, tmp_path)] == ["notifications", "webhooks"]


def test_a_tick_tells_the_ends_of_runs_once(tmp_path: Path):
    """A run that has failed, and one that was cancelled while it waited."""
    sensor = sensors(deployment(tmp_path), tmp_path)["notifications"]
    with on_sqlite(tmp_path) as instance:
        history, now = History(instance, tmp_path), datetime.now(UTC)
        for minutes, status in zip((3, 2), ENDS, strict=True):
            at = now - timedelta(minutes=minutes)
            run_id = history.add(created=at, status=dg.DagsterRunStatus.QUEUED)
            ended = dg.DagsterEvent(ENDS[status].value, "prod__daily")
            instance.run_storage.handle_run_event(run_id, ended, at)
            history.keep(facts_of(run_id, Status.of(status), began=at))
        history.catch_up()
        context = dg.build_sensor_context(instance=instance)
        assert sensor(context) == dg.SkipReason(
            "here: 'prod__daily failed' sent\nhere: 'prod__daily was cancelled' sent"
        )
        assert sensor(context) == dg.SkipReason("Nothing is to be told")
    assert len([*(tmp_path / "messages").glob("*.txt")]) == 2


def test_a_tick_tells_webhooks_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY", SECRET)
    with strict_receiver() as receiver, on_sqlite(tmp_path) as instance:
        hook = FileSubscription("hook", receiver.url, Secret(env="KEY"), ("job.run.errored",))
        of = replace(deployment(tmp_path), webhooks={"hook": hook}, webhook_hosts=("127.0.0.1",))
        sensor = sensors(of, tmp_path)["webhooks"]
        context = dg.build_sensor_context(instance=instance)
        assert sensor(context) == dg.SkipReason("Nothing is to be told")
        at = datetime.now(UTC) + timedelta(seconds=1)
        history = History(instance, tmp_path)
        run_id = history.add(created=at, status=dg.DagsterRunStatus.QUEUED, job_id="3")
        ended = dg.DagsterEvent(ENDS[dg.DagsterRunStatus.FAILURE].value, "prod__daily")
        instance.run_storage.handle_run_event(run_id, ended, at)
        told = dg.SkipReason(f"hook: job.run.errored of run {run_id[:8]} sent")
        assert sensor(context) == told
        assert sensor(context) == dg.SkipReason("Nothing is to be told")
    assert (receiver.types, receiver.wrong) == (["job.run.errored"], [])
