import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.example.shop import Checkout, ShopCommit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first_run(checkout: Checkout) -> tuple[ShopCommit, dict[str, Any], str]:
    """A first run as the daily job does it: what freshness found, and what the build printed."""
    shop = checkout("main")
    shop.dbt("source", "freshness")
    sources = json.loads((shop.target / "sources.json").read_text())
    return shop, sources, shop.dbt("--show-all-deprecations", "build", "--no-partial-parse")


def results(shop: ShopCommit) -> list[dict[str, Any]]:
    return json.loads((shop.target / "run_results.json").read_text())["results"]


def documented(shop: ShopCommit) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield models, seeds and snapshots with the place of each in the warehouse."""
    nodes = json.loads((shop.target / "manifest.json").read_text())["nodes"]
    for node in nodes.values():
        if node["resource_type"] in ("model", "seed", "snapshot"):
            yield f"{node['schema']}.{node['alias']}", node


def test_freshness_on_an_empty_warehouse_passes_and_warns(
    first_run: tuple[ShopCommit, dict[str, Any], str],
):
    _, sources, _ = first_run
    assert {each["unique_id"]: each["status"] for each in sources["results"]} == {
        "source.shop.bank.payments": "warn",
        "source.shop.web_shop.customers": "pass",
        "source.shop.web_shop.order_items": "pass",
        "source.shop.web_shop.orders": "pass",
        "source.shop.web_shop.products": "pass",
    }


def test_the_build_is_all_well_but_one_test_that_warns(
    first_run: tuple[ShopCommit, dict[str, Any], str],
):
    shop, _, printed = first_run
    kinds = Counter(each["unique_id"].split(".")[0] for each in results(shop))
    assert kinds == {
        "model": 14,
        "seed": 3,
        "snapshot": 1,
        "test": 63,
        "unit_test": 2,
        "exposure": 1,
        "operation": 1,
    }
    statuses = Counter(each["status"] for each in results(shop))
    assert statuses == {"success": 19, "pass": 64, "warn": 1, "no-op": 1}
    warned = [each["unique_id"] for each in results(shop) if each["status"] == "warn"]
    assert warned[0].startswith("test.shop.not_null_stg_customers_email")
    assert "eprecat" not in printed


def test_what_is_documented_is_what_is_in_the_warehouse(
    first_run: tuple[ShopCommit, dict[str, Any], str],
):
    shop, _, _ = first_run
    columns = shop.rows(
        "select table_schema || '.' || table_name, column_name, lower(data_type) "
        "from information_schema.columns where table_schema <> 'raw'"
    )
    written = {
        (place, name, column["data_type"])
        for place, node in documented(shop)
        for name, column in node["columns"].items()
        if node["description"] and column["description"]
    }
    assert written == set(columns)


def test_the_first_commit_builds(checkout: Checkout):
    shop = checkout("main~2")
    shop.dbt("build")
    models = [each for each in results(shop) if each["unique_id"].startswith("model.")]
    assert len(models) == 5


def test_the_second_commit_builds_and_the_region_decides_what_is_reported(checkout: Checkout):
    shop = checkout("main~1")
    shop.dbt("build", target="staging", region="Europe")
    query = "select region, count(*) from shop_staging_marts.revenue_by_country group by region"
    assert shop.rows(query, target="staging") == [("Europe", 10)]


def test_an_hourly_run_needs_no_other_run_before_it_and_appends_new_orders(checkout: Checkout):
    shop = checkout("main")
    orders = "select * from shop_dev_marts.orders order by order_id"
    shop.dbt("build", "--select", "tag:hourly", target="dev")
    before = shop.rows(orders, target="dev")
    add(shop.tree / "raw/orders.csv", "81,1,placed,2026-03-06 10:00:00,2026-03-06 10:00:00")
    add(shop.tree / "raw/order_items.csv", "900,81,1,2,890,0")
    # Paid long ago, and the bank says so only now.
    add(shop.tree / "raw/payments.csv", "900,78,card,100000,2026-03-05 10:00:00")
    # One order of long ago that nobody looks at again.
    add(shop.tree / "raw/payments.csv", "901,23,card,100000,2026-01-20 10:00:00")
    shop.dbt("run", "--select", "tag:hourly", target="dev")
    after = shop.rows(orders, target="dev")
    changed = {row[0] for row in set(after) - set(before)}
    assert changed == {78, 81}
    assert len(after) == len(before) + 1


def add(file: Path, line: str) -> None:
    with file.open("a") as stream:
        stream.write(f"{line}\n")
