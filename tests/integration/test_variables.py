"""What dbt sees through `env_var()` (VAR-2 to VAR-8)."""

import itertools
import re
from collections.abc import Mapping

import pytest

from deploy_project.config.values.variables import RESERVED
from deploy_project.runs.model.tags import run_number
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

LEVELS = ("default", "project", "environment", "job")
COMBINATIONS = {
    "DBT_" + "_".join(("M", *given)).upper(): given
    for length in range(len(LEVELS) + 1)
    for given in itertools.combinations(LEVELS, length)
}
SAID = re.compile(r"<<(?P<name>\w+)=(?P<value>.*?)>>")


def call(name: str, *levels: str) -> str:
    return f"env_var('{name}', 'default')" if "default" in levels else f"env_var('{name}')"


def tells(*names: str) -> str:
    return "".join(
        f"{{{{ log('<<{name}=' ~ {call(name, *COMBINATIONS.get(name, ('default',)))} ~ '>>', "
        "info=true) }}"
        for name in names
    )


def variables(level: str) -> str:
    return ", ".join(f"{name}: {level}" for name, given in COMBINATIONS.items() if level in given)


def overrides(indent: int) -> str:
    lines = [f"- {{{name}: {level}}}" for name, given in COMBINATIONS.items() for level in given]
    return f"\n{' ' * indent}".join(line for line in lines if line.endswith(": job}"))


FILES = {
    **PROJECT,
    "macros/tell.sql": f"""
        {{% macro tell() %}}{tells(*sorted(set(COMBINATIONS) - {"DBT_M"}))}{{% endmacro %}}
        {{% macro tell_missing() %}}{{{{ env_var('DBT_M') }}}}{{% endmacro %}}
        {{% macro tell_built_in() %}}{tells(*sorted(RESERVED))}{{% endmacro %}}
    """,
}
DEPLOY = f"""
    account: {{id: 7, name: Shop}}
    projects:
      tiny:
        id: 11
        repository: REMOTE
        hosting: {{kind: gitlab, url: https://git.example.com/shop}}
        variables: {{{variables("project")}, DBT_CLOUD_GIT_BRANCH: mine, DBT_ENV: mine}}
    environments:
      prod:
        id: 13
        type: production
        branch: main
        target: prod
        variables: {{{variables("environment")}, DBT_CLOUD_RUN_REASON: mine}}
      staging: {{id: 14, type: staging, branch: main, target: prod}}
"""
JOBS = f"""
    jobs:
      matrix:
        environment: prod
        execute_steps: [dbt run-operation tell, dbt run-operation tell_missing]
        custom_environment_variables:
          {overrides(10)}
      nightly:
        id: 17
        environment: prod
        execute_steps: [dbt run-operation tell_built_in]
        custom_environment_variables: [{{DBT_CLOUD_PR_ID: 1}}, {{DBT_CLOUD_GIT_SHA: mine}}]
      merged:
        id: 18
        environment: staging
        job_type: merge
        execute_steps: [dbt run-operation tell_built_in]
      pulls:
        id: 19
        environment: staging
        job_type: ci
        execute_steps: [dbt run-operation tell_built_in]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("variables"), FILES)
    made.configure(jobs=JOBS, deploy=DEPLOY)
    return made


def told(site: Site, done: Result, step: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in SAID.finditer(site.console(done.run_id, step))}


def test_the_last_of_the_four_levels_wins(site: Site, monkeypatch: pytest.MonkeyPatch):
    """All sixteen combinations; the shell that has started Dagster is none of the levels."""
    for name in COMBINATIONS:
        monkeypatch.setenv(name, "the shell's")
    done = site.run("prod__matrix")
    expected = {name: given[-1] for name, given in COMBINATIONS.items() if given}
    assert len(expected) == 15
    assert told(site, done, "04-dbt-run-operation") == expected
    assert not done.success
    assert "Env var required but not provided: 'DBT_M'" in site.record(done.run_id)["message"]


ALWAYS = {
    "DBT_ENV": "prod",
    "DBT_CLOUD_ACCOUNT_ID": "7",
    "DBT_CLOUD_PROJECT_ID": "11",
    "DBT_CLOUD_ENVIRONMENT_ID": "14",
    "DBT_CLOUD_ENVIRONMENT_NAME": "staging",
    "DBT_CLOUD_ENVIRONMENT_TYPE": "staging",
    "DBT_CLOUD_INVOCATION_CONTEXT": "staging",
    "DBT_CLOUD_RUN_REASON_CATEGORY": "other",
    "DBT_CLOUD_PR_ID": "default",
    "DBT_CLOUD_GIT_SHA": "default",
    "DBT_CLOUD_GIT_BRANCH": "default",
}


@pytest.mark.parametrize(
    ("job", "tags", "expected"),
    [
        (
            "prod__nightly",
            {"dagster/schedule_name": "prod__nightly_schedule"},
            {
                "DBT_CLOUD_ENVIRONMENT_ID": "13",
                "DBT_CLOUD_ENVIRONMENT_NAME": "prod",
                "DBT_CLOUD_ENVIRONMENT_TYPE": "prod",
                "DBT_CLOUD_INVOCATION_CONTEXT": "prod",
                "DBT_CLOUD_JOB_ID": "17",
                "DBT_CLOUD_RUN_REASON_CATEGORY": "scheduled",
                "DBT_CLOUD_RUN_REASON": "Scheduled",
            },
        ),
        (
            "staging__merged",
            {"deploy/trigger": "merge", "deploy/cause": "Merge of a1b2c3d into main"},
            {
                "DBT_CLOUD_JOB_ID": "18",
                "DBT_CLOUD_RUN_REASON": "Merge of a1b2c3d into main",
            },
        ),
        (
            "staging__pulls",
            {
                "deploy/trigger": "ci",
                "deploy/cause": "Pull request 4",
                "deploy/pull_request": "4",
                "deploy/branch": "feature",
            },
            {
                "DBT_CLOUD_JOB_ID": "19",
                "DBT_CLOUD_INVOCATION_CONTEXT": "ci",
                "DBT_CLOUD_RUN_REASON_CATEGORY": "gitlab_merge_request",
                "DBT_CLOUD_RUN_REASON": "Pull request 4",
                "DBT_CLOUD_PR_ID": "4",
                "DBT_CLOUD_GIT_SHA": "COMMIT",
            },
        ),
    ],
    ids=["scheduled", "merge", "ci"],
)
def test_what_dbt_is_told_about_the_run(
    site: Site, job: str, tags: Mapping[str, str], expected: Mapping[str, str]
):
    commit = site.git("rev-parse", "HEAD")
    done = site.run(job, {**tags, "deploy/commit": commit})
    found = told(site, done, "04-dbt-run-operation")
    assert done.success
    assert found == {
        **ALWAYS,
        "DBT_CLOUD_RUN_ID": str(run_number(done.run_id)),
        **{name: value.replace("COMMIT", commit) for name, value in expected.items()},
    }
