from pathlib import Path

import pytest

from deploy_project.config.values.deployment import Account, Deployment, Environment, Job, Project
from deploy_project.config.values.named import named_environments, named_job
from deploy_project.errors import ConfigError

SHOP = Project(name="shop", id=1, repository="/shop.git")
PRODUCTION = Environment(name="production", id=1, project=SHOP, type="production")
STAGING = Environment(name="staging", id=2, project=SHOP, type="staging")


def job(environment: Environment, identifier: str) -> Job:
    return Job(
        name=f"{environment.name}__{identifier}",
        identifier=identifier,
        id=1,
        title=identifier,
        environment=environment,
        description="",
        job_type="scheduled",
        steps=(("build",),),
        commands=("dbt build",),
    )


JOBS = [job(PRODUCTION, "daily"), job(PRODUCTION, "hourly"), job(STAGING, "hourly")]
DEPLOYMENT = Deployment(
    source=Path("/deploy.yaml"),
    account=Account(1, "shop"),
    projects={"shop": SHOP},
    environments={"production": PRODUCTION, "staging": STAGING},
    jobs={each.name: each for each in JOBS},
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("production__daily", "production__daily"),
        ("daily", "production__daily"),
        ("staging__hourly", "staging__hourly"),
    ],
)
def test_a_job_is_known_by_its_name_or_by_its_identifier(name: str, expected: str):
    assert named_job(DEPLOYMENT, name).name == expected


def test_an_identifier_of_several_jobs_is_refused_with_their_names():
    with pytest.raises(ConfigError, match="write one of production__hourly, staging__hourly"):
        named_job(DEPLOYMENT, "hourly")


@pytest.mark.parametrize(
    ("name", "meant"), [("dayly", "daily"), ("production_daily", "production__daily")]
)
def test_an_unknown_job_is_refused_with_what_was_meant(name: str, meant: str):
    with pytest.raises(ConfigError) as error:
        named_job(DEPLOYMENT, name)
    assert f"there is no job '{name}'; did you mean '{meant}'? known: " in str(error.value)
    assert all(each.name in str(error.value) for each in JOBS)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ["production", "staging"]),
        (["staging"], ["staging"]),
        (["staging", "production", "staging"], ["staging", "production"]),
    ],
)
def test_environments(names: list[str], expected: list[str]):
    assert [each.name for each in named_environments(DEPLOYMENT, names)] == expected


def test_an_unknown_environment_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'producton'; did you mean 'production'\? known: prod"):
        named_environments(DEPLOYMENT, ["staging", "producton"])
