from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from deploy_project.config.values.deployment import Environment
from deploy_project.orchestration.catalog.translator import Translator
from deploy_project.orchestration.nodes.asset_keys import asset_key, asset_keys, upstream
from deploy_project.orchestration.nodes.node_facts import (
    group,
    group_name,
    owners,
    table_name,
    tags,
)

ORDERS = "model.shop.orders"


def translator(environment: Environment, manifest: dict[str, Any], **more: Any) -> Translator:
    return Translator(environment, manifest, "c0ffee", **more)


def test_keys_are_those_of_dagster_dbt_below_the_environment(manifest):
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    for node in nodes:
        if node["resource_type"] != "test":
            theirs = DagsterDbtTranslator().get_asset_key(node)
            assert asset_key("prod", node) == theirs.with_prefix("prod")


@pytest.mark.parametrize("configured", ["one", ["two", "parts"], []])
def test_a_key_written_for_dagster_dbt_counts(manifest, configured):
    node = manifest["nodes"][ORDERS]
    node["config"]["meta"] = {"dagster": {"asset_key": configured}}
    theirs = DagsterDbtTranslator().get_asset_key(node)
    assert asset_key("prod", node) == theirs.with_prefix("prod")


@pytest.mark.parametrize("dagster", [None, "nonsense", {"asset_key": 5}, {"asset_key": [1]}])
def test_nonsense_in_meta_does_not_keep_the_location_from_loading(environment, manifest, dagster):
    node = manifest["nodes"][ORDERS]
    node["config"]["meta"] = {"dagster": dagster, "freshness": "soon", "owner": 7}
    node["meta"] = {}
    spec = translator(environment, manifest).spec(ORDERS)
    assert spec.key == dg.AssetKey(["prod", "orders"])
    assert spec.owners == ["finance@example.com"]


def test_names_that_dagster_refuses_are_cleaned(manifest):
    source = {**manifest["sources"]["source.shop.raw.orders"], "name": "All orders (new)!"}
    assert asset_key("prod", source) == dg.AssetKey(["prod", "raw", "All_orders__new__"])


def test_dependencies_are_those_of_dagster_dbt(environment, manifest):
    for section in ("metrics", "semantic_models", "saved_queries", "functions", "macros"):
        manifest[section] = {}
    manifest["child_map"] = manifest["parent_map"] = {}
    manifest["nodes"]["model.shop.orders_daily"]["meta"] = {}  # its group is too much for it
    theirs = {
        spec.key.with_prefix("prod"): {dep.asset_key.with_prefix("prod") for dep in spec.deps}
        for spec in build_dbt_asset_specs(manifest=manifest)
    }
    made = translator(environment, manifest)
    specs = [made.spec(unique_id) for unique_id in made.assets if unique_id in manifest["nodes"]]
    assert {spec.key: {dep.asset_key for dep in spec.deps} for spec in specs} == theirs


def test_a_long_chain_of_ephemeral_models_is_seen_through(manifest):
    """A project with a thousand models in one line once ended in a RecursionError."""
    paid = manifest["nodes"]["model.shop.paid"]
    for number in range(3000):
        parent = f"model.shop.link_{number - 1}" if number else "model.shop.stg_orders"
        link = {**paid, "unique_id": f"model.shop.link_{number}", "name": f"link_{number}"}
        manifest["nodes"][link["unique_id"]] = {**link, "depends_on": {"nodes": [parent]}}
    manifest["nodes"][ORDERS]["depends_on"]["nodes"] = ["model.shop.link_2999"]
    keys = asset_keys("prod", manifest)
    assert upstream(manifest, ORDERS, keys) == ["model.shop.stg_orders"]


def test_ephemeral_and_disabled_nodes_are_no_assets(manifest):
    manifest["nodes"][ORDERS]["config"]["enabled"] = False
    keys = asset_keys("prod", manifest)
    assert "model.shop.paid" not in keys
    assert ORDERS not in keys
    assert "model.extras.orders" in keys


def test_a_source_that_is_a_seeds_table_gets_a_key_of_its_own(environment, manifest):
    """dagster-dbt refuses a project whose seed `raw/orders` feeds the source `raw.orders`."""
    seed = manifest["nodes"]["seed.shop.raw_customers"]
    seed["name"] = "orders"
    keys = asset_keys("prod", manifest)
    assert keys[seed["unique_id"]] == dg.AssetKey(["prod", "raw", "orders"])
    assert keys["source.shop.raw.orders"] == dg.AssetKey(
        ["prod", "source", "shop", "raw", "orders"]
    )
    spec = translator(environment, manifest).spec("model.shop.stg_orders")
    assert [dep.asset_key for dep in spec.deps] == [keys["source.shop.raw.orders"]]


def test_keys_that_look_alike_as_identifiers_are_kept_apart(manifest):
    """`extras/orders` and `extras__orders` are one output name to Dagster, and loading fails."""
    manifest["nodes"][ORDERS]["name"] = "extras__orders"
    keys = asset_keys("prod", manifest)
    assert keys[ORDERS] == dg.AssetKey(["prod", "extras__orders"])
    assert keys["model.extras.orders"] == dg.AssetKey(["prod", "model", "extras", "orders"])


@pytest.mark.parametrize(
    ("unique_id", "expected"),
    [
        (ORDERS, "finance"),
        ("model.shop.customers.v1", "sales"),
        ("model.shop.orders_daily", "Daily_numbers"),
        ("model.shop.stg_orders", "staging"),
        ("seed.shop.raw_orders", "seeds"),
        ("snapshot.shop.orders_history", "snapshots"),
        ("source.shop.raw.orders", "sources"),
        ("exposure.shop.revenue_board", "exposures"),
    ],
)
def test_groups(manifest, unique_id, expected):
    nodes = {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}
    assert group(nodes[unique_id]) == expected


def test_a_versioned_model_without_a_folder_has_the_default_group(manifest):
    """The fqn of `customers.v1` has one part more, and its name was taken for a folder."""
    node = manifest["nodes"]["model.shop.customers.v1"]
    node["config"]["group"] = None
    node["fqn"] = ["shop", "customers", "v1"]
    assert group(node) == "default"


@pytest.mark.parametrize("chosen", ["a/b", "a b/-/c!", "/", "★"])
def test_any_group_is_one_that_dagster_takes(manifest, chosen):
    node = manifest["nodes"][ORDERS]
    node["config"]["group"] = chosen
    dg.AssetSpec("key", group_name=group(node))


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("ana@example.com", ["ana@example.com"]),
        (["ana@example.com", "data"], ["ana@example.com", "team:data"]),
        ("team:bi", ["team:bi"]),
        ({"name": "Data", "email": "data@example.com"}, ["data@example.com"]),
        ("Ana\n<script>alert('x')</script>", ["team:Ana_script_alert_x_script"]),
        ("team:", []),
        ("!!", []),
        ([None, 3, ["nested@example.com"]], ["nested@example.com"]),
    ],
)
def test_owners_are_ones_that_dagster_takes(manifest, owner, expected):
    node = {**manifest["nodes"]["model.shop.stg_orders"], "config": {"meta": {"owner": owner}}}
    assert owners(node, manifest) == expected
    dg.AssetSpec("key", owners=expected)


def test_owners_come_from_everywhere_and_once(manifest):
    node = manifest["nodes"][ORDERS]
    node["config"]["meta"] = {"owner": "finance@example.com", "dagster": {"owners": ["team:bi"]}}
    assert owners(node, manifest) == ["finance@example.com", "team:bi"]
    assert owners(manifest["nodes"]["model.shop.customers.v1"], manifest) == ["team:Sales _script"]
    exposure = manifest["exposures"]["exposure.shop.revenue_board"]
    assert owners(exposure, manifest) == ["ana@example.com"]


def test_tags_that_dagster_refuses_or_reserves_are_left_out(manifest):
    node = manifest["nodes"]["model.shop.stg_orders"]
    assert node["tags"] == ["nightly", "not a valid: tag"]
    assert tags(node) == {"nightly": ""}
    assert tags({"tags": ["dagster/kind/evil", "x" * 64, "team/core"]}) == {"team/core": ""}


def test_tables_are_named_as_the_warehouse_names_them(manifest):
    assert table_name(manifest["nodes"]["model.shop.customers.v1"]) == "memory.main.customers_v1"
    assert table_name(manifest["sources"]["source.shop.raw.orders"]) == "memory.main.raw_orders"
    assert table_name(manifest["exposures"]["exposure.shop.revenue_board"]) is None


def test_everything_about_a_model(environment, manifest):
    made = translator(environment, manifest, docs_url="https://docs.example.com")
    spec = made.spec(ORDERS)
    assert spec.description == "Paid orders"
    assert spec.kinds == {"dbt", "duckdb", "table"}
    assert spec.freshness_policy is not None
    metadata = spec.metadata
    assert metadata["dbt/unique_id"] == ORDERS
    assert metadata["dbt/materialized"] == "table"
    assert metadata["dagster/table_name"] == "memory.main.orders"
    assert metadata["dbt/docs"].url == (
        "https://docs.example.com/docs/prod/#!/model/model.shop.orders"
    )
    [reference] = metadata["dagster/code_references"].code_references
    assert reference.url == (
        "https://github.com/acme/shop/blob/c0ffee/warehouse/models/marts/orders.sql"
    )
    assert [column.name for column in metadata["dagster/column_schema"].columns] == [
        "order_id",
        "customer_id",
        "amount",
    ]


def test_without_hosting_there_is_no_link_but_the_name_of_the_file(environment, manifest):
    """The link led to a file of the server's, which no browser of anybody else opens."""
    project = replace(environment.project, hosting=None)
    made = translator(replace(environment, project=project), manifest)
    metadata = made.spec(ORDERS).metadata
    assert "dagster/code_references" not in metadata
    assert metadata["dbt/file"] == "models/marts/orders.sql"
    assert "dbt/docs" not in metadata


def test_files_of_packages_are_not_in_the_repository(environment, manifest):
    spec = translator(environment, manifest).spec("model.extras.orders")
    assert "dagster/code_references" not in spec.metadata


def test_nonsense_freshness_is_a_note(environment, manifest):
    spec = translator(environment, manifest).spec("model.shop.orders_daily")
    assert spec.freshness_policy is None
    assert "'many'" in spec.metadata["dbt/freshness_note"]


def test_a_source_says_how_it_is_loaded(environment, manifest):
    spec = translator(environment, manifest).spec("source.shop.raw.orders")
    assert spec.kinds == {"dbt", "source", "duckdb"}
    assert spec.metadata["dbt/loader"] == "Fivetran"
    assert spec.metadata["dbt/warn_after"] == "12 hours"
    assert spec.metadata["dbt/error_after"] == "1 day"
    assert translator(environment, manifest).spec("source.shop.raw.customers").description == (
        "Loaded every night"
    )


def test_an_exposure_is_downstream_of_what_it_shows(environment, manifest):
    spec = translator(environment, manifest).spec("exposure.shop.revenue_board")
    assert spec.key == dg.AssetKey(["prod", "exposures", "revenue_board"])
    assert {dep.asset_key.path[-1] for dep in spec.deps} == {
        "orders_daily",
        "stg_orders",
        "customers",
    }
    assert spec.kinds == {"dbt", "exposure"}
    assert spec.metadata["dbt/maturity"] == "high"
    assert spec.metadata["dbt/url"].url == "https://bi.example.com/revenue"


def test_each_environment_has_its_own_groups():
    """Two environments of one project shared the group `marts`, and their assets were mixed."""
    assert group_name("eu-prod", "marts") == "eu_prod/marts"
    dg.AssetSpec("key", group_name=group_name("eu-prod", "marts"))
