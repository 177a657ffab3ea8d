"""The example as Dagster shows it: its jobs, steps, triggers and tags, on one page."""

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.orchestration.location import definitions
from deploy_project.runs import tags


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """The example before anything was deployed, loaded as the server loads it."""
    state = StateDirectory(tmp_path_factory.mktemp("state"))
    config = Path(str(resources.files("deploy_project"))) / "example" / "deploy.yaml"
    deployment = load_deployment(config, state=state.root)
    return definitions(deployment, state, pointers={}).get_repository_def()


def outline(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for job in sorted(repository.get_all_jobs(), key=lambda each: each.name):
        if not job.name.startswith("__"):
            yield f"job {job.name}: {job.metadata['name'].value}"
            yield from (
                f"  {key}={value}"
                for key, value in sorted(job.tags.items())
                if key != tags.DEFINITION  # another one wherever the files are
            )
            yield from (
                f"  {number}. {node.name}: {node.definition.description}"
                for number, node in enumerate(job.nodes_in_topological_order, start=1)
            )
    for schedule in sorted(repository.schedule_defs, key=lambda each: each.name):
        yield (
            f"schedule {schedule.name}: {schedule.cron_schedule} {schedule.execution_timezone} "
            f"{schedule.default_status.value} -> {schedule.job_name}"
        )
    for sensor in sorted(repository.sensor_defs, key=lambda each: each.name):
        targets = ", ".join(sorted(target.job_name for target in sensor.targets))
        yield f"sensor {sensor.name}: {sensor.default_status.value} -> {targets}"
    for key in sorted(repository.asset_graph.get_all_asset_keys(), key=str):
        yield f"asset {key.to_user_string()}"


def test_the_outline_of_the_example(
    repository: dg.RepositoryDefinition, golden: Callable[[str, str], None]
):
    golden("example_outline.txt", "\n".join(outline(repository)) + "\n")


def test_the_example_loads_without_the_network_or_dbt(repository: dg.RepositoryDefinition):
    assert repository.asset_graph.get_all_asset_keys() >= {
        dg.AssetKey(["production", "not_deployed_yet"]),
        dg.AssetKey(["staging", "not_deployed_yet"]),
    }
