"""The variables that a run sets itself, by what has started it and where it runs (VAR-6 to 8)."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    EnvironmentType,
    Hosting,
    HostingKind,
    Job,
    JobType,
    Project,
)
from deploy_project.config.values.variables import RESERVED
from deploy_project.runs.model.run import Run, built_in_variables

COMMIT = "c0ffee" * 6 + "c0ff"
GIT = {"deploy/commit": COMMIT, "deploy/branch": "feature"}
PULL = {**GIT, "deploy/pull_request": "4"}


def run_of(
    state: Path,
    tags: dict[str, str],
    *,
    kind: EnvironmentType = "production",
    job_type: JobType = "scheduled",
    hosting: HostingKind | None = None,
) -> Run:
    where = Hosting(hosting, "https://git.example.com/shop") if hosting else None
    project = Project("shop", 11, "/nowhere", hosting=where)
    job = Job(
        name="main__daily",
        identifier="daily",
        id=17,
        title="Daily",
        environment=Environment("main", 13, project, kind),
        description="",
        job_type=job_type,
        steps=(("build",),),
        commands=("dbt build",),
    )
    deployment = Deployment(Path("/nowhere"), Account(7, "Shop"), {}, {}, {})
    started = dg.DagsterRun(job_name="main__daily", run_id="0" * 11 + "f", tags={**GIT, **tags})
    return Run.of(started, job, deployment, StateDirectory(state))


ALWAYS = {
    "DBT_ENV": "prod",
    "DBT_CLOUD_ENVIRONMENT_NAME": "main",
    "DBT_CLOUD_ENVIRONMENT_TYPE": "prod",
    "DBT_CLOUD_INVOCATION_CONTEXT": "prod",
    "DBT_CLOUD_PROJECT_ID": "11",
    "DBT_CLOUD_JOB_ID": "17",
    "DBT_CLOUD_RUN_ID": "15",
    "DBT_CLOUD_ENVIRONMENT_ID": "13",
    "DBT_CLOUD_ACCOUNT_ID": "7",
}
CATEGORY, REASON = "DBT_CLOUD_RUN_REASON_CATEGORY", "DBT_CLOUD_RUN_REASON"
OF_A_PULL_REQUEST = {"DBT_CLOUD_PR_ID": "4", "DBT_CLOUD_GIT_SHA": COMMIT}
BY_CI = {**PULL, "deploy/trigger": "ci", "deploy/cause": "Pull request 4"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (
            {"dagster/schedule_name": "main__daily_schedule"},
            {CATEGORY: "scheduled", REASON: "Scheduled"},
        ),
        (
            {"deploy/trigger": "ui", "deploy/cause": "Kicked off by me@example.com"},
            {CATEGORY: "other", REASON: "Kicked off by me@example.com"},
        ),
        ({}, {CATEGORY: "other", REASON: "Kicked off from the command line"}),
        (
            {"deploy/trigger": "api", "deploy/cause": "Airflow, task load_orders"},
            {CATEGORY: "other", REASON: "Airflow, task load_orders"},
        ),
        (
            {"deploy/trigger": "api", "deploy/cause": "Nightly load", "deploy/who": "airflow"},
            {CATEGORY: "other", REASON: "Nightly load (airflow)"},
        ),
        (
            {"deploy/trigger": "merge", "deploy/cause": "Merge into main"},
            {CATEGORY: "other", REASON: "Merge into main"},
        ),
        (
            {"deploy/trigger": "job completion", "deploy/cause": "Job hourly has succeeded"},
            {CATEGORY: "other", REASON: "Job hourly has succeeded"},
        ),
        (
            {"dagster/parent_run_id": "the-parent", "dagster/schedule_name": "its schedule"},
            {CATEGORY: "other", REASON: "Rerun of the-parent"},
        ),
        (BY_CI, {CATEGORY: "other", REASON: "Pull request 4", **OF_A_PULL_REQUEST}),
    ],
    ids=[
        *("scheduled", "ui", "command line", "api", "a token", "merge", "job completion", "rerun"),
        "a pull request's run of any job",
    ],
)
def test_what_has_started_a_run(tmp_path: Path, tags: dict[str, str], expected: Any):
    found = built_in_variables(run_of(tmp_path, tags))
    assert found == {**ALWAYS, **expected}
    assert set(found) <= RESERVED


@pytest.mark.parametrize(
    ("hosting", "category"),
    [
        ("github", "github_pull_request"),
        ("gitlab", "gitlab_merge_request"),
        ("gitea", "other"),
        (None, "other"),
    ],
)
def test_a_pull_request(tmp_path: Path, hosting: HostingKind | None, category: str):
    run = run_of(tmp_path, BY_CI, job_type="ci", hosting=hosting)
    expected = {CATEGORY: category, REASON: "Pull request 4", **OF_A_PULL_REQUEST}
    assert built_in_variables(run) == {
        **ALWAYS,
        "DBT_CLOUD_INVOCATION_CONTEXT": "ci",
        **expected,
    }


@pytest.mark.parametrize(
    ("tags", "is_told"),
    [
        (BY_CI, True),
        ({**BY_CI, "dagster/parent_run_id": "p", "dagster/is_resume_retry": "true"}, True),
        ({**PULL, "deploy/trigger": "api", "deploy/cause": "Try it"}, False),
        (PULL, False),
    ],
    ids=["from the hosting site", "its rerun", "api", "by hand"],
)
def test_only_the_hosting_sites_builds_know_their_pull_request(
    tmp_path: Path, tags: dict[str, str], is_told: bool
):
    run = run_of(tmp_path, tags, job_type="ci", hosting="github")
    if tags.get("dagster/parent_run_id"):
        (tmp_path / "work" / run.id).mkdir(parents=True)
        known = f'{{"commit": "{COMMIT}", "branch": "feature", "is_head": false}}'
        (tmp_path / "work" / run.id / "source.json").write_text(known, encoding="utf-8")
    found = built_in_variables(run)
    assert {name: found.get(name) for name in OF_A_PULL_REQUEST} == (
        OF_A_PULL_REQUEST if is_told else dict.fromkeys(OF_A_PULL_REQUEST)
    )


@pytest.mark.parametrize("job_type", ["scheduled", "merge", "other", "ci"])
@pytest.mark.parametrize(
    ("kind", "told", "context"),
    [
        ("production", "prod", "prod"),
        ("staging", "staging", "staging"),
        ("general", "", "prod"),
    ],
)
def test_where_a_run_runs(
    tmp_path: Path, kind: EnvironmentType, told: str, context: str, job_type: JobType
):
    found = built_in_variables(run_of(tmp_path, {}, kind=kind, job_type=job_type))
    assert (found["DBT_CLOUD_ENVIRONMENT_TYPE"], found["DBT_ENV"]) == (told, "prod")
    expected = "ci" if job_type == "ci" else context
    assert found["DBT_CLOUD_INVOCATION_CONTEXT"] == expected
    assert "DBT_CLOUD_GIT_BRANCH" not in found
