"""Going on from a failure with the oldest dbt that is supported."""

from pathlib import Path

import pytest

from tests.integration.conftest import DEPLOY, Site, make_site
from tests.integration.test_retry import FILES, JOBS, MEND, Done, whole_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, older_dbt: Path) -> Site:
    made = make_site(tmp_path_factory.mktemp("older_retry"), FILES)
    deploy = DEPLOY.replace("target: prod}", 'target: prod, dbt_version: "1.10.*"}')
    assert deploy != DEPLOY
    made.configure(jobs=JOBS, deploy=deploy)
    made.state.root.mkdir()
    (made.state.root / "dbt").symlink_to(older_dbt)
    made.change("create table built (name text)")
    return made


@pytest.fixture(scope="module")
def failed(site: Site) -> Done:
    done = Done(site, site.run("prod__daily"))
    assert done.statuses()[3:] == ["Success", "Error", "Skipped"]
    return done


@pytest.fixture(scope="module")
def narrowed(failed: Done) -> Done:
    """Resumed on the mended commit, for some of the models only."""
    failed.site.push(MEND)
    tags = whole_plan(failed.run_id, retry_select="orders 'mapped'")
    return Done(failed.site, failed.site.run("prod__daily", tags))


@pytest.fixture(scope="module")
def resumed(narrowed: Done, failed: Done) -> Done:
    """Resumed as the UI does it."""
    return Done(failed.site, failed.site.run("prod__daily", retry_of=failed.run_id))


def test_a_retry_is_dbt_retry_of_that_dbt(failed: Done, narrowed: Done):
    assert narrowed.result.success, narrowed.console()
    step = narrowed.site.steps(narrowed.run_id)["05-dbt-build"]
    assert step["name"] == "Invoke dbt with `dbt retry`"
    assert step["dbt_version"].startswith("1.10.")
    assert step["dbt_version"] == failed.site.steps(failed.run_id)["05-dbt-build"]["dbt_version"]


def test_only_what_was_chosen_is_done(narrowed: Done):
    assert set(narrowed.results()) == {"orders", "not_null_orders_id", "mapped"}
    assert {"prod/orders", "prod/mapped", "prod/last"} == {
        *narrowed.site.materialized(narrowed.run_id)
    }


def test_the_options_of_the_command_are_kept(narrowed: Done):
    arguments = narrowed.raw()["args"]
    assert (arguments["full_refresh"], arguments["vars"]) == (True, {"amount": 7})
    assert narrowed.site.query("select amount, afresh from orders") == [(7, True)]


def test_all_that_is_left_is_done_and_nothing_that_was_built(resumed: Done):
    assert resumed.result.success, resumed.console()
    assert set(resumed.results()) == {"orders", "not_null_orders_id", "mapped", "revenue"}
    assert resumed.site.query("select name, count(*) from built group by all order by all") == [
        ("beside", 1),
        ("first", 1),
    ]


def test_state_is_published(resumed: Done):
    artifacts = resumed.site.artifacts
    published = artifacts.published(artifacts.environment("prod"), "state")
    assert published is not None
    assert published.name == resumed.run_id
