"""Evaluates sensors in this process, as Dagster's daemon does, for machines without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions, deployed_pointers


@dataclass(frozen=True)
class WantedRun:
    """A run that a sensor asks for."""

    job: str
    tags: Mapping[str, str]


@dataclass
class Ticks:
    """The sensors of a deployment, each with the cursor of its last tick."""

    deployment: Deployment
    state: StateDirectory
    instance: dg.DagsterInstance
    _cursors: dict[str, str | None] = field(default_factory=dict[str, str | None], init=False)

    def tick(self, sensor: str) -> Sequence[WantedRun]:
        """Evaluate the sensor called `sensor`, and return the runs that it asks for.

        Raises the sensor's error; its next tick then begins where this one has begun.
        """
        pointers = deployed_pointers(self.deployment, self.state)
        repository = definitions(
            self.deployment, self.state, pointers=pointers, listeners=LISTENERS
        ).get_repository_def()
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursors.get(sensor),
            repository_def=repository,
            sensor_name=sensor,
        )
        done = repository.get_sensor_def(sensor).evaluate_tick(context)
        self._cursors[sensor] = done.cursor
        return [WantedRun(each.job_name or "", each.tags) for each in done.run_requests or ()]
