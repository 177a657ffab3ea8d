import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from deploy_project.dbt.artifacts.manifest import (
    Manifest,
    build_parents,
    content_while_written,
    read_manifest,
)
from deploy_project.dbt.artifacts.results import (
    NodeResult,
    Readable,
    read_run_results,
    read_sources,
)
from deploy_project.errors import DbtError
from tests.support.paths import RECORDED


@pytest.fixture(params=["1.10", "1.11"])
def recorded(request: pytest.FixtureRequest) -> Path:
    """The artifacts of one supported version of dbt."""
    return RECORDED / f"dbt-{request.param}"


def by_id(results: Sequence[NodeResult]) -> dict[str, NodeResult]:
    return {each.unique_id.replace(".shop.", " "): each for each in results}


def test_run_results_tell_what_became_of_each_node(recorded: Path):
    found = read_run_results(recorded / "run_results.json")
    assert found.command == "build"
    assert found.dbt_version.startswith(recorded.name.removeprefix("dbt-"))
    assert found.started_at is not None
    assert {name: (each.status, each.failures) for name, each in by_id(found.results).items()} == {
        "seed raw_orders": ("success", None),
        "model uncompilable": ("error", None),
        "model stg_orders": ("success", None),
        "model stg_customers": ("success", None),
        "model customers": ("success", None),
        "model broken": ("error", None),
        "model after_broken": ("skipped", None),
        "snapshot customers_history": ("success", None),
        "unit_test customers.totals_add_up": ("pass", 0),
        "test not_null_stg_orders_id.8cf5724805": ("pass", 0),
        "test unique_stg_orders_id.beb6e97f2f": ("warn", 1),
        "test accepted_values_customers_customer__ada.aa287102d6": ("fail", 1),
        "exposure board": ("no-op", 0),
    }


def test_a_result_has_its_times_in_utc_and_the_answer_of_the_warehouse(recorded: Path):
    seed = by_id(read_run_results(recorded / "run_results.json").results)["seed raw_orders"]
    assert seed.message == "INSERT 3"
    assert seed.thread == "Thread-2 (worker)"
    assert seed.compile is not None
    assert seed.execute is not None
    assert seed.compile.started.tzinfo is UTC
    assert seed.compile.completed <= seed.execute.started < seed.execute.completed
    worked = (seed.execute.completed - seed.compile.started).total_seconds()
    assert worked == pytest.approx(seed.execution_seconds, abs=0.01)


def test_what_did_not_happen_has_no_time(recorded: Path):
    results = by_id(read_run_results(recorded / "run_results.json").results)
    assert (results["model after_broken"].compile, results["model after_broken"].execute) == (
        None,
        None,
    )
    assert results["model uncompilable"].compile is not None
    assert results["model uncompilable"].execute is None
    assert "no such thing" in results["model uncompilable"].message


def document(kind: str, **content: Any) -> dict[str, Any]:
    version = f"https://schemas.getdbt.com/dbt/{kind}/v9.json"
    return {"metadata": {"dbt_schema_version": version}, **content}


def test_sources_tell_how_fresh_they_are(recorded: Path):
    found = {
        each.unique_id.split(".")[-1]: each for each in read_sources(recorded / "sources.json")
    }
    assert {name: each.status for name, each in found.items()} == {
        "raw_orders": "error",
        "raw_recent": "pass",
        "raw_late": "warn",
    }
    orders = found["raw_orders"]
    assert orders.max_loaded_at == datetime(2024, 3, 3, tzinfo=UTC)
    assert orders.snapshotted_at is not None
    assert orders.max_loaded_at is not None
    age = (orders.snapshotted_at - orders.max_loaded_at).total_seconds()
    assert orders.age_seconds == pytest.approx(age)
    assert (orders.warn_after, orders.error_after) == (timedelta(hours=12), timedelta(days=1))
    assert found["raw_late"].error_after is None
    assert orders.error == ""


def test_a_source_whose_check_failed_has_only_the_error(tmp_path: Path):
    file = tmp_path / "sources.json"
    result = {"unique_id": "source.shop.raw.a", "error": "no table", "status": "runtime error"}
    file.write_text(json.dumps(document("sources", results=[result])))
    (found,) = read_sources(file)
    assert (found.status, found.error) == ("runtime error", "no table")
    assert (found.max_loaded_at, found.age_seconds, found.warn_after) == (None, None, None)


def test_a_limit_without_a_number_is_no_limit(tmp_path: Path):
    file = tmp_path / "sources.json"
    limits = {"warn_after": {"count": None, "period": None}, "error_after": {}}
    result = {"unique_id": "source.shop.raw.a", "status": "pass", "criteria": limits}
    file.write_text(json.dumps(document("sources", results=[result])))
    (found,) = read_sources(file)
    assert (found.warn_after, found.error_after) == (None, None)


def test_the_manifest_knows_the_project(recorded: Path):
    found = read_manifest(recorded / "manifest.json")
    results = read_run_results(recorded / "run_results.json")
    assert (found.dbt_version, found.invocation_id) == (results.dbt_version, results.invocation_id)
    assert found.adapter_type == "duckdb"
    assert set(found.exposures) == {"exposure.shop.board"}
    assert len(found.sources) == 4
    customers = found.nodes["model.shop.customers"]
    assert (customers.resource_type, customers.name) == ("model", "customers")
    assert customers.path == "customers.sql"
    assert customers.depends_on == ("model.shop.stg_customers", "model.shop.paid_orders")
    assert (customers.materialized, customers.group) == ("table", "finance")
    assert customers.tags == ("nightly", "core")
    assert (customers.database, customers.schema) == ("shop", "main")
    assert customers.relation_name == '"shop"."main"."customers"'
    assert customers.config["on_schema_change"] == "ignore"


def test_a_node_is_found_in_any_section(recorded: Path):
    manifest = read_manifest(recorded / "manifest.json")
    source = manifest.find("source.shop.raw.raw_orders")
    unit_test = manifest.find("unit_test.shop.customers.totals_add_up")
    assert source is not None
    assert source.relation_name == '"shop"."main"."raw_orders"'
    assert unit_test is not None
    assert unit_test.depends_on == ("model.shop.customers",)
    assert manifest.find("model.shop.gone") is None


def test_parents_are_nodes_that_can_have_results(recorded: Path):
    manifest = read_manifest(recorded / "manifest.json")
    assert manifest.parents["model.shop.stg_orders"] == ("seed.shop.raw_orders",)


def test_a_manifest_that_dbt_is_writing_again_is_waited_for(tmp_path: Path):
    """Dbt writes it as a command ends, which failed a run that was slow to look at an event."""
    file = tmp_path / "manifest.json"
    file.write_bytes(b"")

    def write() -> None:
        for text in ('{"nodes": {"a', '{"nodes": {"a": 1}}'):
            time.sleep(0.2)
            file.write_text(text, encoding="utf-8")

    writer = threading.Thread(target=write)
    writer.start()
    assert content_while_written(file) == {"nodes": {"a": 1}}
    writer.join()
    file.write_text("{", encoding="utf-8")
    with pytest.raises(DbtError, match=r"manifest\.json' is not whole: Expecting property name"):
        content_while_written(file, patience_seconds=0)


def manifest_of(tmp_path: Path, graph: Mapping[str, Sequence[str]]) -> Manifest:
    """A manifest of nodes whose unique ids begin with their type."""
    file = tmp_path / "manifest.json"
    nodes = {
        unique_id: {"resource_type": unique_id.partition(".")[0], "depends_on": {"nodes": above}}
        for unique_id, above in graph.items()
    }
    unit_tests = {each: nodes.pop(each) for each in list(nodes) if each.startswith("unit_test")}
    content = document("manifest", nodes=nodes, sources={"source.x": {}}, unit_tests=unit_tests)
    file.write_text(json.dumps(content))
    return read_manifest(file)


@pytest.mark.parametrize(
    ("graph", "waits"),
    [
        pytest.param(
            {"model.a": [], "model.b": ["model.a"], "test.a": ["model.a"], "test.b": ["model.b"]},
            {"model.b": {"model.a", "test.a"}, "test.a": {"model.a"}, "test.b": {"model.b"}},
            id="a child waits for the tests of its parent",
        ),
        pytest.param(
            {"model.a": ["source.x"], "test.x": ["source.x"]},
            {"model.a": {"test.x"}},
            id="a model waits for the tests of its source",
        ),
        pytest.param(
            {
                "model.a": [],
                "model.b": [],
                "test.ab": ["model.a", "model.b"],
                "model.c": ["model.a"],
                "model.d": ["model.c", "model.b"],
                "model.e": ["model.d"],
            },
            {
                "model.c": {"model.a"},
                "model.d": {"model.b", "model.c", "test.ab"},
                "model.e": {"model.d"},
                "test.ab": {"model.a", "model.b"},
            },
            id="a test of two models holds up only what is below both",
        ),
        pytest.param(
            {
                "model.a": [],
                "test.a": ["model.a"],
                "model.b": ["model.a"],
                "unit_test.b1": ["model.b"],
                "unit_test.b2": ["model.b"],
            },
            {
                "test.a": {"model.a"},
                "model.b": {"model.a", "test.a", "unit_test.b1", "unit_test.b2"},
                "unit_test.b1": {"model.a", "test.a"},
                "unit_test.b2": {"model.a", "test.a"},
            },
            id="unit tests run before their model",
        ),
        pytest.param({"test.nothing": [], "model.a": []}, {}, id="a test of nothing"),
        pytest.param({"unit_test.gone": ["model.gone"]}, {}, id="a unit test of nothing"),
    ],
)
def test_what_nodes_wait_for_in_a_build(
    tmp_path: Path, graph: Mapping[str, Sequence[str]], waits: Mapping[str, set[str]]
):
    found = build_parents(manifest_of(tmp_path, graph))
    assert {unique_id: set(parents) for unique_id, parents in found.items() if parents} == waits


READERS: dict[str, Callable[[Readable], object]] = {
    "run_results.json": read_run_results,
    "manifest.json": read_manifest,
    "sources.json": read_sources,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "0 bytes"),
        (b'{"metadata": {"dbt_sch', "22 bytes"),
        (b"\xff\xfe", "2 bytes"),
        (b"[]", "TypeError"),
        (b'{"metadata": null}', "TypeError"),
        (b'{"metadata": {}}', "KeyError: 'dbt_schema_version'"),
        (b'{"metadata": {"dbt_schema_version": "x/semantic/v1.json"}}', "x/semantic/v1.json"),
    ],
)
def test_a_file_that_is_not_what_it_claims_to_be_is_named(
    tmp_path: Path, name: str, content: bytes | None, found: str
):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DbtError) as caught:
        READERS[name](file)
    assert str(file) in str(caught.value)
    assert found in str(caught.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", ["nothing", "text", "number"])
def test_a_document_with_damaged_content_is_named(tmp_path: Path, name: str, damage: str):
    file = tmp_path / name
    kind = name.removesuffix(".json").replace("_", "-")
    content = {"nothing": {}, "text": dict.fromkeys(KEYS, "x"), "number": dict.fromkeys(KEYS, 3)}
    file.write_text(json.dumps(document(kind, **content[damage])))
    with pytest.raises(DbtError, match=f"is not a whole {kind} document"):
        READERS[name](file)


KEYS = ("results", "nodes", "sources")


def test_artifacts_are_read_from_any_file_system():
    file = UPath("memory://run/sources.json")
    with pytest.raises(DbtError, match="can't be read"):
        read_sources(file)
    file.write_bytes((RECORDED / "dbt-1.11" / "sources.json").read_bytes())
    assert len(read_sources(file)) == 3


RESULT = {"unique_id": "model.shop.orders", "status": "success"}


@pytest.mark.parametrize(
    "change",
    [
        {"unique_id": None, "status": 7},
        {"unique_id": 7},
        {"unique_id": ["a"]},
        {"status": {"a": 1}},
        {"message": ["a"]},
        {"thread_id": 7},
        {"compiled_code": {"a": 1}},
        {"failures": "many"},
        {"execution_time": "long"},
        {"execution_time": float("inf")},
        {"execution_time": [1]},
        {"timing": 7},
        {"timing": [7]},
        {"timing": [{"name": []}]},
        {"timing": [{"name": "compile", "started_at": 7, "completed_at": 8}]},
        {"timing": [{"name": "compile", "started_at": "0001-01-01T00:00:00+14:00"}]},
    ],
)
def test_results_of_another_shape_are_told(tmp_path: Path, change: dict[str, Any]):
    """A Python model can write the file when dbt has ended, and each of these was a traceback."""
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}
    content = {"metadata": metadata, "args": {}, "results": [{**RESULT, **change}]}
    (tmp_path / "run_results.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DbtError, match="is not a whole run-results document"):
        read_run_results(tmp_path / "run_results.json")


def test_half_a_letter_in_results_is_a_question_mark(tmp_path: Path):
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}
    result = {**RESULT, "message": "bad \ud800, good \U0001f600"}
    content = {"metadata": metadata, "args": {}, "results": [result]}
    (tmp_path / "run_results.json").write_text(json.dumps(content), encoding="utf-8")
    found = read_run_results(tmp_path / "run_results.json").results[0]
    assert found.message == "bad ?, good \U0001f600"


@pytest.mark.parametrize(
    "entry",
    [
        7,
        [],
        None,
        {"name": 7},
        {"config": [1]},
        {"config": {"materialized": {"a": 1}}},
        {"depends_on": [1]},
        {"depends_on": {"nodes": [7]}},
        {"depends_on": {"nodes": 7}},
        {"tags": [[]]},
    ],
)
def test_an_entry_of_another_shape_in_a_manifest_is_told(tmp_path: Path, entry: object):
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}
    nodes = {"model.shop.orders": entry}
    content = {"metadata": metadata, "nodes": nodes, "sources": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    found = read_manifest(tmp_path / "manifest.json")
    with pytest.raises(DbtError, match="in the manifest is not one of dbt"):
        _ = found.parents
