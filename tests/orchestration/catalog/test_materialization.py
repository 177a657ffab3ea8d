from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.orchestration.catalog.materialization import Facts, metadata

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
FACTS = Facts("c0ffee", "main", "daily", "manual", "prod", NOW)
BUILT = NodeFinished(
    unique_id="model.shop.orders",
    resource_type="model",
    name="orders",
    status="success",
    message="OK",
    materialized="table",
    relation='"db"."main"."orders"',
    thread="Thread-1",
    execution_seconds=0.25,
    failures=0,
    started_at=NOW,
    finished_at=NOW,
    compile_seconds=0.01,
)


def test_bytes_are_those_processed_else_those_billed(manifest):
    """Only what nobody used knew that some adapters tell only `bytes_billed`."""
    billed = replace(BUILT, adapter_response={"bytes_billed": 2048.0, "rows_affected": "3"})
    found = metadata(FACTS, billed, manifest)
    assert found["bytes"] == dg.IntMetadataValue(2048)
    assert found["rows_affected"] == dg.IntMetadataValue(3)
    assert found["size"].value == "2.0 kB"
    assert "bytes" not in metadata(FACTS, BUILT, manifest)


def test_times_are_numbers_for_plots_and_words_for_people(manifest):
    found = metadata(FACTS, replace(BUILT, execution_seconds=72.123456789), manifest)
    assert found["execution_seconds"] == dg.FloatMetadataValue(72.123)
    assert found["time"].value == "1 min 12 s (10 ms of it compiling)"


def test_the_code_is_there_to_be_read_and_no_path_of_the_servers(manifest):
    """It was the path of a file on the server, which the browser of nobody else can open."""
    found = metadata(FACTS, BUILT, manifest, compiled="select 1")
    assert found["compiled_sql"].value == "```sql\nselect 1\n```"
    python = {**manifest, "nodes": {BUILT.unique_id: {"language": "python"}}}
    told = metadata(FACTS, BUILT, python, compiled="def model(): ...")["compiled_sql"].value
    assert told is not None
    assert str(told).startswith("```python")
    assert "compiled_sql" not in metadata(FACTS, BUILT, manifest)
