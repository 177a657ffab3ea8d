"""Runs as dbt Cloud does them: the steps, in their order, and what they leave behind."""

import pytest

from deploy_project.runs.model.tags import run_number
from tests.integration.daily import STEPS, DailyRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daily run")]


def test_the_steps_are_dbt_clouds_and_in_its_order(daily: DailyRun):
    assert daily.result.success, daily.result.output
    steps = daily.site.steps(daily.run_id)
    assert {name: step["name"] for name, step in steps.items()} == STEPS
    assert [step["index"] for step in steps.values()] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {step["status"] for step in steps.values()} == {"Success"}
    assert [step["exit_code"] for step in steps.values()] == [None, None, None, 0, 0, 0, 0, 0]
    assert daily.site.statuses(daily.run_id) == [(name, "Success") for name in STEPS.values()]


def test_a_run_outside_of_the_queue_says_what_is_not_guaranteed(daily: DailyRun):
    first, later = "01-clone-git-repository", "05-dbt-seed"
    assert daily.site.console(daily.run_id, first).splitlines()[1] == (
        "This run was started by hand, in a process of its own, and begins at once: it does not "
        "wait in Dagster's queue for other runs of this job, nor for `concurrency` and "
        "`run_slots`. Nothing is wrong; `deploy-project run` starts one that waits."
    )
    assert "queue" not in daily.site.console(daily.run_id, later)


def test_the_console_has_nothing_after_what_dbt_has_said(daily: DailyRun):
    """DuckDB's extension would list what is left of it when the process of dbt ends."""
    for step in ("05-dbt-seed", "06-dbt-run", "07-dbt-test"):
        _, done, ended = daily.site.console(daily.run_id, step).splitlines()[-3:]
        assert "Done. PASS=" in done
        assert ended.startswith("=== Success")


def test_each_step_leaves_its_logs_and_artifacts(daily: DailyRun):
    site, kept = daily.site, set[str]()
    for step in STEPS:
        directory = site.directory(daily.run_id, step)
        assert STEPS[step] in site.console(daily.run_id, step).splitlines()[0]
        kept |= {str(file.relative_to(directory.parent)) for file in directory.rglob("*")}
    for step in ("04-source-freshness", "05-dbt-seed", "06-dbt-run", "07-dbt-test"):
        log = (site.directory(daily.run_id, step) / "dbt.log").read_text(encoding="utf-8")
        assert "[debug]" in log, "the debug log has what the console has not"
        assert f"{step}/target/manifest.json" in kept
    assert {
        "04-source-freshness/target/sources.json",
        "05-dbt-seed/target/run_results.json",
        "06-dbt-run/target/run_results.json",
        "06-dbt-run/target/compiled/shop/models/revenue.sql",
        "06-dbt-run/target/run/shop/models/revenue.sql",
        "07-dbt-test/target/run_results.json",
        "07-dbt-test/target/compiled/shop/tests/orders_are_positive.sql",
        "08-generate-docs/target/catalog.json",
        "08-generate-docs/target/index.html",
    } <= kept
    assert not [file for file in kept if file.endswith("partial_parse.msgpack")]
    assert len(daily.json("05-dbt-seed", "run_results.json")["results"]) == 1
    assert len(daily.json("06-dbt-run", "run_results.json")["results"]) == 3
    assert list(site.state.all_work.iterdir()) == [], "the scratch space is reclaimed"


def test_threads_and_target_name_are_the_jobs(daily: DailyRun):
    console = daily.site.console(daily.run_id, "06-dbt-run")
    assert "Concurrency: 3 threads (target='live')" in console
    assert daily.site.record(daily.run_id)["target"] == "live"


def test_models_see_dbt_clouds_variables_and_the_users_by_level(daily: DailyRun):
    assert dict(daily.site.query("from variables")) == {
        "DBT_V0": "default",
        "DBT_V1": "project",
        "DBT_V2": "environment",
        "DBT_V3": "job",
        "DBT_ENV": "prod",
        "DBT_CLOUD_ENVIRONMENT_NAME": "prod",
        "DBT_CLOUD_ENVIRONMENT_TYPE": "prod",
        "DBT_CLOUD_INVOCATION_CONTEXT": "prod",
        "DBT_CLOUD_PROJECT_ID": "11",
        "DBT_CLOUD_JOB_ID": "17",
        "DBT_CLOUD_RUN_ID": str(run_number(daily.run_id)),
        "DBT_CLOUD_ENVIRONMENT_ID": "13",
        "DBT_CLOUD_ACCOUNT_ID": "7",
        "DBT_CLOUD_RUN_REASON_CATEGORY": "other",
        "DBT_CLOUD_RUN_REASON": "Kicked off from the command line",
        "DBT_CLOUD_PR_ID": "default",
        "DBT_CLOUD_GIT_SHA": "default",
        "target.name": "live",
    }


def test_only_the_first_command_of_a_commit_parses_from_scratch(daily: DailyRun):
    full = [
        step
        for step in STEPS
        if "Starting full parse" in daily.site.console(daily.run_id, step)
        or "Unable to do partial parsing" in daily.site.console(daily.run_id, step)
    ]
    assert full == ["04-source-freshness"]


def test_state_and_docs_are_published(daily: DailyRun):
    artifacts = daily.site.artifacts
    for owner in (artifacts.environment("prod"), artifacts.job("prod__daily")):
        state = artifacts.published(owner, "state")
        assert state is not None
        assert state.name == daily.run_id
        assert {each.name for each in state.iterdir()} == {
            *("manifest.json", "run_results.json", "sources.json")
        }
    docs = artifacts.published(artifacts.environment("prod"), "docs")
    assert docs is not None
    assert {each.name for each in docs.iterdir()} == {"index.html", "manifest.json", "catalog.json"}
    assert daily.site.record(daily.run_id)["docs"] == f"{docs}/index.html"


@pytest.fixture(scope="module")
def next_day(daily: DailyRun) -> DailyRun:
    """A run after a push; it would build the old commit if it reused the clone."""
    changed = "select id, amount + 1 as amount from {{ source('raw', 'payments') }}"
    commit = daily.site.push({"models/orders.sql": changed})
    return DailyRun(daily.site, daily.site.run("prod__hourly"), commit)


def test_every_run_takes_the_code_afresh(daily: DailyRun, next_day: DailyRun):
    site, head = daily.site, daily.site.git("rev-parse", "HEAD")
    assert next_day.result.success
    assert site.record(next_day.run_id)["commit"] == head
    assert head != daily.site.record(daily.run_id)["commit"]
    assert site.query("select sum(amount) from orders") == [(32,)]
    compiled = site.directory(next_day.run_id, "05-dbt-build") / "target/compiled/shop/models"
    assert "amount + 1" in (compiled / "orders.sql").read_text(encoding="utf-8")


def test_a_selector_that_matches_nothing_is_no_failure(next_day: DailyRun):
    step = next_day.site.steps(next_day.run_id)["04-dbt-run"]
    assert (step["status"], step["exit_code"], step["counts"]) == ("Success", 0, {})
    assert "Nothing to do" in next_day.site.console(next_day.run_id, "04-dbt-run")


def test_a_job_without_a_target_name_builds_under_the_environments(next_day: DailyRun):
    console = next_day.site.console(next_day.run_id, "05-dbt-build")
    assert "Concurrency: 2 threads (target='prod')" in console
    assert next_day.site.record(next_day.run_id)["target"] == "prod"


def test_docs_of_a_run_without_docs_stay_those_of_before(daily: DailyRun, next_day: DailyRun):
    artifacts = next_day.site.artifacts
    docs = artifacts.published(artifacts.environment("prod"), "docs")
    state = artifacts.published(artifacts.environment("prod"), "state")
    assert docs is not None
    assert state is not None
    assert (docs.name, state.name) == (daily.run_id, next_day.run_id)
    assert "docs" not in next_day.site.record(next_day.run_id)


def test_a_finished_run_deploys_its_commit_when_it_is_the_head(next_day: DailyRun):
    assert (
        next_day.site.state.deployed("prod")
        .read_text(encoding="utf-8")
        .startswith(next_day.site.git("rev-parse", "HEAD"))
    )
