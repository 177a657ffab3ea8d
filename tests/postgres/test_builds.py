"""dbt on Postgres: what commands build, and that two environments share one database."""

import json

import pytest

from deploy_project.ci.schemas.ledger import entries
from tests.postgres.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shop on Postgres")]


def test_a_job_with_everything_succeeds(shop: Shop):
    assert shop.first.success, shop.first.output
    assert [status for _, status in shop.site.statuses(shop.first.run_id)] == ["Success"] * 6


def test_seeds_snapshots_and_incremental_models_grow(shop: Shop):
    assert shop.second.success
    assert shop.ask("select code from prod.countries order by code") == [("DE",), ("FR",)]
    assert shop.ask("select id, amount from prod.payments order by id") == [(1, 10), (2, 20)]
    assert shop.ask("select revenue from prod.revenue") == [(30,)]
    history = "select id, amount, dbt_valid_to is null from prod.payments_history order by 1, 2"
    assert shop.ask(history) == [(1, 10, False), (1, 99, True), (2, 20, True)]


def test_staging_builds_only_its_change_and_reads_the_rest_from_production(shop: Shop):
    assert shop.changed.success
    assert shop.ask("select revenue from staging.revenue") == [(60,)]
    assert shop.ask(
        "select table_name from information_schema.tables where table_schema = 'staging'"
    ) == [("revenue",)]
    assert shop.ask("select revenue from prod.revenue") == [(30,)]
    console = shop.site.console(shop.changed.run_id, "04-dbt-build")
    assert f"Deferring to the state of environment 'prod', run {shop.second.run_id}" in console


def test_a_pull_request_builds_its_change_in_a_schema_of_its_own(shop: Shop):
    assert shop.checks.success, shop.site.console(shop.checks.run_id, "04-dbt-build")
    assert shop.ask("select revenue from dbt_cloud_pr_23_7.revenue") == [(60,)]
    assert shop.ask(
        "select table_name from information_schema.tables where table_schema like 'dbt_cloud_pr_%'"
    ) == [("revenue",)]
    (found,) = entries(shop.site.artifacts)
    assert found.entry.schemas == {("shop", "dbt_cloud_pr_23_7")}


def test_the_docs_hold_what_the_database_says(shop: Shop):
    site = shop.site
    docs = site.artifacts.published(site.artifacts.environment("prod"), "docs")
    assert docs is not None
    catalog = json.loads((docs / "catalog.json").read_text(encoding="utf-8"))
    columns = catalog["nodes"]["model.shop.payments"]["columns"]
    assert {name: each["type"] for name, each in columns.items()} == {
        "id": "integer",
        "amount": "integer",
    }
