"""Which variables dbt sees in a run."""

import itertools
from pathlib import Path

import pytest

from deploy_project.cli.check.configuration import missing_secrets
from deploy_project.config.values.deployment import (
    Account,
    Environment,
    EnvironmentType,
    Job,
    JobType,
    Project,
    Secret,
)
from deploy_project.config.values.variables import RESERVED, built_in, noted_in_artifacts, variables
from tests.support.deployments.configuration_files import Configuration

LEVELS = ("project", "environment", "job")

Values = dict[str, str]


def environment(
    kind: EnvironmentType = "production",
    *,
    project: Values | None = None,
    environment: Values | None = None,
) -> Environment:
    of = Project("shop", 7, "/shop", variables=project or {})
    return Environment("main", 11, of, kind, variables=environment or {})


def job(of: Environment, kind: JobType = "scheduled", *, values: Values | None = None) -> Job:
    return Job(
        name="main__one",
        identifier="one",
        id=21,
        title="One",
        environment=of,
        description="",
        job_type=kind,
        steps=(("build",),),
        commands=("dbt build",),
        variables=values or {},
    )


@pytest.mark.parametrize("given", list(itertools.product([False, True], repeat=3)))
def test_the_most_specific_level_wins(given: tuple[bool, bool, bool]) -> None:
    chosen = [level for level, is_given in zip(LEVELS, given, strict=True) if is_given]
    values = {level: {"DBT_A": level, f"DBT_{level.upper()}": "own"} for level in chosen}
    at = environment(project=values.get("project"), environment=values.get("environment"))
    own = {f"DBT_{level.upper()}": "own" for level in chosen}
    winner = {"DBT_A": chosen[-1]} if chosen else {}
    assert variables(at, job(at, values=values.get("job"))) == winner | own


def test_without_a_job_the_environment_wins() -> None:
    at = environment(project={"DBT_A": "project"}, environment={"DBT_A": "environment"})
    assert variables(at) == {"DBT_A": "environment"}


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_can_not_be_overridden(name: str) -> None:
    given = {name: "mine"}
    at = environment(project=given, environment=given)
    assert variables(at, job(at, values=given)) == {}


ACCOUNT = Account(5, "Acme")
ALWAYS = {
    "DBT_ENV": "prod",
    "DBT_CLOUD_ENVIRONMENT_NAME": "main",
    "DBT_CLOUD_ENVIRONMENT_TYPE": "prod",
    "DBT_CLOUD_INVOCATION_CONTEXT": "prod",
    "DBT_CLOUD_PROJECT_ID": "7",
    "DBT_CLOUD_JOB_ID": "0",
    "DBT_CLOUD_RUN_ID": "31",
    "DBT_CLOUD_ENVIRONMENT_ID": "11",
    "DBT_CLOUD_ACCOUNT_ID": "5",
    "DBT_CLOUD_RUN_REASON_CATEGORY": "scheduled",
    "DBT_CLOUD_RUN_REASON": "Scheduled",
}


def test_built_in_variables_of_a_scheduled_run() -> None:
    at = environment()
    found = built_in(
        account=ACCOUNT,
        environment=at,
        job=job(at),
        run_number=31,
        category="scheduled",
        reason="Scheduled",
        commit="abc",
    )
    assert found == ALWAYS | {"DBT_CLOUD_JOB_ID": "21"}
    assert set(found) <= RESERVED


def test_dbt_notes_the_run_in_its_artifacts() -> None:
    found = noted_in_artifacts(ALWAYS | {"DBT_CLOUD_JOB_ID": "21"})
    noted = {name.removeprefix("DBT_ENV_CUSTOM_ENV_"): value for name, value in found.items()}
    assert (noted["DBT_CLOUD_RUN_ID"], noted["DBT_CLOUD_JOB_ID"]) == ("31", "21")
    assert set(found).isdisjoint(noted)


def test_built_in_variables_without_a_job() -> None:
    found = built_in(
        account=ACCOUNT,
        environment=environment(),
        job=None,
        run_number=31,
        category="scheduled",
        reason="Scheduled",
    )
    assert found == ALWAYS


def test_built_in_variables_of_a_pull_request() -> None:
    at = environment("staging")
    found = built_in(
        account=ACCOUNT,
        environment=at,
        job=job(at, "ci"),
        run_number=31,
        category="github_pull_request",
        reason="Pull request #4",
        pull_request_id=4,
        commit="abc",
    )
    assert found == ALWAYS | {
        "DBT_CLOUD_ENVIRONMENT_TYPE": "staging",
        "DBT_CLOUD_INVOCATION_CONTEXT": "ci",
        "DBT_CLOUD_JOB_ID": "21",
        "DBT_CLOUD_RUN_REASON_CATEGORY": "github_pull_request",
        "DBT_CLOUD_RUN_REASON": "Pull request #4",
        "DBT_CLOUD_PR_ID": "4",
        "DBT_CLOUD_GIT_SHA": "abc",
    }
    assert set(found) <= RESERVED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("production", ("prod", "prod")),
        ("staging", ("staging", "staging")),
        ("general", ("", "prod")),
    ],
)
def test_type_and_context(kind: EnvironmentType, expected: tuple[str, str]) -> None:
    found = built_in(
        account=ACCOUNT,
        environment=environment(kind),
        job=None,
        run_number=1,
        category="other",
        reason="API",
    )
    names = ("DBT_CLOUD_ENVIRONMENT_TYPE", "DBT_CLOUD_INVOCATION_CONTEXT")
    assert tuple(found[name] for name in names) == expected


def test_missing_secrets_are_told_once_with_all_who_want_them(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "present").write_text("hunter2")
    monkeypatch.setenv("PRESENT", "hunter2")
    monkeypatch.delenv("ABSENT", raising=False)
    deployment = configuration.load(
        {
            "deploy.yaml": """
            projects:
              shop:
                repository: /shop
                token: {env: ABSENT}
                variables: {DBT_A: {env: PRESENT}, DBT_B: plain}
            environments:
              production: {variables: {DBT_A: {file: absent}, DBT_B: {file: present}}}
            """,
            "jobs.yml": """
            jobs:
              one:
                environment: production
                custom_environment_variables: [DBT_ENV_SECRET_A: {env: ABSENT}]
            """,
        }
    )
    first, second = missing_secrets(deployment)
    assert first == (
        f"{tmp_path}/deploy.yaml:5: projects.shop.token, {tmp_path}/jobs.yml:5: "
        "jobs.one.custom_environment_variables.DBT_ENV_SECRET_A: environment "
        "variable 'ABSENT' is not set; set it where Dagster's processes start"
    )
    assert second.startswith(
        f"{tmp_path}/deploy.yaml:8: environments.production.variables.DBT_A: "
        f"file '{tmp_path}/absent'"
    )


def test_a_missing_token_of_the_hosting_is_told(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    text = """
    projects:
      shop: {repository: "https://github.com/acme/shop", hosting: {token: {env: ABSENT}}}
    environments: {production: {}}
    """
    assert missing_secrets(configuration.load({"deploy.yaml": text})) == [
        f"{configuration.root}/deploy.yaml:3: projects.shop.hosting.token: "
        "environment variable 'ABSENT' is not set; "
        "set it where Dagster's processes start"
    ]


def test_a_secret_tells_its_place_only() -> None:
    assert str(Secret(env="TOKEN")) == "environment variable 'TOKEN'"
