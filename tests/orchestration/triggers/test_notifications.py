"""The sensor of notifications, on a history with its index."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.notifications import Channel, Directory, Rule
from deploy_project.orchestration.triggers.notifications import notifications_sensor
from deploy_project.runs.model.status import Status
from tests.support.jobs import DEPLOYMENT, PROJECT, job
from tests.support.past_runs import History, facts_of, on_sqlite

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


def test_without_rules_there_is_no_sensor(tmp_path: Path):
    of = replace(deployment(tmp_path), notifications=())
    assert notifications_sensor(of, StateDirectory(tmp_path)) is None


def test_a_tick_tells_the_ends_of_runs_once(tmp_path: Path):
    """A run that has failed, and one that was cancelled while it waited."""
    sensor = notifications_sensor(deployment(tmp_path), StateDirectory(tmp_path / "state"))
    assert sensor is not None
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
