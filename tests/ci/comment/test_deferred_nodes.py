"""Which nodes were read from elsewhere, by the SQL that dbt has run."""

from collections.abc import Mapping
from typing import Any

import pytest

from deploy_project.ci.comment.deferred_nodes import deferred
from deploy_project.dbt.artifacts.manifest import Manifest, Nodes
from deploy_project.dbt.artifacts.results import NodeResult


def result(unique_id: str, code: str) -> NodeResult:
    return NodeResult(unique_id, "success", "", "", 0, None, None, None, code)


def manifest(schema: str, nodes: Mapping[str, list[str]]) -> Manifest:
    """Nodes by name with what they refer to; one that begins with `_` is ephemeral."""

    def raw(name: str) -> dict[str, Any]:
        ephemeral = name.startswith("_")
        return {
            "name": name,
            "resource_type": "model",
            "depends_on": {"nodes": [f"model.shop.{each}" for each in nodes[name]]},
            "config": {"materialized": "ephemeral" if ephemeral else "table"},
            "relation_name": None if ephemeral else f'"db"."{schema}"."{name}"',
        }

    empty = Nodes({})
    found = Nodes({f"model.shop.{name}": raw(name) for name in nodes})
    return Manifest("1.11.0", "duckdb", "", found, empty, empty, empty)


GRAPH = {
    "a": [],
    "a_daily": [],
    "_b": ["a", "_bb"],
    "_bb": ["a_daily"],
    "c": ["_b"],
    "d": ["a", "a_daily"],
}
OURS, STATE = manifest("pr", GRAPH), manifest("main", GRAPH)


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("d", 'select * from "db"."main"."a"', ["a"]),
        ("d", 'select * from "db"."main"."a_daily"', ["a_daily"]),
        ("d", 'from "db"."main"."a" join "db"."pr"."a_daily"', ["a"]),
        ("d", 'from "db"."pr"."a" join "db"."pr"."a_daily"', []),
        ("c", 'with _b as (from "db"."main"."a", "db"."main"."a_daily")', ["a", "a_daily"]),
        ("a", 'select * from "db"."main"."a_daily"', []),
        ("d", r'refs = {"a": "\"db\".\"main\".\"a\""}', ["a"]),
        ("d", "", []),
        ("gone", 'select * from "db"."main"."a"', []),
    ],
    ids=[
        "from production", "another one", "one of two", "found in its own schema",
        "through ephemeral models", "no parent", "a Python model", "never compiled", "unknown",
    ],
)  # fmt: skip
def test_what_was_read_from_elsewhere_stands_in_the_sql(name: str, code: str, expected: list[str]):
    found = deferred([result(f"model.shop.{name}", code)], OURS, STATE)
    assert found == [f"model.shop.{each}" for each in expected]


def test_names_without_quotes_are_told_apart():
    def unquoted(schema: str) -> Manifest:
        above = {"a": [], "a_daily": [], "d": ["model.shop.a", "model.shop.a_daily"]}
        raw: dict[str, Any] = {
            f"model.shop.{name}": {
                "depends_on": {"nodes": above[name]},
                "relation_name": f"db.{schema}.{name}",
            }
            for name in above
        }
        empty = Nodes({})
        return Manifest("1.11.0", "spark", "", Nodes(raw), empty, empty, empty)

    code = "select a.* from db.main.a_daily a join olddb.main.a"
    assert deferred([result("model.shop.d", code)], unquoted("pr"), unquoted("main")) == [
        "model.shop.a_daily"
    ]


def test_what_the_state_does_not_know_or_keeps_in_the_same_place_is_not_deferred():
    code = 'select * from "db"."pr"."a"'
    none = manifest("main", {})
    assert deferred([result("model.shop.d", code)], OURS, none) == []
    assert deferred([result("model.shop.d", code)], OURS, OURS) == []
