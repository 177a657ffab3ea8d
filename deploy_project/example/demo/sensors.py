"""Evaluates the sensors of `demo-pr`: by Dagster's daemon, or in this process without one."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from deploy_project.config.environment import Settings
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import LaunchError
from deploy_project.example.demo.runs import executed
from deploy_project.orchestration.processes import daemon
from deploy_project.orchestration.ticks import Ticks, WantedRun
from deploy_project.runs.model import tags
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.store.artifacts import Artifacts
from deploy_project.runs.store.logs import Tail

SENSORS = ("shop_pull_requests", "shop_merges")
PATIENCE_SECONDS = 300
_POLL_SECONDS = 1.0


class Sensors(Protocol):
    """Sensors that find changes of the remote, and the runs of the jobs that these start."""

    def run(self, sensor: str, job: str) -> PastRun:
        """Return the run of `job` that `sensor` asks for, once it has ended."""
        ...


def sensors(
    found: Settings, deployment: Deployment, instance: Any, say: Callable[[str], None]
) -> Sensors:
    """Return sensors that see all changes from now on."""
    if daemon.is_alive(instance):
        say(
            "Dagster runs here, or did a minute ago: waiting for its next sign of life, at most "
            f"{daemon.LATE_SECONDS} seconds"
        )
        if daemon.gives_another_sign(instance):
            return Daemons(found, deployment, instance, say)
    return Own(Ticks(deployment, found.state, instance), say)


class Own:
    """Sensors that are evaluated in this process; their runs are executed one by one."""

    def __init__(self, ticks: Ticks, say: Callable[[str], None]) -> None:
        self._ticks, self._say = ticks, say
        say("Dagster's daemon does not run here, so its sensors look around in this process now")
        for each in SENSORS:
            self._tick(each)

    def run(self, sensor: str, job: str) -> PastRun:
        """Evaluate `sensor`, and execute the run of `job` that it asks for."""
        wanted = [each for each in self._tick(sensor) if each.job == job]
        if not wanted:
            raise LaunchError(f"the sensor {sensor!r} has asked for no run of {job}")
        self._say(f"The sensor {sensor} asks for {job}: {wanted[0].tags[tags.CAUSE]}")
        return executed(job, wanted[0].tags)

    def _tick(self, sensor: str) -> Sequence[WantedRun]:
        logging.disable()  # what it logs is for the tick's page in the UI
        try:
            return self._ticks.tick(sensor)
        finally:
            logging.disable(logging.NOTSET)


@dataclass
class Daemons:
    """Sensors of a Dagster that runs beside this process, and is only watched."""

    found: Settings
    deployment: Deployment
    instance: Any
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        """Wait for the first ticks: older commits and pull requests are no news."""
        self.say("Dagster runs here: its own sensors, which look every 30 seconds, find everything")
        self._await(
            lambda: all(daemon.has_ticked(self.instance, each) for each in SENSORS),
            f"the sensors {' and '.join(SENSORS)} were not evaluated",
        )
        self._since = datetime.now(UTC)

    def run(self, sensor: str, job: str) -> PastRun:
        """Wait for the run of `job`, and show its log."""
        self._await(lambda: self._newest(job), f"the sensor {sensor!r} has started no {job}")
        run = self._newest(job)
        assert run is not None
        page = self.deployment.run_page(run.id)
        self.say(f"The sensor {sensor} has started {job}: {run.trigger.cause}\n  {page}")
        return self._ended(run)

    def _newest(self, job: str) -> PastRun | None:
        """Return the newest run of `job` since the first ticks."""
        run = Runs(self.instance).newest(Wanted(jobs={job}))
        return run if run is not None and run.created_at >= self._since else None

    def _ended(self, run: PastRun) -> PastRun:
        tail = Tail(run.id, self.found.state, Artifacts.of(self.deployment, self.found.state))
        while True:
            now = Runs(self.instance).by_id(run.id)
            for text in tail.new():
                print(text, end="", flush=True)
            if now.status.has_ended:
                return now
            time.sleep(_POLL_SECONDS)

    def _await(self, there: Callable[[], object], otherwise: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not there():
            if time.monotonic() > until or not daemon.is_alive(self.instance):
                raise LaunchError(
                    f"{otherwise}; look at {self.deployment.dagster_url}/automation, or end "
                    "Dagster and try again: without it, this evaluates the sensors itself"
                )
            time.sleep(_POLL_SECONDS)
