"""Measures the CPU time of a deployment's sensors while there is nothing to do."""

from collections.abc import Iterator

import dagster as dg

from bench.deployments import Deployed
from bench.events import instance_of
from bench.measure import cpu_so_far
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions, deployed_pointers
from deploy_project.orchestration.triggers import pace


def ticks(deployed: Deployed, *, times: int) -> Iterator[tuple[str, list[float]]]:
    """Yield each sensor with the CPU seconds of its ticks, git's among them.

    They are evaluated in this process, with definitions that are loaded once, as the code server
    has them, and on the storage that is shipped.
    """
    pace.ASKING_SECONDS = 0  # a code server asks in every third tick only
    state = StateDirectory(deployed.root / "state")
    deployment = load_deployment(deployed.root / "deploy.yaml", state=state.root)

    def loaded() -> dg.RepositoryDefinition:
        found = deployed_pointers(deployment, state)
        return definitions(
            deployment, state, pointers=found, listeners=LISTENERS
        ).get_repository_def()

    repository = loaded()
    with instance_of(deployed) as instance:
        for name in [each.name for each in repository.sensor_defs]:
            cursor, spent = None, list[float]()
            for number in range(times + 2):
                if number == 1:  # the first tick has deployed, and would have had us loaded again
                    repository = loaded()
                sensor = repository.get_sensor_def(name)
                before = cpu_so_far()
                context = dg.build_sensor_context(instance, cursor, repository_def=repository)
                done = sensor.evaluate_tick(context)
                cursor = done.cursor or cursor
                if number >= 2:
                    spent.append(cpu_so_far() - before)
                    if done.run_requests:
                        raise SystemExit(f"{name} had something to do: a bench bug")
            yield name, spent
