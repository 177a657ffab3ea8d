"""Names of ops, whatever people call their environments and jobs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Environment, Job
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions
from deploy_project.orchestration.nodes.op_names import op_of_environment, op_of_job


def job(environment: Environment, identifier: str, number: int, **more: Any) -> Job:
    return Job(
        name=f"{environment.name.replace('-', '_')}__{identifier}",
        identifier=identifier,
        id=number,
        title=identifier,
        environment=environment,
        description="",
        job_type="other",
        steps=(("build",), ("build",)),
        commands=("dbt build", "dbt build"),
        **more,
    )


def test_a_job_may_have_the_name_of_another_ones_step(environment: Environment, tmp_path: Path):
    """Beside a job `daily`, one called `daily__dbt_build` kept the location from loading."""
    names = ["daily", "daily__dbt_build", "daily__dbt_build_", "ci_sweep__sweep", "dbt_assets"]
    jobs = [job(environment, each, number) for number, each in enumerate(names, start=1)]
    jobs[0] = replace(jobs[0], on_pull_request=True)
    deployment = Deployment(
        source=Path("deploy.yaml"),
        account=Account(id=1, name="Shop"),
        projects={environment.project.name: environment.project},
        environments={environment.name: environment},
        jobs={each.name: each for each in jobs},
    )
    found = definitions(deployment, StateDirectory(tmp_path), pointers={}, listeners=LISTENERS)
    dg.Definitions.validate_loadable(found)
    loaded = {each.name: each for each in found.get_repository_def().get_all_jobs()}
    assert {f"prod__{name}" for name in names} <= loaded.keys()
    assert "prod__ci_sweep" in loaded
    assert [node.name for node in loaded["prod__daily"].nodes_in_topological_order][-2:] == [
        "dbt_build",
        "dbt_build_2",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prod", "prod_dbt_assets"),
        ("eu-prod", "eu_prod_dbt_assets"),
        ("prod_", "prod_2_dbt_assets"),
        ("eu__prod", "eu_prod_2_dbt_assets"),
        ("_", "_2_dbt_assets"),
    ],
)
def test_an_op_of_an_environment_is_called_like_no_job(
    environment: Environment, name: str, expected: str
):
    """The op of an environment `prod_` had the name of the job `dbt_assets` of `prod`."""
    assert op_of_environment(replace(environment, name=name), "dbt_assets") == expected
    assert "__" not in expected


def test_the_usual_op_of_a_job():
    assert op_of_job("prod__daily", "dbt_build", jobs={"prod__daily"}) == "prod__daily__dbt_build"
    jobs = {"prod__daily", "prod__daily__dbt_build"}
    assert op_of_job("prod__daily", "dbt_build", jobs=jobs) == "prod__daily__dbt_build_"
