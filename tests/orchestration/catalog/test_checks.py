from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster_dbt import DagsterDbtTranslator

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.dbt.artifacts.results import SourceResult
from deploy_project.orchestration.catalog.checks import (
    check_specs,
    evaluation,
    freshness_evaluation,
    source_checks,
)
from deploy_project.orchestration.catalog.selection import Selection
from deploy_project.orchestration.nodes.asset_keys import asset_keys
from deploy_project.orchestration.nodes.check_keys import FRESHNESS, check_keys

AGREE = "test.shop.amounts_agree"
SOURCE = "source.shop.raw.orders"
SOURCE_TEST = "test.shop.source_unique_raw_orders_id.56401af608"
RELATED = "test.shop.relationships_orders_customer_id__customer_id__ref_stg_customers_.918495ce16"
ORDERS = dg.AssetKey(["prod", "orders"])
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def specs(manifest: dict[str, Any]) -> dict[str, dg.AssetCheckSpec]:
    return check_specs(
        manifest, assets=asset_keys("prod", manifest), checks=check_keys("prod", manifest)
    )


@pytest.mark.parametrize(
    ("unique_id", "asset", "name"),
    [
        ("test.shop.not_null_orders_order_id.cf6c17daed", "orders", "not_null_orders_order_id"),
        ("test.shop.no_negative_amounts", "stg_orders", "no_negative_amounts"),
        (AGREE, "orders", "amounts_agree"),
        ("unit_test.shop.orders.only_paid_orders", "orders", "only_paid_orders"),
        ("unit_test.shop.customers.names_survive_v2", "customers_v2", "names_survive"),
        (SOURCE_TEST, "raw/orders", "source_unique_raw_orders_id"),
    ],
)
def test_a_test_is_a_check_on_what_it_tests(manifest, unique_id, asset, name):
    expected = dg.AssetCheckKey(dg.AssetKey(["prod", *asset.split("/")]), name)
    assert check_keys("prod", manifest)[unique_id] == expected


def test_keys_are_those_of_dagster_dbt_where_it_has_any(manifest):
    manifest["parent_map"] = {}
    translator = DagsterDbtTranslator()
    names = ("exposures", "metrics", "semantic_models", "saved_queries", "functions")
    manifest |= {name: {} for name in names}
    compared, marked, keys = 0, 0, check_keys("prod", manifest)
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "test" or unique_id == AGREE:
            continue
        key = keys[unique_id]
        unprefixed = dg.AssetKey(key.asset_key.path[1:])
        theirs = translator.get_asset_check_spec(
            dg.AssetSpec(unprefixed), manifest, unique_id, None
        )
        assert theirs is not None
        assert theirs.key.asset_key == unprefixed
        assert key.name.startswith(theirs.key.name)
        marked += key.name != theirs.key.name  # theirs is the same for two tests
        compared += 1
    assert (compared, marked) == (8, 1)


def test_a_test_may_say_itself_what_it_is_about(manifest):
    test = manifest["nodes"][AGREE]
    test["config"]["meta"] = {"dagster": {"ref": {"name": "orders_daily", "package": "shop"}}}
    assert check_keys("prod", manifest)[AGREE].asset_key == dg.AssetKey(["prod", "orders_daily"])
    test["config"]["meta"]["dagster"]["ref"]["name"] = "nothing_it_reads"
    assert AGREE not in check_keys("prod", manifest)


def test_tests_of_ephemeral_or_unknown_models_are_no_checks(manifest):
    test = manifest["nodes"]["test.shop.no_negative_amounts"]
    test["depends_on"]["nodes"] = ["model.shop.paid"]
    assert test["unique_id"] not in check_keys("prod", manifest)
    assert "test.shop.gone" not in check_keys("prod", manifest)


def test_two_tests_of_one_name_are_two_checks(manifest):
    """A package's model of the same name makes dbt run its test on ours: two of one name."""
    keys = check_keys("prod", manifest)
    ours = keys["test.shop.unique_orders_order_id.fed79b3a6e"]
    theirs = keys["test.extras.unique_orders_order_id.fed79b3a6e"]
    assert ours == dg.AssetCheckKey(ORDERS, "unique_orders_order_id")
    assert theirs.asset_key == ORDERS
    assert theirs.name.startswith("unique_orders_order_id_")


def test_a_check_may_not_look_like_an_asset(manifest):
    """A test `daily` of `orders` and the model `orders_daily` are one output name to Dagster."""
    manifest["nodes"][AGREE]["name"] = "daily"
    assert check_keys("prod", manifest)[AGREE].name.startswith("daily_")


def test_specs(manifest):
    found = specs(manifest)
    agree = found[AGREE]
    assert agree.blocking
    assert [dep.asset_key for dep in agree.additional_deps] == [
        dg.AssetKey(["prod", "orders_daily"])
    ]
    assert agree.metadata == {"dbt/unique_id": AGREE, "dbt/severity": "error"}
    warning = found["test.shop.not_null_orders_order_id.cf6c17daed"]
    assert not warning.blocking
    assert warning.metadata["dbt/severity"] == "warn"
    unit_test = found["unit_test.shop.orders.only_paid_orders"]
    assert unit_test.description == "Orders without an amount are left out"
    assert not found[SOURCE_TEST].blocking
    assert found[SOURCE].name == "freshness"


@pytest.mark.parametrize(
    ("unique_id", "expected"),
    [
        ("test.shop.not_null_orders_order_id.cf6c17daed", "`not_null` of column `order_id`."),
        (
            RELATED,
            "`relationships` of column `customer_id`; to: `ref('stg_customers')`; "
            "field: `customer_id`.",
        ),
        (AGREE, "No row may come of the query in `tests/amounts_agree.sql`."),
    ],
)
def test_a_test_without_a_description_is_described(manifest, unique_id, expected):
    assert specs(manifest)[unique_id].description == expected


def test_the_arguments_and_the_condition_of_a_test_are_told(manifest):
    test = manifest["nodes"]["test.shop.not_null_orders_order_id.cf6c17daed"]
    test["test_metadata"] = {
        "name": "accepted_values",
        "namespace": "dbt_utils",
        "kwargs": {"column_name": "status", "arguments": {"values": ["new", "paid|late"]}},
    }
    test["config"]["where"] = "order_id > 0"
    test["column_name"] = None
    assert specs(manifest)[test["unique_id"]].description == (
        "`dbt_utils.accepted_values` of column `status`; values: `new, paid│late`; "
        "where `order_id > 0`."
    )
    unit_test = manifest["unit_tests"]["unit_test.shop.orders.only_paid_orders"]
    unit_test["description"] = ""
    assert specs(manifest)[unit_test["unique_id"]].description == "Unit test of `orders`."


def test_checks_of_sources_run_on_their_own(environment, manifest):
    chosen: list[Selection] = []

    def build(
        context: dg.AssetCheckExecutionContext, selection: Selection
    ) -> Iterable[dg.AssetCheckResult]:
        chosen.append(selection)
        for key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(passed=True, asset_key=key.asset_key, check_name=key.name)

    [checks] = source_checks(environment, manifest=manifest, build=build)
    source = dg.AssetSpec(dg.AssetKey(["prod", "raw", "orders"]))
    loaded = dg.Definitions(assets=[source], asset_checks=[checks])
    job = loaded.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process().success
    freshness = dg.AssetCheckKey(source.key, "freshness")
    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(freshness))
    loaded = dg.Definitions(assets=[source], asset_checks=[checks], jobs=[alone])
    assert loaded.resolve_job_def("alone").execute_in_process().success
    assert chosen == [
        Selection(checks=(SOURCE_TEST,), freshness=(SOURCE,)),
        Selection(freshness=(SOURCE,)),
    ]


def test_without_sources_there_is_nothing_to_check(environment, manifest):
    manifest["sources"] = {}
    assert source_checks(environment, manifest=manifest, build=lambda _context, _chosen: ()) == []


def finished(status: str, failures: int = 0) -> NodeFinished:
    return NodeFinished(
        unique_id=AGREE,
        resource_type="test",
        name="amounts_agree",
        status=status,
        message="Got 3 results" if failures else "",
        materialized="test",
        relation="",
        thread="Thread-1",
        execution_seconds=0.25,
        failures=failures,
        started_at=NOW,
        finished_at=NOW,
        compile_seconds=0.01,
    )


def test_what_a_test_has_found_and_how_can_be_read(manifest):
    key = dg.AssetCheckKey(ORDERS, "amounts_agree")
    rows = dg.MetadataValue.md("| `id` |")
    said = evaluation(key, finished("fail", 3), manifest, sql="select 1", rows=rows)
    assert said.metadata["first_rows"] == rows
    assert said.metadata["compiled_sql"].value == "```sql\nselect 1\n```"
    assert said.metadata["time"].value == "250 ms (10 ms of it compiling)"
    plain = evaluation(key, finished("fail", 3), manifest)
    assert not {"first_rows", "compiled_sql"} & {*plain.metadata}


@pytest.mark.parametrize(
    ("status", "passed", "severity"),
    [
        ("pass", True, dg.AssetCheckSeverity.ERROR),
        ("success", True, dg.AssetCheckSeverity.ERROR),
        ("warn", False, dg.AssetCheckSeverity.WARN),
        ("fail", False, dg.AssetCheckSeverity.ERROR),
        ("error", False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_what_a_test_says(manifest, status, passed, severity):
    key = dg.AssetCheckKey(ORDERS, "amounts_agree")
    said = evaluation(key, finished(status, failures=0 if passed else 3), manifest)
    assert said.asset_check_key == key
    assert said.passed is passed
    assert said.severity == severity
    assert said.description == (None if passed else "Got 3 results")
    assert said.metadata["failures"].value == (0 if passed else 3)
    assert said.metadata["execution_seconds"].value == 0.25
    assert said.metadata["severity"].value == "error"


@pytest.mark.parametrize(
    ("status", "passed", "severity"),
    [
        ("pass", True, dg.AssetCheckSeverity.ERROR),
        ("warn", False, dg.AssetCheckSeverity.WARN),
        ("error", False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_what_freshness_says(status, passed, severity):
    said = freshness_evaluation(
        dg.AssetCheckKey(ORDERS, FRESHNESS),
        SourceResult(
            unique_id=SOURCE,
            status=status,
            max_loaded_at=NOW - timedelta(hours=3),
            snapshotted_at=NOW,
            age_seconds=10800.0,
            warn_after=timedelta(hours=2),
            error_after=timedelta(days=1),
            error="",
        ),
    )
    assert (said.check_name, said.passed, said.severity) == ("freshness", passed, severity)
    assert said.description == (
        "The newest row is 3 h 00 min old; it warns after 2 hours and fails after 1 day."
    )
    values = {name: value.value for name, value in said.metadata.items()}
    assert values == {
        "status": status,
        "max_loaded_at": (NOW - timedelta(hours=3)).timestamp(),
        "age": "3 h 00 min",
        "snapshotted_at": NOW.timestamp(),
        "age_seconds": 10800.0,
        "warn_after": "2 hours",
        "error_after": "1 day",
    }


def test_a_measurement_that_failed_says_why():
    said = freshness_evaluation(
        dg.AssetCheckKey(ORDERS, FRESHNESS),
        SourceResult(
            unique_id=SOURCE,
            status="runtime error",
            max_loaded_at=None,
            snapshotted_at=None,
            age_seconds=None,
            warn_after=timedelta(minutes=90),
            error_after=None,
            error="Table raw_orders does not exist",
        ),
    )
    assert not said.passed
    assert said.severity == dg.AssetCheckSeverity.ERROR
    assert said.description == "Table raw_orders does not exist"
    assert {name: value.value for name, value in said.metadata.items()} == {
        "status": "runtime error",
        "warn_after": "90 minutes",
    }
