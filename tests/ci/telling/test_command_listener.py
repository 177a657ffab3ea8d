"""Whose rows are shown, and where they are; what a step leaves for the comment."""

from pathlib import Path
from typing import Any

import pytest

from deploy_project.ci.telling.command_facts import FILE, CommandFacts, read, write
from deploy_project.ci.telling.command_listener import MOST_TESTS, statements
from deploy_project.dbt.artifacts.manifest import Manifest, Nodes
from deploy_project.dbt.artifacts.results import NodeResult
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.run_facts import Sample


def result(unique_id: str, status: str = "fail", code: str = "select 1") -> NodeResult:
    return NodeResult(unique_id, status, "", "", 0, None, None, 1, code)


def manifest(**relations: str) -> Manifest:
    raw: dict[str, Any] = {
        f"test.shop.{name}": {"relation_name": r} for name, r in relations.items()
    }
    return of(raw)


def of(raw: dict[str, Any]) -> Manifest:
    empty = Nodes({})
    return Manifest("1.11.0", "duckdb", "", Nodes(raw), empty, empty, empty)


def test_the_rows_of_a_failed_test_are_selected_again_or_taken_from_its_table():
    results = [
        result("test.shop.again"),
        result("test.shop.stored"),
        result("test.shop.broken", "error", ""),
        result("test.shop.warned", "warn"),
        result("test.shop.passed", "pass"),
        result("unit_test.shop.orders.sums"),
        result("model.shop.orders", "error"),
    ]
    assert statements(results, manifest(again="", stored='"db"."audit"."stored"')) == {
        "test.shop.again": "select 1",
        "test.shop.stored": 'select * from "db"."audit"."stored"',
    }


@pytest.mark.parametrize("where", ["here", "in production", "behind an ephemeral model"])
def test_rows_of_what_is_sensitive_are_not_shown(where: str):
    emails = {"columns": {"email": {"meta": {"sensitive": True}}}}
    raw: dict[str, Any] = {
        "test.shop.plain": {"depends_on": {"nodes": ["model.shop.orders"]}},
        "test.shop.close": {"depends_on": {"nodes": ["model.shop.customers"]}},
        "model.shop.orders": {},
        "model.shop.customers": emails if where == "here" else {},
        "model.shop.people": emails,
    }
    if where.startswith("behind"):
        raw["model.shop.customers"] = {
            "config": {"materialized": "ephemeral"},
            "depends_on": {"nodes": ["model.shop.people"]},
        }
    production = {**raw, "model.shop.customers": emails if where == "in production" else {}}
    results = [result("test.shop.plain"), result("test.shop.close")]
    assert list(statements(results, of(raw), of(production))) == ["test.shop.plain"]


def test_only_the_first_failed_tests_show_rows():
    results = [result(f"test.shop.t{number}") for number in range(50)]
    assert len(statements(results, manifest())) == MOST_TESTS


def test_what_a_step_leaves_is_read_as_it_was(tmp_path: Path):
    left = CommandFacts(("model.shop.a",), {"test.shop.t": Sample(("id",), (("1",), (None,)))})
    write(left, tmp_path)
    found = read(tmp_path / FILE)
    assert found.deferred == left.deferred
    assert found.samples["test.shop.t"].rows == (("1",), (None,))


def test_a_file_that_is_cut_off_is_told(tmp_path: Path):
    (tmp_path / FILE).write_text('{"deferred": [', encoding="utf-8")
    with pytest.raises(ArtifactError, match="does not tell what a command has come to"):
        read(tmp_path / FILE)
