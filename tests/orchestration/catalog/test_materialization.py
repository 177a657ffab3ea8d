from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.orchestration.catalog.materialization import Facts, metadata

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
FACTS = Facts("c0ffee", "main", "daily", "manual", "prod", "/artifacts", NOW)
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
    assert "bytes" not in metadata(FACTS, BUILT, manifest)
