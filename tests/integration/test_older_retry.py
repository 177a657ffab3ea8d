"""Going on from a failure with the oldest dbt that is supported."""

from pathlib import Path

import pytest

from tests.integration.failing_job import MEND, RetriedRun, failing, narrowed_to, prepared
from tests.support.deployments.site import DEPLOY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory, older_dbt: Path) -> RetriedRun:
    deploy = DEPLOY.replace("target: prod}", 'target: prod, dbt_version: "1.10.*"}')
    assert deploy != DEPLOY
    return failing(prepared(tmp_path_factory.mktemp("older_retry"), deploy, dbt=older_dbt))


@pytest.fixture(scope="module")
def narrowed(failed: RetriedRun) -> RetriedRun:
    """Resumed on the mended commit, for some of the models only."""
    failed.site.push(MEND)
    return narrowed_to(failed.site, failed.run_id, "orders 'mapped'")


@pytest.fixture(scope="module")
def resumed(narrowed: RetriedRun, failed: RetriedRun) -> RetriedRun:
    """Resumed as the UI does it."""
    return RetriedRun(failed.site, failed.site.run("prod__daily", retry_of=failed.run_id))


def test_a_retry_is_dbt_retry_of_that_dbt(failed: RetriedRun, narrowed: RetriedRun):
    assert narrowed.result.success, narrowed.console()
    step = narrowed.site.steps(narrowed.run_id)["05-dbt-build"]
    assert step["name"] == "Invoke dbt with `dbt retry`"
    assert step["dbt_version"].startswith("1.10.")
    assert step["dbt_version"] == failed.site.steps(failed.run_id)["05-dbt-build"]["dbt_version"]


def test_only_what_was_chosen_is_done(narrowed: RetriedRun):
    assert set(narrowed.results()) == {"orders", "not_null_orders_id", "mapped"}
    assert {"prod/orders", "prod/mapped", "prod/last"} == {
        *narrowed.site.materialized(narrowed.run_id)
    }


def test_the_options_of_the_command_are_kept(narrowed: RetriedRun):
    arguments = narrowed.raw()["args"]
    assert (arguments["full_refresh"], arguments["vars"]) == (True, {"amount": 7})
    assert narrowed.site.query("select amount, afresh from orders") == [(7, True)]


def test_all_that_is_left_is_done_and_nothing_that_was_built(resumed: RetriedRun):
    assert resumed.result.success, resumed.console()
    assert set(resumed.results()) == {"orders", "not_null_orders_id", "mapped", "revenue"}
    assert resumed.site.query("select name, count(*) from built group by all order by all") == [
        ("beside", 1),
        ("first", 1),
    ]


def test_state_is_published(resumed: RetriedRun):
    artifacts = resumed.site.artifacts
    published = artifacts.published(artifacts.environment("prod"), "state")
    assert published is not None
    assert published.name == resumed.run_id
