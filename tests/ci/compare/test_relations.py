"""Which relations of a pull request are compared with which of production's."""

import json
from pathlib import Path
from typing import Any

from deploy_project.ci.compare.relations import Candidate, candidates
from deploy_project.dbt.artifacts.manifest import Manifest, read_manifest
from deploy_project.dbt.relations.compare import Pair, RelationPlace, given

SCHEMA_VERSION = "https://schemas.getdbt.com/dbt/manifest/v12.json"


def model(schema: str, materialized: str = "table", **more: Any) -> dict[str, Any]:
    config = {"materialized": materialized, **more.pop("config", {})}
    found = {"resource_type": "model", "database": "db", "schema": schema, "name": "x"}
    return {**found, "config": config, **more}


def manifest(place: Path, **models: dict[str, Any]) -> Manifest:
    nodes = {f"model.shop.{name}": {"alias": name, **each} for name, each in models.items()}
    nodes["test.shop.t"] = {"resource_type": "test", "schema": "tests", "config": {}}
    place.mkdir()
    file = place / "manifest.json"
    content = {"metadata": {"dbt_schema_version": SCHEMA_VERSION}, "nodes": nodes, "sources": {}}
    file.write_text(json.dumps(content), encoding="utf-8")
    return read_manifest(file)


def found(tmp_path: Path, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Candidate]:
    production, own = manifest(tmp_path / "before", **before), manifest(tmp_path / "after", **after)
    selected = [*own.nodes, "exposure.shop.page", "unit_test.shop.orders.adds_up"]
    return {each.known.name: each for each in candidates(selected, own, production)}


def test_a_model_of_both_is_compared_where_each_has_built_it(tmp_path: Path):
    marked = {"email": {"meta": {"sensitive": True}}, "id": {}}
    before = {"orders": model("prod", alias="old_orders", columns=marked)}
    config = {"event_time": "at"}
    columns = {"id": {"constraints": [{"type": "primary_key"}]}, "NAME": {"tags": ["sensitive"]}}
    after = {"orders": model("pr_7", "incremental", columns=columns, config=config)}
    (orders,) = found(tmp_path, before, after).values()
    assert orders.pair is not None
    assert str(orders.pair.before) == orders.known.before == "db.prod.old_orders"
    assert str(orders.pair.after) == orders.known.after == "db.pr_7.orders"
    assert (orders.pair.key, orders.pair.event_time) == (("id",), "at")
    assert orders.pair.hidden == {"email", "name"}, "what either of them marks"
    assert orders.known.outcome == "failed", "until something is known"


def test_what_has_no_relation_on_both_sides_is_named(tmp_path: Path):
    before = {
        "was_ephemeral": model("prod", "ephemeral"),
        "helper": model("prod", "ephemeral"),
        "gone": model("prod"),
        "gone_helper": model("prod", "ephemeral"),
        "shared": model("prod"),
    }
    after = {
        "was_ephemeral": model("pr_7"),
        "helper": model("pr_7", "ephemeral"),
        "fresh": model("pr_7"),
        "shared": model("prod"),
    }
    told = {
        name: (each.known.outcome, each.known.why)
        for name, each in found(tmp_path, before, after).items()
    }
    assert told == {
        "was_ephemeral": ("new", "no relation in production"),
        "helper": ("not_compared", "ephemeral has no relation"),
        "fresh": ("new", "not in production's project"),
        "shared": ("not_compared", "it is production's own relation"),
        "gone": ("removed", "not in the pull request's project"),
    }


def test_one_mark_on_a_model_hides_all_of_it(tmp_path: Path):
    before = {"people": model("prod", tags=["sensitive"])}
    (people,) = found(tmp_path, before, {"people": model("pr_7")}).values()
    assert people.pair is not None
    assert people.pair.hidden is None
    assert people.known.hidden is None


def test_without_samples_no_rows_are_asked_for():
    pair = Pair(
        RelationPlace("db", "prod", "a"),
        RelationPlace("", "pr_7", "a"),
        ("id",),
        "at",
        frozenset("ba"),
    )
    asked = given(pair, with_samples=False)
    assert asked["samples"] is None
    assert asked["before"] == ["db", "prod", "a"]
    assert asked["hidden"] == ["a", "b"]
    assert sum(given(pair, with_samples=True)["samples"].values()) == 100
