"""Which jobs build an asset and when, as its page says it."""

from dataclasses import replace
from typing import Any

import pytest

from deploy_project.config.values.deployment import (
    AssetParent,
    Completion,
    Deployment,
    Environment,
    Job,
    Off,
)
from deploy_project.orchestration.catalog.built_by import built_by, starts
from deploy_project.releases.questions.selections import Answers, selecting
from tests.support.deployments import jobs

ORDERS, SEED = "model.shop.orders", "seed.shop.raw_orders"
URL = "http://127.0.0.1:3000/locations/deploy_project/jobs"


@pytest.fixture
def production() -> Environment:
    return jobs.job().environment


def named(identifier: str, *commands: str, **settings: Any) -> Job:
    return replace(
        jobs.job(*commands, **settings),
        name=f"prod__{identifier}",
        identifier=identifier,
        title=identifier.title(),
    )


def told(manifest: dict[str, Any], *found: Job, answers: Answers | None = None) -> dict[str, str]:
    deployment = replace(jobs.DEPLOYMENT, jobs={each.name: each for each in found})
    return built_by(deployment, found[0].environment, manifest, answers or {})


def test_a_job_of_everything_builds_everything_and_says_when(manifest):
    daily = named(
        "daily", "dbt build", cron=("0 6 * * *",), timezone="Europe/Berlin", scheduled=True
    )
    found = told(manifest, daily)
    line = f"- [`Daily`]({URL}/prod__daily): every day at 06:00 (Europe/Berlin) (`dbt build`)"
    assert found[ORDERS] == found[SEED] == line
    assert "model.shop.paid" not in found  # no asset, since it is ephemeral
    assert not {*found} & {*manifest["sources"], *manifest["exposures"]}


def test_a_command_builds_what_it_is_for(manifest):
    found = told(manifest, named("seeds", "dbt seed", "dbt test", "dbt docs generate"))
    assert "Seeds" in found[SEED]
    assert found[ORDERS] == "No job builds it. Materialize it by hand, or add it to a job."


def test_what_a_selection_matches_is_what_dbt_has_told(manifest):
    command = "dbt run --select tag:hourly --target prod"
    wanted = selecting(command.split()[1:])
    assert wanted is not None
    hourly = named("hourly", command)
    found = told(manifest, hourly, answers={wanted.key: frozenset({ORDERS, SEED})})
    assert "Hourly" in found[ORDERS]
    assert "No job" in found[SEED]  # `run` builds no seed
    assert "No job" in found["model.shop.stg_orders"]


def test_what_nobody_can_know_before_a_run_is_said(manifest):
    merge = named("merge", "dbt build -s state:modified+", on_merge=True)
    assert (
        "`dbt build -s state:modified+`; depends on what has changed" in told(manifest, merge)[SEED]
    )
    hourly = named("hourly", "dbt build --selector hourly")
    assert "dbt has not told what this selects" in told(manifest, hourly)[SEED]


def test_of_several_commands_the_one_that_is_sure_is_shown(manifest):
    both = named("both", "dbt build -s state:modified+", "dbt run", "dbt build")
    found = told(manifest, both)
    assert found[ORDERS].endswith("(`dbt run`)")
    assert found[SEED].endswith("(`dbt build`)")


def test_pull_requests_build_no_asset(manifest):
    check = replace(named("check", "dbt build"), job_type="ci")
    assert "No job" in told(manifest, check)[ORDERS]


def test_many_jobs_are_counted(manifest):
    many = [named(f"job_{number}", "dbt build") for number in range(12)]
    lines = told(manifest, *many)[ORDERS].splitlines()
    assert len(lines) == 9
    assert lines[-1] == "- and 4 more"


def test_jobs_of_other_environments_are_not_this_ones(manifest, production):
    elsewhere = replace(production, name="staging")
    other = replace(named("other", "dbt build"), environment=elsewhere)
    deployment: Deployment = replace(jobs.DEPLOYMENT, jobs={other.name: other})
    assert "No job" in built_by(deployment, production, manifest, {})[ORDERS]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["by hand"]),
        ({"cron": ("0 6 * * *",)}, ["by hand"]),
        ({"on_merge": True}, ["on each merge into `the default branch`"]),
        (
            {
                "cron": ("0 6 * * *", "5 4 1 2 3"),
                "scheduled": True,
                "completion": Completion((AssetParent(("raw", "orders")),)),
            },
            ["every day at 06:00 (UTC)", "`5 4 1 2 3` (UTC)", "after asset raw/orders"],
        ),
        ({"off": (Off("job", "no"),), "scheduled": True}, ["never, the job is off"]),
    ],
    ids=["by hand", "schedule is off", "merge", "several", "off"],
)
def test_when_a_job_is_started(settings, expected):
    assert list(starts(jobs.job("dbt build", **settings))) == expected
