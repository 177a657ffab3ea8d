"""Runs found by their tags, those of versions before these had other names for them."""

import re
from collections.abc import Iterator

import dagster as dg
import pytest

from deploy_project.runs.model import tags
from deploy_project.runs.reads.dagster_runs import tagged
from tests.support.deployments.dagster_jobs import daily
from tests.support.paths import ROOT

OLD = {"deploy/job": "prod__daily", "deploy/commit": "a" * 40, "deploy/environment": "prod"}
NEW = {
    tags.JOB: "prod__daily",
    tags.ENVIRONMENT: "prod",
    **tags.of_code("a" * 40, "main", of_pull_request=False),
}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def runs(instance: dg.DagsterInstance) -> list[str]:
    """Old ones, one of them again today, a new one, and another job's; the oldest first."""
    failed, done = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
    made = [
        (OLD, failed),
        (OLD, done),
        ({**OLD, **NEW}, done),
        (NEW, failed),
        ({tags.JOB: "prod__other"}, done),
    ]
    return [
        instance.create_run_for_job(daily, tags=each, status=status).run_id for each, status in made
    ]


def test_runs_of_all_versions_are_found_newest_first_and_once(
    instance: dg.DagsterInstance, runs: list[str]
):
    def found(wanted: dict[str, str | list[str]], **more: int | str) -> list[str]:
        records = tagged(instance, wanted, **more)  # pyright: ignore[reportArgumentType]
        return [each.dagster_run.run_id for each in records]

    first, second, again, new, other = runs
    assert found({tags.JOB: "prod__daily"}) == [new, again, second, first]
    assert found({tags.JOB: ["prod__daily", "prod__other"]}, limit=2) == [other, new]
    assert found({tags.JOB: "prod__daily"}, cursor=again, limit=1) == [second]
    assert found({tags.FULL_COMMIT: "a" * 40, tags.ENVIRONMENT: "prod"}) == found(
        {tags.JOB: "prod__daily"}
    )
    assert found({tags.JOB: "prod__nightly"}) == []


def test_only_runs_of_some_statuses_are_found(instance: dg.DagsterInstance, runs: list[str]):
    failed = tagged(instance, {tags.JOB: "prod__daily"}, statuses=[dg.DagsterRunStatus.FAILURE])
    assert [each.dagster_run.run_id for each in failed] == [runs[3], runs[0]]


def test_nobody_else_lists_dagsters_runs():
    """Ten modules asked Dagster for runs, each in its own way."""
    lists = re.compile(r"\.(get_runs|get_run_records|get_run_ids|get_runs_count|count_runs)\(")
    package = ROOT / "deploy_project"
    found = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if lists.search(file.read_text(encoding="utf-8"))
    }
    modules = ("catching_up", "dagster_runs", "read_model")
    assert found == {f"runs/reads/{name}.py" for name in modules}
