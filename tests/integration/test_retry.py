"""Going on from a failure: what was done is not done again, and what is left is."""

import json
import os
import shutil
import signal
from typing import Any

import pytest

from tests.integration.failing_job import MEND, RetriedRun, failing, narrowed_to, prepared
from tests.support.deployments.site import ENDLESS, PROJECT, Site, make_site
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return prepared(tmp_path_factory.mktemp("retry"))


@pytest.fixture(scope="module")
def failed(site: Site) -> RetriedRun:
    return failing(site)


@pytest.fixture(scope="module")
def on_the_old_commit(failed: RetriedRun) -> RetriedRun:
    """Resumed on the commit that is broken, when the mended one is there already."""
    failed.site.push(MEND)
    return RetriedRun(
        failed.site,
        failed.site.run("prod__daily", {"deploy/same_commit": "true"}, retry_of=failed.run_id),
    )


@pytest.fixture(scope="module")
def narrowed(on_the_old_commit: RetriedRun, failed: RetriedRun) -> RetriedRun:
    """Resumed with all steps planned, for some of the models only."""
    return narrowed_to(failed.site, failed.run_id, "orders 'mapped'")


@pytest.fixture(scope="module")
def resumed(narrowed: RetriedRun, on_the_old_commit: RetriedRun) -> RetriedRun:
    """The retry that has failed, resumed in its turn, as the UI does it."""
    site, parent = narrowed.site, on_the_old_commit.run_id
    return RetriedRun(site, site.run("prod__daily", {"deploy/same_commit": ""}, retry_of=parent))


def test_only_what_has_failed_or_was_skipped_is_done_again(
    failed: RetriedRun, on_the_old_commit: RetriedRun
):
    assert failed.results()["beside"] == "success"
    assert not on_the_old_commit.result.success
    assert on_the_old_commit.results() == {
        "orders": "error",
        "gone": "skipped",
        "revenue": "skipped",
        "not_null_orders_id": "skipped",
    }
    step = on_the_old_commit.site.steps(on_the_old_commit.run_id)["05-dbt-build"]
    assert step["name"] == "Invoke dbt with `dbt retry`"
    assert step["message"].startswith("`dbt retry` failed: 1 error, 3 skipped")
    assert step["counts"] == {"error": 1, "skipped": 3}


def test_a_retry_stays_on_its_commit_when_asked_to(
    failed: RetriedRun, on_the_old_commit: RetriedRun, narrowed: RetriedRun
):
    assert on_the_old_commit.commit == failed.commit
    assert narrowed.commit == narrowed.site.git("rev-parse", "HEAD") != failed.commit


def test_a_run_with_all_steps_planned_leaves_out_what_was_done(
    failed: RetriedRun, narrowed: RetriedRun
):
    assert narrowed.result.success, narrowed.console()
    assert narrowed.site.statuses(narrowed.run_id) == [
        ("Clone git repository", "Success"),
        ("Create profile from connection prod", "Success"),
        ("Invoke dbt with `dbt deps`", "Success"),
        ("Invoke dbt with `dbt run --select first`", "Skipped"),
        ("Invoke dbt with `dbt retry`", "Success"),
        ("Invoke dbt with `dbt run --select last`", "Success"),
    ]
    left_out = narrowed.site.steps(narrowed.run_id)["04-dbt-run"]
    assert left_out["message"] == f"Done by run {failed.run_id}"
    assert f"Done by run {failed.run_id}" in narrowed.console("04-dbt-run")
    record = narrowed.site.record(narrowed.run_id)
    assert record["resumed_run"] == failed.run_id
    assert (record["trigger"], record["status"]) == ("rerun", "Success")


def test_a_retry_can_be_narrowed_to_chosen_models(narrowed: RetriedRun):
    assert set(narrowed.results()) == {"orders", "not_null_orders_id", "mapped"}
    assert "prod/revenue" not in narrowed.site.materialized(narrowed.run_id)
    assert {"prod/orders", "prod/mapped", "prod/last"} == {
        *narrowed.site.materialized(narrowed.run_id)
    }


def test_a_retry_keeps_the_options_of_the_command(narrowed: RetriedRun):
    arguments = narrowed.raw()["args"]
    assert (arguments["full_refresh"], arguments["vars"]) == (True, {"amount": 7})
    assert narrowed.site.query("select amount, afresh from orders") == [(7, True)]


def test_a_retry_can_be_retried(on_the_old_commit: RetriedRun, resumed: RetriedRun):
    assert resumed.result.success, resumed.console()
    assert resumed.statuses() == [*["Skipped"] * 4, "Success", "Success"]
    record = resumed.site.record(resumed.run_id)
    assert record["resumed_run"] == on_the_old_commit.run_id
    assert resumed.commit == resumed.site.git("rev-parse", "HEAD")


def test_what_the_mended_commit_adds_is_built_and_what_it_drops_is_not(resumed: RetriedRun):
    assert set(resumed.results()) == {"orders", "not_null_orders_id", "mapped", "revenue"}
    assert "4 nodes left to do" in resumed.console()


def test_models_that_were_built_are_not_built_again(resumed: RetriedRun):
    assert resumed.site.query("select name, count(*) from built group by all order by all") == [
        ("beside", 1),
        ("first", 1),
    ]


def test_a_retry_that_succeeds_publishes(resumed: RetriedRun):
    artifacts = resumed.site.artifacts
    published = artifacts.published(artifacts.environment("prod"), "state")
    assert published is not None
    assert published.name == resumed.run_id
    manifest = json.loads((published / "manifest.json").read_bytes())
    assert "model.tiny.mapped" in manifest["nodes"]


def test_a_selection_that_leaves_nothing_is_an_error(failed: RetriedRun, resumed: RetriedRun):
    site = failed.site
    done = narrowed_to(site, failed.run_id, "beside")
    assert not done.result.success
    assert site.record(done.run_id)["message"] == (
        f"`--select beside` names nothing that run {failed.run_id} has left to do in this command, "
        "which is: mapped, not_null_orders_id, orders, revenue"
    )


def test_a_command_that_was_killed_runs_whole(failed: RetriedRun, resumed: RetriedRun):
    site = failed.site
    shutil.rmtree(site.directory(failed.run_id, "05-dbt-build"))
    done = RetriedRun(site, site.run("prod__daily", retry_of=failed.run_id))
    assert done.result.success, done.console()
    assert "beside" in done.results()
    assert (
        "`dbt build --exclude first last --full-refresh --vars {amount: 7}` runs whole: run "
        f"{failed.run_id} has left no results of it; it never began, or was killed"
    ) in done.console()


INTERRUPTED = """
    jobs:
      nightly:
        environment: staging
        deferring_environment: prod
        execute_steps: [dbt build --exclude orders]
      base:
        environment: prod
        execute_steps: [dbt run --select orders]
"""
ENVIRONMENTS = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: main, target: prod, schema: staging}
"""


def test_an_interrupted_command_goes_on_where_it_was_and_still_defers(site: Site, tmp_path: Any):
    """The results name only what dbt has finished: `dbt retry` found nothing to do."""
    site = make_site(
        tmp_path,
        {
            **PROJECT,
            "models/after.sql": "select * from {{ ref('endless') }}",
            "models/recorded.sql": "select * from {{ ref('revenue') }}",
        },
    )
    site.configure(jobs=INTERRUPTED, deploy=ENVIRONMENTS)
    site.push({"models/endless.sql": ENDLESS})
    assert site.run("prod__base").success
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "staging__nightly")
    process = site.start(*command)
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        # endless has begun long before, and dbt has kept the result of revenue
        if "START sql view model staging.recorded" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    said.append(process.communicate(timeout=PATIENCE)[0])
    parent = site.run_ids()[0]
    assert site.status(parent) == "CANCELED", "".join(said)

    site.push({"models/endless.sql": "select * from {{ ref('orders') }}"})
    done = RetriedRun(site, site.run("staging__nightly", retry_of=parent))
    assert done.result.success, done.console("04-dbt-build")
    assert set(done.results("04-dbt-build")) - {"recorded"} == {"endless", "after"}
    assert site.query("select amount from staging.after") == [(10,)]
    tables = "select table_schema from information_schema.tables where table_name = 'orders'"
    assert site.query(tables) == [("main",)]
