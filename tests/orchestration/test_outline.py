"""The example as Dagster shows it: its jobs, steps, triggers and tags, on one page."""

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions
from deploy_project.runs.model import tags


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dg.RepositoryDefinition]:
    """Loads the example before anything was deployed."""
    state = StateDirectory(tmp_path_factory.mktemp("state"))
    config = Path(str(resources.files("deploy_project"))) / "example" / "deploy.yaml"
    deployment = load_deployment(config, state=state.root)

    def loaded(only: str | None = None) -> dg.RepositoryDefinition:
        return definitions(
            deployment, state, pointers={}, listeners=LISTENERS, only=only
        ).get_repository_def()

    return loaded


@pytest.fixture(scope="module")
def repository(load: Callable[..., dg.RepositoryDefinition]) -> dg.RepositoryDefinition:
    """The example as the server loads it."""
    return load()


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


@pytest.mark.parametrize(
    ("only", "has_models"),
    [("production__daily", False), (None, True), ("__ASSET_JOB", True), ("no_such_job", True)],
)
def test_the_process_of_a_job_loads_no_models(
    load: Callable[..., dg.RepositoryDefinition],
    repository: dg.RepositoryDefinition,
    only: str | None,
    has_models: bool,
):
    found = load(only)
    assert found.has_job("production__daily")
    assert {job.name for job in found.get_all_jobs()} >= {
        job.name for job in repository.get_all_jobs() if not job.name.startswith("__")
    }
    of_models = dg.AssetKey(["production", "not_deployed_yet"])
    assert (of_models in found.asset_graph.get_all_asset_keys()) is has_models
