"""What tells rows apart, and what nobody may see, by dbt's manifest."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy_project.dbt.artifacts.column_facts import generic_tests, primary_key, sensitive_columns
from deploy_project.dbt.artifacts.manifest import Manifest, read_manifest


def manifest(tmp_path: Path, model: dict[str, Any], *tests: dict[str, Any]) -> Manifest:
    nodes: dict[str, Any] = {"model.shop.orders": {"resource_type": "model", **model}}
    for number, test in enumerate(tests):
        where = test.pop("where", None)
        attached = test.pop("attached", "model.shop.orders")
        nodes[f"test.shop.{number}"] = {
            "resource_type": "test",
            "attached_node": attached,
            "test_metadata": test,
            "config": {"where": where},
        }
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"metadata": metadata, "nodes": nodes, "sources": {}}))
    return read_manifest(file)


def generic(name: str, column: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kwargs": {"column_name": column}, **more}


COMBINATION = {
    "name": "unique_combination_of_columns",
    "kwargs": {"combination_of_columns": ["day", "country"]},
}
NESTED = {
    "name": "unique_combination_of_columns",
    "kwargs": {"arguments": {"combination_of_columns": ["day", "country"]}},
}
CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], tuple[str, ...]]] = {
    "nothing says": ({}, [generic("not_null", "id")], ()),
    "a constraint of the model": (
        {"constraints": [{"type": "primary_key", "columns": ["a", "b"]}]},
        [generic("unique", "id")],
        ("a", "b"),
    ),
    "a constraint of a column": (
        {"columns": {"a": {"constraints": [{"type": "not_null"}, {"type": "primary_key"}]}}},
        [generic("unique", "id")],
        ("a",),
    ),
    "another constraint": ({"constraints": [{"type": "unique", "columns": ["a"]}]}, [], ()),
    "unique and not null before just unique": (
        {},
        [generic("unique", "email"), generic("unique", "id"), generic("not_null", "id")],
        ("id",),
    ),
    "two unique columns are no combined key": (
        {"primary_key": ["email", "id"]},
        [generic("unique", "id"), generic("unique", "email")],
        ("id",),
    ),
    "a combination": ({}, [COMBINATION], ("day", "country")),
    "a combination in arguments": ({}, [NESTED], ("day", "country")),
    "of some rows only": ({}, [generic("unique", "id", where="day > 1")], ()),
    "of another model": ({}, [generic("unique", "id", attached="model.shop.other")], ()),
    "what dbt infers": ({"primary_key": ["b", "a"]}, [], ("a", "b")),
}


@pytest.mark.parametrize(("model", "tests", "expected"), CASES.values(), ids=CASES)
def test_the_primary_key(
    tmp_path: Path, model: dict[str, Any], tests: list[dict[str, Any]], expected: tuple[str, ...]
):
    found = manifest(tmp_path, model, *(dict(each) for each in tests))
    node = found.nodes["model.shop.orders"]
    assert primary_key(node, generic_tests(found).get(node.unique_id, ())) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, frozenset()),
        ({"columns": {"EMail": {"meta": {"sensitive": True}}, "id": {}}}, {"email"}),
        ({"columns": {"a": {"config": {"meta": {"sensitive": True}}}}}, {"a"}),
        ({"columns": {"a": {"tags": ["x", "sensitive"]}}}, {"a"}),
        ({"columns": {"a": {"config": {"tags": "sensitive"}}}}, {"a"}),
        ({"columns": {"a": {"meta": {"sensitive": False}, "tags": ["sensitively"]}}}, set()),
        ({"config": {"meta": {"sensitive": True}}}, None),
        ({"tags": ["sensitive"]}, None),
    ],
)
def test_columns_that_are_marked_as_sensitive(tmp_path: Path, model: dict[str, Any], expected: Any):
    assert sensitive_columns(manifest(tmp_path, model).nodes["model.shop.orders"]) == expected
