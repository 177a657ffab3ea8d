import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_project.dbt.artifacts.events import (
    Adapter,
    Event,
    NodeFinished,
    NodeStarted,
    Numbered,
    Problem,
    Skipping,
    Version,
    parse,
)
from deploy_project.dbt.artifacts.results import moment
from deploy_project.errors import DbtError

NODE = {
    "unique_id": "model.shop.orders",
    "resource_type": "model",
    "name": "orders",
    "materialized": "table",
    "relation": '"shop"."main"."orders"',
    "started_at": "2026-03-02T06:00:00.123456",
    "finished_at": "",
}


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            {"event": "MainReportVersion", "dbt_version": "1.11.16", "invocation_id": "abc"},
            Version("1.11.16", "abc"),
        ),
        (
            {"event": "AdapterRegistered", "name": "duckdb", "version": "1.11.1"},
            Adapter("duckdb", "1.11.1"),
        ),
        ({"event": "NodeStart", **NODE}, NodeStarted("model.shop.orders", "model", "orders")),
        (
            {"event": "LogStartLine", "unique_id": "model.shop.orders", "index": 2, "total": 5},
            Numbered("model.shop.orders", 2, 5),
        ),
        (
            {"event": "SkippingDetails", "unique_id": "model.shop.orders", "index": 3, "total": 5},
            Skipping("model.shop.orders", 3, 5),
        ),
    ],
)
def test_a_line_is_an_event(fact: dict[str, Any], expected: Event):
    assert parse(json.dumps(fact)) == expected


def finished(**changes: Any) -> NodeFinished:
    fact = {
        "event": "NodeFinished",
        **NODE,
        "finished_at": "2026-03-02T06:00:02.5",
        "status": "success",
        "message": "OK",
        "thread": "Thread-1 (worker)",
        "execution_seconds": 1.5,
        "failures": 0,
        "timing": {
            "compile": ["2026-03-02T06:00:00.100000001Z", "2026-03-02T06:00:00.350Z"],
            "execute": ["2026-03-02T06:00:00.350Z", "2026-03-02T06:00:02Z"],
        },
        "adapter_response": {"rows_affected": 7.0},
        **changes,
    }
    event = parse(json.dumps(fact))
    assert isinstance(event, NodeFinished)
    return event


def test_a_finished_node_tells_when_and_how_long():
    event = finished()
    assert event.started_at == datetime(2026, 3, 2, 6, 0, 0, 123456, UTC)
    assert event.finished_at == datetime(2026, 3, 2, 6, 0, 2, 500000, UTC)
    assert event.compile_seconds == pytest.approx(0.25)
    assert event.adapter_response == {"rows_affected": 7.0}


def test_a_skipped_node_has_no_times():
    event = finished(status="skipped", started_at="", finished_at="", timing={})
    assert (event.started_at, event.finished_at, event.compile_seconds) == (None, None, None)


def test_an_error_that_is_no_nodes_is_told_without_colors():
    line = json.dumps({"event": "Problem", "message": "\x1b[31mError\x1b[0m in hook"})
    assert parse(line) == Problem("Error in hook")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("2026-03-02T06:00:00", datetime(2026, 3, 2, 6, tzinfo=UTC)),
        ("2026-03-02T06:00:00Z", datetime(2026, 3, 2, 6, tzinfo=UTC)),
        ("2026-03-02T06:00:00.000000999Z", datetime(2026, 3, 2, 6, tzinfo=UTC)),
        ("2026-03-02T06:00:00.25Z", datetime(2026, 3, 2, 6, 0, 0, 250000, UTC)),
    ],
)
def test_dbts_spellings_of_a_moment(text: str, expected: datetime | None):
    assert moment(text) == expected


FINISHED = {
    "event": "NodeFinished",
    **NODE,
    "status": "success",
    "message": "OK",
    "thread": "Thread-1",
    "execution_seconds": 1,
    "failures": 0,
    "timing": {},
    "adapter_response": {},
}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no JSON",
        "[]",
        "7",
        "null",
        '"event"',
        "{}",
        '{"event": "Unheard"}',
        '{"event": []}',
        '{"event": "NodeStart"}',
        '{"event": "Problem", "message": 7}',
        '{"event": "Problem", "message": null}',
        '{"event": "LogStartLine", "unique_id": "a", "index": "1", "total": 2}',
        '{"event": "Listed", "nodes": [7], "problem": ""}',
        '{"event": "Listed", "nodes": {}, "problem": ""}',
        '{"event": "Listed", "nodes": [{"schema": "no id"}], "problem": ""}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        *(
            json.dumps({**FINISHED, **changes})
            for changes in (
                {"unique_id": ["a"]},
                {"status": {}},
                {"message": ["a"]},
                {"execution_seconds": "long"},
                {"execution_seconds": float("inf")},
                {"execution_seconds": float("nan")},
                {"failures": None},
                {"adapter_response": "SELECT"},
                {"timing": []},
                {"timing": {"compile": [7, 8]}},
                {"timing": {"compile": ["2026-03-02"]}},
                {"started_at": "yesterday"},
                {"started_at": {"a": 1}},
                {"finished_at": "0001-01-01T00:00:00+14:00"},
            )
        ),
    ],
)
def test_a_line_that_is_no_event_is_told(line: str):
    """A Python model can write to the descriptor of events, and each of these was a traceback."""
    with pytest.raises(DbtError, match="a line among dbt's events is none"):
        parse(line)


def test_half_a_letter_in_an_event_is_a_question_mark():
    """Nobody could write it down."""
    event = finished(message="bad \ud800 and good \U0001f600")
    assert event.message == "bad ? and good \U0001f600"
