from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Job,
    Off,
    Project,
)
from deploy_project.orchestration.jobs.steps import deployment_job
from deploy_project.runs.model.streak import fingerprint

PROJECT = Project(name="shop", id=1, repository="/nowhere")
PROD = Environment(name="prod", id=2, project=PROJECT, type="production", target="production")
STATE = StateDirectory(Path("/nowhere"))


def job(identifier: str, *commands: str, **settings: Any) -> Job:
    return Job(
        name=f"prod__{identifier}",
        identifier=identifier,
        id=3,
        title=identifier.title(),
        environment=PROD,
        description="",
        job_type="scheduled",
        steps=tuple(tuple(command.split()[1:]) for command in commands),
        commands=commands,
        **settings,
    )


def made(*jobs: Job) -> dg.RepositoryDefinition:
    """The jobs as the server loads them."""
    deployment = Deployment(
        source=Path("/nowhere/deploy.yaml"),
        account=Account(1, "Shop"),
        projects={"shop": PROJECT},
        environments={"prod": PROD},
        jobs={each.name: each for each in jobs},
    )
    definitions = dg.Definitions(
        jobs=[deployment_job(each, deployment, STATE, ()) for each in jobs]
    )
    return definitions.get_repository_def()


DAILY = job(
    "daily", "dbt run", "dbt test", "dbt run", run_generate_sources=True, generate_docs=True
)


def test_the_steps_of_a_run_are_the_ops_of_its_job_in_order():
    found = made(DAILY).get_job("prod__daily")
    assert [node.name for node in found.nodes_in_topological_order] == [
        *("clone_git_repository", "create_profile", "dbt_deps", "source_freshness"),
        *("dbt_run", "dbt_test", "dbt_run_2", "generate_docs"),
    ]
    names = [node.name for node in found.nodes_in_topological_order]
    structure = found.dependency_structure
    before = [
        [output.node_name for outputs in above.values() for output in outputs]
        for above in map(structure.input_to_upstream_outputs_for_node, names)
    ]
    assert before == [[], *([name] for name in names[:-1])]


def test_an_op_says_which_command_it_is():
    found = made(DAILY).get_job("prod__daily")
    described = {node.name: node.definition.description for node in found.nodes}
    assert described["create_profile"] == "Create profile from connection production"
    assert described["dbt_test"] == "Invoke dbt with `dbt test`"
    kinds = {node.name: node.definition.tags["kind"] for node in found.nodes}
    assert (kinds["clone_git_repository"], kinds["create_profile"]) == ("git", "yaml")
    assert kinds["dbt_run_2"] == "dbt"


def test_jobs_with_the_same_commands_live_in_one_code_location():
    repository = made(DAILY, job("weekly", "dbt run", "dbt test"), job("other_one", "dbt run"))
    assert {each.name for each in repository.get_all_jobs()} == {
        *("prod__daily", "prod__weekly", "prod__other_one")
    }


def test_a_job_shows_its_title_its_commands_and_where_it_queues():
    limited = replace(DAILY, environment=replace(PROD, concurrency=1), title="Daily build")
    found = made(limited).get_job("prod__daily")
    assert found.description == "Daily build"
    assert found.metadata["name"] == dg.TextMetadataValue("Daily build")
    assert found.metadata["commands"].value == "- `dbt run`\n- `dbt test`\n- `dbt run`"
    assert found.tags == {
        ".dagster/deploy_job": "prod__daily",
        ".dagster/deploy_job_id": "3",
        ".dagster/deploy_environment": "prod",
        ".dagster/deploy_project": "shop",
        ".dagster/deploy_definition": fingerprint(limited),
        ".dagster/deploy_queue": "prod__daily",
        ".dagster/deploy_limit_1": "prod",
    }


def test_a_job_shows_what_of_it_is_off():
    deferral, trigger = Off("deferral", "jobs.daily.x: is wrong"), Off("trigger", "as well")
    found = made(replace(DAILY, off=(deferral, trigger))).get_job("prod__daily")
    assert found.description == (
        "Daily\n\n**The deferral is off: jobs.daily.x: is wrong**"
        "\n\n**The completion trigger is off: as well**"
    )
    assert found.metadata["off"].value == (
        "The deferral is off: jobs.daily.x: is wrong\n\nThe completion trigger is off: as well"
    )
    assert "off" not in made(DAILY).get_job("prod__daily").metadata


def test_every_step_can_be_planned_alone():
    """A retry from failure plans only some of the steps."""
    found = made(DAILY).get_job("prod__daily")
    subset = found.get_subset(op_selection=["dbt_test", "dbt_run_2"])
    assert [node.name for node in subset.nodes_in_topological_order] == ["dbt_test", "dbt_run_2"]
