import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment, Job, Project
from deploy_project.errors import ConfigError
from deploy_project.runs.model.run import Run, begun_at, seconds_left
from deploy_project.runs.steps.perform import timed_out
from tests.support.deployments.jobs import DEPLOYMENT

PROJECT = Project(name="shop", id=1, repository="/nowhere")
PROD = Environment(name="prod", id=2, project=PROJECT, type="production")


def run_of(job_type: Any = "scheduled", **dagster_run: Any) -> Run:
    job = Job(
        name="prod__daily",
        identifier="daily",
        id=17,
        title="Daily",
        environment=PROD,
        description="",
        job_type=job_type,
        steps=(("build",),),
        commands=("dbt build",),
    )
    return Run.of(
        dg.DagsterRun(job_name="prod__daily", **dagster_run),
        *(job, DEPLOYMENT, StateDirectory(Path("/nowhere"))),
    )


FIXED = {"deploy/commit": "abc", "deploy/branch": "main"}


@pytest.mark.parametrize(
    ("dagster_run", "commit", "branch", "category"),
    [
        ({}, None, None, "api"),
        ({"tags": {**FIXED, "deploy/trigger": "merge"}}, "abc", "main", "merge"),
        ({"tags": {**FIXED, "dagster/parent_run_id": "p"}}, None, None, "rerun"),
        ({"tags": FIXED, "parent_run_id": "p", "root_run_id": "p"}, None, None, "rerun"),
        (
            {
                "tags": {**FIXED, "dagster/parent_run_id": "p"},
                "step_keys_to_execute": ["dbt_test"],
            },
            *(None, None, "rerun"),
        ),
        (
            {
                "tags": {
                    **FIXED,
                    "dagster/parent_run_id": "p",
                    "deploy/same_commit": "true",
                }
            },
            *("abc", "main", "rerun"),
        ),
        (
            {
                "job_type": "ci",
                "tags": {**FIXED, "dagster/parent_run_id": "p", "deploy/pull_request": "7"},
            },
            *("abc", "main", "rerun"),
        ),
    ],
    ids=[
        *("by hand", "a fixed commit", "repeated", "repeated on the command line"),
        *("resumed from its failure", "on the same commit", "a pull request's"),
    ],
)
def test_which_code_a_run_is_asked_to_take(
    dagster_run: dict[str, Any], commit: str | None, branch: str | None, category: str
):
    run = run_of(**dagster_run)
    assert (run.commit, run.branch, run.trigger.category) == (commit, branch, category)


def test_a_run_knows_whose_end_has_started_it():
    assert run_of(tags={"deploy/upstream_run": "r1"}).upstream_run == "r1"
    assert run_of().upstream_run is None


def test_a_pull_request_has_a_schema_of_its_own():
    assert run_of().schema_override is None
    assert run_of("ci", tags={"deploy/pull_request": "7"}).schema_override == "dbt_cloud_pr_17_7"
    other = run_of(tags={"deploy/pull_request": "7"})
    assert other.schema_override == "dbt_cloud_pr_17_7", "a job may have other triggers, too"
    assert other.why_unpublished == "it is a pull request's"


def test_a_run_may_ask_for_another_schema():
    run = run_of(tags={"deploy/schema_override": "trial"})
    assert (run.schema_override, bool(run.why_unpublished)) == ("trial", True)
    again = run_of(tags={"deploy/schema_override": "trial", "dagster/parent_run_id": "p"})
    assert again.schema_override == "trial", "a retry must not go to production"
    assert run_of().why_unpublished == ""


def test_a_pull_requests_schema_wins():
    tags = {"deploy/pull_request": "7", "deploy/schema_override": "trial"}
    run = run_of("ci", tags=tags)
    assert run.schema_override == "dbt_cloud_pr_17_7"
    assert run.why_unpublished == "it is a pull request's"


@pytest.mark.parametrize("schema", ["", "a; drop schema main", "main--"])
def test_a_schema_that_is_none_is_refused_and_never_production(schema: str):
    run = run_of(tags={"deploy/schema_override": schema})
    assert run.why_unpublished == "it builds into another schema"
    with pytest.raises(ConfigError, match="is no name for a schema to build into"):
        _ = run.schema_override


@pytest.mark.parametrize(
    "number",
    [None, "", "seven", "-7", "７", "7" * 5000],
    ids=["none", "empty", "a word", "negative", "not ASCII", "longer than Python reads"],
)
def test_without_a_number_a_pull_request_has_no_schema(number: str | None):
    tags = {} if number is None else {"deploy/pull_request": number}
    with pytest.raises(ConfigError, match="'deploy/pull_request' set to the pull request's number"):
        _ = run_of("ci", tags=tags).schema_override


@pytest.mark.parametrize(
    ("limit", "spoken"),
    [(1, "1 second"), (90, "90 seconds"), (600, "10 minutes"), (3600, "1 hour"), (86400, "1 day")],
)
def test_the_message_of_a_timeout_is_dbt_clouds(limit: int, spoken: str):
    assert timed_out(limit) == (
        f"This run timed out after running for {spoken}, "
        f"which exceeded the configured timeout of {limit} seconds."
    )


def limited(tmp_path: Path, seconds: int) -> Run:
    run = run_of(run_id="00000000-0000-0000-0000-000000000001")
    return replace(
        run, state=StateDirectory(tmp_path), job=replace(run.job, timeout_seconds=seconds)
    )


def test_a_run_without_a_timeout_may_take_for_ever(tmp_path: Path):
    assert seconds_left(limited(tmp_path, 0)) is None


@pytest.mark.parametrize("jump", [timedelta(hours=-2), timedelta(days=1)])
def test_a_clock_that_is_set_neither_ends_a_run_nor_prolongs_it(tmp_path: Path, jump: timedelta):
    run = limited(tmp_path, 3600)
    first = seconds_left(run)
    assert first is not None
    assert 0 < first <= 3600
    as_if_it_had_begun = (begun_at(run) - jump).timestamp()
    os.utime(run.work / "begun", (as_if_it_had_begun, as_if_it_had_begun))
    later = seconds_left(run)
    assert later is not None
    assert 0 < later <= first


def test_a_run_that_began_by_a_clock_ahead_of_ours_has_no_more_than_its_limit(tmp_path: Path):
    """The time of a file may also be a moment ahead of the clock of the same machine."""
    run = limited(tmp_path, 3600)
    ahead = begun_at(run).timestamp() + 600
    os.utime(run.work / "begun", (ahead, ahead))
    left = seconds_left(run)
    assert left is not None
    assert 3500 < left <= 3600


def test_a_run_that_goes_on_in_another_process_has_what_is_left(tmp_path: Path):
    run = limited(tmp_path, 3600)
    earlier = begun_at(run).timestamp() - 3000
    os.utime(run.work / "begun", (earlier, earlier))
    left = seconds_left(run)
    assert left is not None
    assert left <= 600
