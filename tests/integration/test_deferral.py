"""Comparing with and deferring to what has run before: two environments in one DuckDB file."""

import json
from dataclasses import dataclass

import dagster as dg
import duckdb
import pytest

from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: staging, target: prod, schema: staging}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
      refresh:
        environment: prod
        execute_steps: [dbt compile]
      changed:
        environment: staging
        deferring_environment: prod
        execute_steps: ["dbt build --select state:modified+"]
      since_nightly:
        environment: staging
        deferring_job: nightly
        execute_steps: ["dbt ls --select state:modified+"]
      checks:
        id: 23
        environment: prod
        job_type: ci
        deferring_environment: prod
        execute_steps: [dbt build --select revenue]
"""


@dataclass(frozen=True)
class Story:
    """Runs of both environments, in this order."""

    site: Site
    too_early: Result
    nightly: Result
    changed: Result
    refresh: Result
    unchanged: Result
    since_nightly: Result
    checks: Result

    def built(self, run: Result) -> list[str]:
        file = self.site.directory(run.run_id, "04-dbt-build") / "target" / "run_results.json"
        return [each["unique_id"] for each in json.loads(file.read_bytes())["results"]]

    def state_of(self, what: str) -> str:
        artifacts = self.site.artifacts
        owner = artifacts.job(what) if "__" in what else artifacts.environment(what)
        found = artifacts.published(owner, "state")
        return found.name if found is not None else ""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("deferral"))
    site.configure(jobs=JOBS, deploy=DEPLOY)
    site.push({}, ref="staging")
    too_early = site.run("staging__changed")
    nightly = site.run("prod__nightly")
    site.push(
        {"models/revenue.sql": "select 2 * sum(amount) as revenue from {{ ref('orders') }}"},
        ref="staging",
    )
    changed = site.run("staging__changed")
    site.push({}, "Merge")
    refresh = site.run("prod__refresh")
    return Story(
        *(site, too_early, nightly, changed, refresh),
        unchanged=site.run("staging__changed"),
        since_nightly=site.run("staging__since_nightly"),
        checks=site.run("prod__checks", {"deploy/pull_request": "7"}),
    )


def test_without_a_successful_run_there_is_nothing_to_defer_to(story: Story):
    assert not story.too_early.success
    console = story.site.console(story.too_early.run_id, "04-dbt-build")
    assert (
        "Nothing to defer to: environment 'prod' has had no successful run yet, and deferral "
        "needs one." in console
    )
    message = story.site.record(story.too_early.run_id)["message"]
    assert "Got a state selector method, but no comparison manifest" in message


def test_only_what_has_changed_is_built_and_the_rest_is_read_from_production(story: Story):
    assert story.changed.success
    assert story.built(story.changed) == ["model.tiny.revenue"]
    assert story.site.query("select revenue from staging.revenue") == [(20,)]
    assert story.site.query(
        "select table_schema from information_schema.tables where table_name = 'orders'"
    ) == [("main",)]
    assert story.site.query("select revenue from main.revenue") == [(10,)]
    console = story.site.console(story.changed.run_id, "04-dbt-build")
    assert f"Deferring to the state of environment 'prod', run {story.nightly.run_id}" in console


def test_any_job_of_an_environment_moves_its_state_but_only_its_own_runs_a_jobs(story: Story):
    assert story.state_of("prod") == story.refresh.run_id
    assert story.state_of("prod__refresh") == story.refresh.run_id
    assert story.state_of("prod__nightly") == story.nightly.run_id
    assert story.state_of("staging") == story.since_nightly.run_id
    assert story.state_of("staging__changed") == story.unchanged.run_id


def test_without_a_change_nothing_is_built_and_the_run_succeeds(story: Story):
    assert story.unchanged.success
    console = story.site.console(story.unchanged.run_id, "04-dbt-build")
    assert f"Deferring to the state of environment 'prod', run {story.refresh.run_id}" in console
    assert "Nothing to do" in console
    assert story.site.materialized(story.unchanged.run_id) == []


def test_a_job_can_be_compared_with_the_last_run_of_one_job(story: Story):
    assert story.since_nightly.success
    console = story.site.console(story.since_nightly.run_id, "04-dbt-ls")
    assert f"Deferring to the state of job 'prod__nightly', run {story.nightly.run_id}" in console
    assert "tiny.revenue" in console
    assert "tiny.orders" not in console


def test_a_pull_request_builds_beside_production_and_leaves_no_trace_there(story: Story):
    assert story.checks.success
    copy = story.site.state.pull_request("prod", 23, 7) / "warehouse.duckdb"
    with duckdb.connect(str(copy), read_only=True) as connection:
        sql = "select revenue from warehouse.dbt_cloud_pr_23_7.revenue"
        assert connection.execute(sql).fetchall() == [(20,)]
    assert story.site.query("select revenue from main.revenue") == [(10,)], "not even refreshed"
    console = story.site.console(story.checks.run_id, "04-dbt-build")
    assert f"Deferring to the state of environment 'prod', run {story.refresh.run_id}" in console
    assert story.site.materialized(story.checks.run_id) == ["prod/ci/checks"], "its own record"
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    assert story.site.events(story.checks.run_id, planned) == []
    assert story.site.checked(story.checks.run_id) == []
