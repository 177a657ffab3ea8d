"""What a pull request changes in the data, on DuckDB."""

from datetime import UTC, datetime

import pytest

from deploy_project.ci.comment.report import comment
from deploy_project.ci.telling.comment_facts import ended
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.outcome.step_files import recorded_steps
from deploy_project.runs.timing.model_timing import timing
from tests.support.comparing import (
    BEFORE,
    JOBS,
    Compared,
    check_counts,
    check_samples,
    run_pull_request,
)
from tests.support.deployments.site import PROJECT, make_site

pytestmark = pytest.mark.slow
DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: main, target: prod, schema: staging}
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    project = {name: text for name, text in PROJECT.items() if not name.startswith("models/")}
    site = make_site(tmp_path_factory.mktemp("compare"), {**project, **BEFORE})
    site.configure(jobs=JOBS, deploy=DEPLOY)
    return run_pull_request(site)


def test_rows_and_columns_are_counted(compared: Compared):
    check_counts(compared)


def test_samples_show_what_has_changed_and_nothing_sensitive(compared: Compared):
    check_samples(compared)


def test_columns_have_the_types_of_the_warehouse(compared: Compared):
    orders = compared.of("orders")
    assert orders["columns_added"] == [["extra", "DECIMAL(2,1)"]]
    assert orders["columns_removed"] == [["dropped", "VARCHAR"]]
    assert orders["columns_retyped"] == [["amount", "INTEGER", "BIGINT"]]


def test_what_is_not_compared_says_why(compared: Compared):
    names = ("brand_new", "gone", "unbuilt", "helper")
    assert [(compared.of(name)["outcome"], compared.of(name)["why"]) for name in names] == [
        ("new", "not in production's project"),
        ("removed", "not in the pull request's project"),
        ("not_built", "this run has not built it"),
        ("not_compared", "ephemeral has no relation"),
    ]


def test_one_model_that_fails_is_told_and_the_run_succeeds(compared: Compared):
    assert compared.run.success
    broken = compared.of("broken")
    assert broken["outcome"] == "failed"
    assert "Could not convert string" in broken["why"]
    step = compared.site.steps(compared.run.run_id)[compared.step]
    assert step["status"] == "Error"
    assert step["message"] == "1 of 10 could not be compared: broken"
    assert ("Compare changes", "Error") in compared.site.statuses(compared.run.run_id)


def test_the_console_says_how_far_it_is_and_what_was_found(compared: Compared):
    said = compared.site.console(compared.run.run_id, compared.step)
    assert "Comparing 1 of 7: warehouse.dbt_cloud_pr_23_7." in said
    assert "Comparing 7 of 7: warehouse.dbt_cloud_pr_23_7." in said
    assert "orders: 5 rows; 1 added, 1 removed, 3 changed" in said
    assert "helper: not compared: ephemeral has no relation" in said
    assert "5 compared, 4 of them differ; 5 not compared" in said


def test_the_step_shows_the_overview(compared: Compared):
    overview = compared.site.steps(compared.run.run_id)[compared.step]["overview"]
    assert "| `orders` | 5 | +1 | −1 | ~3 |" in overview
    assert "<details>" not in overview


def test_nothing_is_made_in_the_warehouse(compared: Compared):
    """The copy holds what production and the pull request have built, and no more."""
    import duckdb

    file = compared.site.state.pull_request("staging", 23, 7) / "warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        sql = "select schema_name from information_schema.schemata where catalog_name = 'warehouse'"
        names = {name for (name,) in connection.execute(sql).fetchall()}
    assert names >= {"main", "dbt_cloud_pr_23_7"}
    assert {name for name in names if name.startswith("d")} == {"dbt_cloud_pr_23_7"}
    assert not (compared.site.directory(compared.run.run_id, compared.step) / "target").exists()


def test_the_comment_has_the_section(compared: Compared):
    site = compared.site
    with site.instance() as instance:
        dagster_run = instance.get_run_by_id(compared.run.run_id)
    assert dagster_run is not None
    run = Run.of(dagster_run, site.deployment.jobs["staging__checks"], site.deployment, site.state)
    now, steps = datetime.now(UTC), recorded_steps(run)
    finished = FinishedRun(run, Status.SUCCESS, None, None, now, now, steps, timing([]))
    told = comment(ended(finished, "a" * 40))
    assert compared.file("compare.md").strip().splitlines()[-1] in told
    assert "| `orders` | 5 | +1 | −1 | ~3 |" in told
