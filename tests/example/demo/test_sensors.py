"""What `demo-pr` does where Dagster runs: it watches what the daemon does."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
)
from dagster._daemon.types import DaemonHeartbeat

from deploy_project.cli.context import loaded
from deploy_project.errors import LaunchError
from deploy_project.example.demo.sensors import SENSORS, Daemons, sensors
from deploy_project.orchestration.processes import daemon
from tests.support.deployments.dagster_jobs import ORIGIN

pytestmark = pytest.mark.slow


@dg.job
def anything() -> None: ...


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def beat(instance: dg.DagsterInstance, *, ago: float = 0) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, "SENSOR", "any"))


def evaluated(instance: dg.DagsterInstance, sensor: str, cursor: str | None) -> None:
    origin = RemoteInstigatorOrigin(ORIGIN.repository_origin, sensor)
    data = SensorInstigatorData(cursor=cursor)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)


def test_a_daemon_is_alive_while_it_gives_signs_of_life(instance: dg.DagsterInstance):
    assert not daemon.is_alive(instance)
    beat(instance, ago=600)
    assert not daemon.is_alive(instance)
    beat(instance)
    assert daemon.is_alive(instance)


def test_a_sensor_counts_as_evaluated_once_it_has_a_cursor(instance: dg.DagsterInstance):
    evaluated(instance, "shop_merges", None)
    assert not daemon.has_ticked(instance, "shop_merges")
    evaluated(instance, "shop_pull_requests", "{}")
    assert daemon.has_ticked(instance, "shop_pull_requests")
    assert not daemon.has_ticked(instance, "shop_merges")


def test_the_run_that_a_daemon_has_started_since_is_waited_for(
    instance: dg.DagsterInstance, here: Path
):
    for each in SENSORS:
        evaluated(instance, each, "{}")
    beat(instance)
    instance.create_run_for_job(anything, status=dg.DagsterRunStatus.SUCCESS)
    found, deployment = loaded()
    said: list[str] = []
    watched = sensors(found, deployment, instance, said.append)
    assert isinstance(watched, Daemons)
    status = dg.DagsterRunStatus.FAILURE
    run = instance.create_run_for_job(anything, status=status, tags={"deploy/cause": "News"})
    ended = watched.run("shop_merges", "anything")
    assert (ended.id, ended.status) == (run.run_id, "Error")
    assert said[-1] == (
        f"The sensor shop_merges has started anything: News\n"
        f"  http://127.0.0.1:3000/runs/{run.run_id}"
    )


def test_a_daemon_that_starts_nothing_is_not_waited_for_for_ever(
    instance: dg.DagsterInstance, here: Path, monkeypatch: pytest.MonkeyPatch
):
    for each in SENSORS:
        evaluated(instance, each, "{}")
    beat(instance)
    found, deployment = loaded()
    watched = sensors(found, deployment, instance, lambda _: None)
    monkeypatch.setattr("deploy_project.example.demo.sensors.PATIENCE_SECONDS", 0)
    with pytest.raises(LaunchError, match="sensor 'shop_merges' has started no anything"):
        watched.run("shop_merges", "anything")
