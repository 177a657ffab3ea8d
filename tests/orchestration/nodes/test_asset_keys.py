"""Names in Dagster for whatever people call the nodes of their projects."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.values.deployment import Environment
from deploy_project.orchestration.catalog.assets import environment_assets
from deploy_project.orchestration.catalog.checks import source_checks
from deploy_project.orchestration.nodes.asset_keys import asset_key, asset_keys, renamed_assets
from deploy_project.orchestration.nodes.check_keys import check_keys, renamed_checks

AGREE = "test.shop.amounts_agree"
ORDERS = "model.shop.orders"
SEED = "seed.shop.raw_orders"
SOURCE = "source.shop.raw.orders"

NAMES = [
    *("売上", "顧客", "商品"),  # two letters each, none of them ASCII
    *("über", "u\u0308ber", "ueber", "u_ber", "__ber"),  # one word, composed and decomposed
    *("a-b", "a.b", "a b", "a_b", "a/b", "a+b", "a__b", "a--b", "a._b"),
    *("Orders_", "ORDERS_", "orders_", "oRDERS_"),
    *("٣", "३", "3", "３"),  # the digit three, four times
    *("\u200b", "\u200c", "\u202e", "\ufeff"),  # not to be seen
    *("🙂", "🙃", "👩‍👩‍👧", "👩"),
    *("x" * 255, "x" * 254 + "y", "ß" * 255, "ß" * 254 + "ẞ"),
    *("select", "class", "context", "type"),
    *("extras__thing", "orders_v2", "not_shown", "'", '"', "\\", "%", "\n", "\0", "\ud800"),
    *("__AlreadyMarked__", "_", "__", "___", "____"),
]
"""Pairwise different, and alike in one way or another."""

META: list[object] = [
    None,
    5,
    "text",
    [],
    [""],
    ["", ""],
    [1, 2],
    ["a", None],
    {"a": 1},
    True,
    "same",
    ["same"],
    ["same", "same"],
    "same__same",
    ["dots.and", "dashes-and"],
    ["Größe"],
    ["Grüße"],
    ["p"] * 500,
    "k" * 5000,
    ["orders"],
    ["jobs", "daily"],
]
"""Values of `meta.dagster.asset_key`."""


def added(manifest: dict[str, Any], like: str, name: str, **more: Any) -> str:
    """Add a node with a name of its own that is otherwise like another one."""
    section = "sources" if like.startswith("source.") else "nodes"
    kind, package = like.split(".")[:2]
    prefix = "raw." if section == "sources" else ""
    unique_id = f"{kind}.{package}.{prefix}{name}"
    node = deepcopy(manifest[section][like])
    fqn = [*node["fqn"][:-1], name]
    node |= {"unique_id": unique_id, "name": name, "alias": name, "fqn": fqn, **more}
    manifest[section][unique_id] = node
    return unique_id


def loaded(
    environment: Environment, manifest: dict[str, Any], **more: Any
) -> tuple[dg.Definitions, list[str]]:
    """Return the definitions as the location has them, loaded, and what is told of them."""
    told: list[str] = []
    assets = environment_assets(
        environment,
        manifest=manifest,
        commit="c0ffee",
        docs_url="https://docs.example.com",
        catalog=None,
        build=lambda _context, _selection: (),
        tell=told.append,
        **more,
    )
    checks = source_checks(
        environment,
        manifest=manifest,
        build=lambda _context, _chosen: (),
        tell=told.append,
        **more,
    )
    found = dg.Definitions(assets=assets, asset_checks=checks)
    dg.Definitions.validate_loadable(found)
    assert found.get_repository_def().get_all_jobs()
    return found, told


def shown(found: dg.Definitions) -> dict[str, dg.AssetKey]:
    """Return the keys of the assets that are shown, by dbt's unique id."""
    graph = found.resolve_asset_graph()
    return {
        graph.get(key).metadata["dbt/unique_id"]: key
        for key in graph.get_all_asset_keys()
        if "dbt/unique_id" in graph.get(key).metadata
    }


def forms(keys: Mapping[str, dg.AssetKey]) -> list[str]:
    return [key.to_python_identifier() for key in keys.values()]


def test_any_two_nodes_have_names_of_their_own(environment, manifest):
    """Three models of two letters, none of them ASCII, had one key: the location did not load."""
    for name in NAMES:
        for like in (ORDERS, "model.extras.orders", SEED, "snapshot.shop.orders_history", SOURCE):
            added(manifest, like, name)
        added(manifest, AGREE, name)
        added(manifest, "test.shop.no_negative_amounts", name)
    for number, written in enumerate(META):
        config = {"meta": {"dagster": {"asset_key": written}}, "materialized": "table"}
        added(manifest, ORDERS, f"configured_{number}", config=config)
        added(manifest, "model.extras.orders", f"configured_{number}", config=config)
    keys = asset_keys("prod", manifest)
    checks = check_keys("prod", manifest, keys)
    assert len(set(forms(keys))) == len(keys) > 5 * len(NAMES)
    outputs = {f"{key.asset_key.to_python_identifier()}_{key.name}" for key in checks.values()}
    assert len({*outputs, *forms(keys)}) == len(checks) + len(keys)
    assert max(len(key.to_string()) for key in keys.values()) < 1500
    assert max(len(key.name) for key in checks.values()) < 300
    found, _ = loaded(environment, manifest)
    assert shown(found) == keys
    graph = found.resolve_asset_graph()
    assert {*checks.values()} <= graph.asset_check_keys


@pytest.mark.parametrize("name", ["売上", "a b", "Größe"])
def test_a_name_that_dagster_has_no_letters_for_depends_on_nothing_else(manifest, name):
    """The first of two such models lost its key, and its history, to one that was added later."""
    alone = added(manifest, ORDERS, name)
    key, check = asset_keys("prod", manifest)[alone], added(manifest, AGREE, name)
    check_before = check_keys("prod", manifest)[check]
    for other in NAMES:
        if other != name:
            added(manifest, ORDERS, other)
            added(manifest, AGREE, other)
    assert asset_keys("prod", manifest)[alone] == key
    assert check_keys("prod", manifest)[check] == check_before
    assert key.path[1].startswith("_" if name == "売上" else name[0])


def test_what_nobody_else_wants_is_named_as_dagster_dbt_names_it(manifest):
    """Whatever else there is: a key changes only when another node wants the same."""
    before, checks = asset_keys("prod", manifest), check_keys("prod", manifest)
    for name in NAMES:
        added(manifest, ORDERS, name)
        added(manifest, AGREE, name)
    after, checks_after = asset_keys("prod", manifest), check_keys("prod", manifest)
    assert {each: after[each] for each in before} == before
    assert {each: checks_after[each] for each in checks} == checks
    nodes = {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}
    assert before == {each: asset_key("prod", nodes[each]) for each in before}


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_manifest_decides_nothing(manifest, order):
    for name in NAMES:
        added(manifest, ORDERS, name)
        added(manifest, SEED, name)
    turned = {
        **manifest,
        **{
            section: dict(sorted(manifest[section].items())[::order])
            for section in ("nodes", "sources")
        },
    }
    assert asset_keys("prod", turned) == asset_keys("prod", manifest)
    assert check_keys("prod", turned) == check_keys("prod", manifest)


def test_a_version_and_a_model_of_that_name(manifest):
    """`orders.v2` is called `orders_v2` by dagster-dbt, and so is a model `orders_v2`."""
    version = added(manifest, "model.shop.customers.v1", "orders.v2", alias="orders_v2", version=2)
    model = added(manifest, ORDERS, "orders_v2")
    keys = asset_keys("prod", manifest)
    assert keys[version] == dg.AssetKey(["prod", "orders_v2"])
    assert keys[model] == dg.AssetKey(["prod", "model", "shop", "orders_v2"])


def test_a_long_key_is_cut_before_its_mark(manifest):
    config = {"meta": {"dagster": {"asset_key": ["p" * 60] * 60}}}
    long = added(manifest, ORDERS, "long" * 400, config=config)
    environment_name, name = asset_keys("prod", manifest)[long].path
    assert environment_name == "prod"
    assert name.startswith("p" * 60 + "_")
    assert len(name) == 69


def test_the_key_of_a_jobs_records_is_no_nodes(environment, manifest):
    """A model `daily` in a schema `jobs` has the key of the records of a job `daily`."""
    daily = added(manifest, ORDERS, "daily", config={"schema": "jobs", "materialized": "table"})
    reserved = frozenset({dg.AssetKey(["prod", "jobs", "daily"])})
    assert asset_keys("prod", manifest)[daily] in reserved
    found, told = loaded(environment, manifest, reserved=reserved)
    assert shown(found)[daily] == dg.AssetKey(["prod", "model", "shop", "daily"])
    assert told[0] == (
        "'model.shop.daily' is shown as prod/model/shop/daily: its own is too long, or that of a "
        "job's records"
    )


def test_another_name_is_told_with_the_reason(manifest):
    added(manifest, SEED, "orders", config={"schema": "raw"})
    sales = added(manifest, ORDERS, "売上")
    other = added(manifest, AGREE, "not_null_orders_order_id")
    keys = asset_keys("prod", manifest)
    checks = check_keys("prod", manifest, keys)
    assert list(renamed_assets("prod", manifest, keys)) == [
        f"'model.shop.売上' is shown as {keys[sales].to_user_string()}: Dagster's names have only "
        "A-Z, a-z, 0-9, `_`, `-` and `.`",
        "'source.shop.raw.orders' is shown as prod/source/shop/raw/orders: its own is that of "
        "'seed.shop.orders' already, or looks the same to Dagster",
    ]
    told = list(renamed_checks(manifest, keys, checks))
    assert len(told) == 2  # a package tests our model by a name that ours has, too
    [line] = [each for each in told if "order_id.cf6c17daed' is shown" in each]
    name = checks["test.shop.not_null_orders_order_id.cf6c17daed"].name
    assert line == (
        f"'test.shop.not_null_orders_order_id.cf6c17daed' is shown as {name!r} of prod/orders: "
        f"its own is that of {other!r} already, or looks the same to Dagster"
    )


ODD: list[dict[str, Any]] = [
    {"description": ["a", "list"]},
    {"description": 5},
    {"tags": ["a" * 300, "tag with spaces", "dagster/reserved", "", 5, None, "売上"]},
    {"tags": "text"},
    {"columns": {"id": {"name": None}}},
    {"columns": {"id": {"name": "id", "data_type": 5, "description": ["x"], "tags": [3]}}},
    {"columns": {"id": {"name": "id", "constraints": "none"}}},
    {"constraints": [{"type": 5, "columns": 7}]},
    {"relation_name": 5, "database": 5, "schema": 6, "identifier": 7},
    {"original_file_path": None},
    {"config": {"materialized": "my own materialization!", "meta": {}}},
    {"config": {"materialized": "売上", "group": "売上", "meta": {}}},
    {"config": {"materialized": "table", "meta": "text"}},
    {"config": {"materialized": "table", "meta": {"dagster": {"owners": [{"a": [1]}, 5]}}}},
    {"config": {"materialized": "table", "meta": {"dagster": {"group": {"a": 1}}}}},
    {"config": {"materialized": "table", "meta": {"dagster": {"group": "g" * 5000}}}},
    {"config": {"materialized": "table", "meta": {"dagster": {"freshness": {"warn_after": 1}}}}},
    {"config": {"materialized": "table", "meta": {"freshness": {"error_after": [1, "day"]}}}},
    {"config": {"materialized": "table", "meta": {"owner": "x" * 5000}}},
    {"config": {"materialized": "table", "schema": 2024, "meta": {}}},
    {"depends_on": {"nodes": [ORDERS, "model.shop.odd", "model.gone.gone", ORDERS]}},
    {"depends_on": "nonsense"},
    {"fqn": []},
]


@pytest.mark.parametrize("odd", ODD, ids=[str(number) for number in range(len(ODD))])
@pytest.mark.parametrize("like", [ORDERS, SOURCE])
def test_one_odd_node_keeps_no_other_from_loading(environment, manifest, odd, like):
    name = added(manifest, like, "odd", **deepcopy(odd))
    before = asset_keys("prod", manifest)
    found, _ = loaded(environment, manifest)
    assert shown(found) == before
    assert name in before


def test_what_dagster_refuses_is_shown_by_its_name_alone_and_told(environment, manifest):
    odd = added(manifest, ORDERS, "odd", description=["a", "list"])
    found, told = loaded(environment, manifest)
    graph = found.resolve_asset_graph()
    asset = graph.get(shown(found)[odd])
    assert asset.key == dg.AssetKey(["prod", "odd"])
    assert asset.parent_keys == graph.get(dg.AssetKey(["prod", "orders"])).parent_keys != set()
    [line] = [each for each in told if "odd" in each]
    assert line.startswith("'model.shop.odd' is shown with its name alone: ParameterCheckError: ")
    assert "description" in line
    assert line.endswith(asset.metadata["dbt/not_shown"])


def test_what_can_not_be_shown_at_all_is_left_out_and_told(environment, manifest, monkeypatch):
    """Dagster has refused a node's very name, say: all others are shown."""
    from deploy_project.orchestration.catalog.translator import Translator

    usual = Translator._parents

    def refused(self: Translator, unique_id: str) -> list[dg.AssetKey]:
        if unique_id == "model.shop.orders_daily":
            raise dg.DagsterInvalidDefinitionError("no such thing\nand more")
        return usual(self, unique_id)

    monkeypatch.setattr(Translator, "_parents", refused)
    found, told = loaded(environment, manifest)
    assert "model.shop.orders_daily" not in shown(found)
    assert {*shown(found)} == {*asset_keys("prod", manifest)} - {"model.shop.orders_daily"}
    assert (
        "'model.shop.orders_daily' is not shown: DagsterInvalidDefinitionError: no such thing"
        in (told)
    )


def test_one_odd_test_keeps_no_other_from_loading(environment, manifest):
    test = manifest["nodes"][AGREE]
    test["config"]["meta"] = {"description": {"a": 1}, "dagster": {"ref": "nonsense"}}
    test["config"]["severity"] = ["error"]
    found, _ = loaded(environment, manifest)
    key = check_keys("prod", manifest)[AGREE]
    assert key in found.resolve_asset_graph().asset_check_keys


def test_a_node_of_another_commit_gets_no_key_that_is_shown_for_another_node(manifest):
    """A run of a commit with the seed `raw.orders` reported it as the source that is shown."""
    shown_keys, shown_checks = asset_keys("prod", manifest), check_keys("prod", manifest)
    newer = deepcopy(manifest)
    seed = added(newer, SEED, "orders", config={"schema": "raw"})
    double = added(newer, AGREE, "amounts_agree_")
    newer["nodes"][double]["name"] = "amounts_agree"
    keys = asset_keys("prod", newer, shown=shown_keys)
    assert asset_keys("prod", newer)[seed] == shown_keys[SOURCE]
    assert keys[seed] == dg.AssetKey(["prod", "seed", "shop", "orders"])
    assert {each: keys[each] for each in shown_keys} == shown_keys
    checks = check_keys("prod", newer, keys, shown=shown_checks)
    assert {each: checks[each] for each in shown_checks} == shown_checks
    assert checks[double].name.startswith("amounts_agree_")


def test_a_node_of_an_older_commit_keeps_the_key_it_is_shown_under(manifest):
    """The source had the seed's key while there was no seed yet."""
    newer = deepcopy(manifest)
    added(newer, SEED, "orders", config={"schema": "raw"})
    shown_keys = asset_keys("prod", newer)
    keys = asset_keys("prod", manifest, shown=shown_keys)
    assert (
        keys[SOURCE]
        == shown_keys[SOURCE]
        == dg.AssetKey(["prod", "source", "shop", "raw", "orders"])
    )


def test_a_node_that_takes_the_place_of_another_has_its_key(manifest):
    """A model that becomes a seed, or moves to another package, goes on under one key."""
    newer = deepcopy(manifest)
    del newer["nodes"][ORDERS]
    moved = added(newer, SEED, "orders", config={})
    keys = asset_keys("prod", newer, shown=asset_keys("prod", manifest))
    assert keys[moved] == asset_keys("prod", manifest)[ORDERS] == dg.AssetKey(["prod", "orders"])
