"""What `demo-pr` does where Dagster runs: it watches what the daemon does."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

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
from deploy_project.example.demo.sensors import SENSORS, Daemons, Own, sensors
from deploy_project.orchestration.processes import daemon
from deploy_project.orchestration.ticks import WantedRun
from tests.support.deployments.dagster_jobs import ORIGIN
from tests.support.waiting import ended, wait

pytestmark = pytest.mark.slow

# Dagster's own, which gives a sign of life each second.
DAEMON = """
from dagster import DagsterInstance
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.controller import daemon_controller_from_instance
with DagsterInstance.get() as instance:
    target = EmptyWorkspaceTarget()
    with daemon_controller_from_instance(instance, target, heartbeat_interval_seconds=1) as made:
        made.check_daemon_loop()
"""


@dg.job
def anything() -> None: ...


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(home)) as made:
        yield made


@pytest.fixture
def signs(instance: dg.DagsterInstance) -> Iterator[None]:
    """Signs of life, one after the other."""
    enough = Event()

    def give() -> None:
        while not enough.wait(0.2):
            beat(instance)

    thread = Thread(target=give)
    beat(instance)
    thread.start()
    yield
    enough.set()
    thread.join()


def beat(instance: dg.DagsterInstance, *, ago: float = 0) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, "SENSOR", "any"))


def evaluated(instance: dg.DagsterInstance, sensor: str, cursor: str | None) -> None:
    origin = RemoteInstigatorOrigin(ORIGIN.repository_origin, sensor)
    data = SensorInstigatorData(cursor=cursor)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)


def nothing(_: Own, sensor: str) -> list[WantedRun]:
    """No run, asked for by none of the `SENSORS`."""
    assert sensor in SENSORS
    return []


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


def test_a_daemon_is_there_until_it_is_ended(
    instance: dg.DagsterInstance, home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
):
    """Soon after `make dev` was ended, `demo-pr` waited for its sensors, and failed."""
    for each in SENSORS:
        evaluated(instance, each, "{}")
    found, deployment = loaded()
    said: list[str] = []
    command = [sys.executable, "-W", "ignore", "-c", DAEMON]
    process = subprocess.Popen(command, env={**os.environ, "DAGSTER_HOME": str(home)})
    try:
        wait(lambda: daemon.is_alive(instance), otherwise=process.poll)
        watched = sensors(found, deployment, instance, said.append)
    finally:
        process.terminate()
        ended(process)
    assert isinstance(watched, Daemons)
    assert daemon.is_alive(instance), "its last sign of life is there"
    monkeypatch.setattr(daemon, "LATE_SECONDS", 5)
    monkeypatch.setattr(Own, "_tick", nothing)
    assert isinstance(sensors(found, deployment, instance, said.append), Own)
    waits = "Dagster runs here, or did a minute ago: waiting for its next sign of life, at most"
    assert [said[0], *said[2:]] == [
        f"{waits} 45 seconds",
        f"{waits} 5 seconds",
        "Dagster's daemon does not run here, so its sensors look around in this process now",
    ]


@pytest.mark.usefixtures("signs")
def test_the_run_that_a_daemon_has_started_since_is_waited_for(
    instance: dg.DagsterInstance, here: Path
):
    for each in SENSORS:
        evaluated(instance, each, "{}")
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


@pytest.mark.usefixtures("signs")
def test_a_daemon_that_starts_nothing_is_not_waited_for_for_ever(
    instance: dg.DagsterInstance, here: Path, monkeypatch: pytest.MonkeyPatch
):
    for each in SENSORS:
        evaluated(instance, each, "{}")
    found, deployment = loaded()
    watched = sensors(found, deployment, instance, lambda _: None)
    monkeypatch.setattr("deploy_project.example.demo.sensors.PATIENCE_SECONDS", 0)
    with pytest.raises(LaunchError, match="sensor 'shop_merges' has started no anything"):
        watched.run("shop_merges", "anything")
