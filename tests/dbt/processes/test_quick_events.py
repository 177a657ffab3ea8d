"""Messages made by the constructor are those that dbt makes by way of JSON."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from deploy_project.dbt.processes import quick_events
from deploy_project.runs.model.status import Status

KINDS = ("dbt_common.events", "dbt.adapters.events", "dbt.events")
"""Packages whose `base_types` say which messages their events are."""
MOMENT = "2026-11-30T12:34:56.789012Z"
NUMBERS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
LIST = [1, 2.5, None, True, ["é"], {"none": {}}]

BUILD = """
    import json, sys

    from dbt.cli.main import dbtRunner
    from dbt_common.events import base_types
    from google.protobuf.json_format import ParseDict

    sys.path.insert(0, sys.argv[1])
    import quick_events

    counts = {"alike": 0, "other": 0, "the old way": 0}

    def compared(fields, message):
        usual = ParseDict(fields, type(message)())
        made = quick_events.made(fields, message)
        counts["alike" if made == usual else "other"] += 1
        counts["the old way"] += made is message
        return made

    base_types.ParseDict = compared
    for command in (["build"], ["source", "freshness"], ["docs", "generate"], ["ls"]):
        dbtRunner(callbacks=[str]).invoke([*command, "--profiles-dir", "."])
    print("\\n" + json.dumps(counts))
"""
PROJECT = {
    "dbt_project.yml": "name: shop\nprofile: shop\non-run-end: select 1\n",
    "profiles.yml": """
        shop:
          target: dev
          outputs: {dev: {type: duckdb, path: shop.duckdb, threads: 2}}
    """,
    "seeds/raw.csv": "id,at\n1,2026-01-01\n2,\n",
    "models/orders.sql": "select * from {{ ref('raw') }}",
    "models/broken.sql": "{{ log('so far', info=true) }} select nothing from nowhere",
    "models/after.sql": "select * from {{ ref('broken') }}",
    "models/all.yml": """
        models:
          - name: orders
            meta: {owner: {name: "é", ranks: [1, 2.5, null, true]}}
            columns:
              - name: at
                data_tests: [not_null: {config: {severity: warn}}, unique]
        sources:
          - name: raw
            schema: main
            config:
              freshness: {warn_after: {count: 1, period: day}}
              loaded_at_field: "at::timestamp"
            tables: [name: raw]
    """,
}


def kinds(package: str) -> list[type[Message]]:
    of_package = importlib.import_module(f"{package}.base_types")
    messages = next(
        found.PROTO_TYPES_MODULE
        for found in vars(of_package).values()
        if getattr(found, "__module__", "") == of_package.__name__
        and hasattr(found, "PROTO_TYPES_MODULE")
    )
    found = [each for each in vars(messages).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, Message)]


@pytest.mark.parametrize("package", KINDS)
def test_a_message_of_every_kind_is_the_same(package: str):
    found = kinds(package)
    assert len(found) > 10
    for kind in found:
        fields = dict(filled(kind.DESCRIPTOR, depth=0))
        usual = ParseDict(fields, kind())
        assert quick_events.made(fields, kind()) == usual, kind
        assert fields == dict(filled(kind.DESCRIPTOR, depth=0))  # dbt shows it where it fails


def filled(descriptor: Any, *, depth: int) -> Iterator[tuple[str, Any]]:
    for field in descriptor.fields:
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            yield field.name, {"key": value_of(kind.fields_by_name["value"], depth=depth)}
        elif kind is None or depth < 6:
            found = value_of(field, depth=depth)
            yield field.name, [found, found] if field.is_repeated else found


def value_of(field: FieldDescriptor, *, depth: int) -> Any:
    if field.message_type is not None:
        name = field.message_type.full_name
        if name == "google.protobuf.Timestamp":
            return MOMENT
        if name == "google.protobuf.Struct":
            return {"text": "é", "ranks": LIST, "more": {"none": {}}}
        if name == "google.protobuf.ListValue":
            return LIST
        return dict(filled(field.message_type, depth=depth + 1))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "näme"
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    return 1.5 if field.cpp_type in NUMBERS else 7


@pytest.mark.parametrize(
    "fields",
    [
        {"no_such_field": 1},
        {"msg": 7},
        {"msg": "\ud800"},
        {"info": {"ts": "yesterday"}},
        {"info": {"ts": "2026-11-30T12:34:56"}},
        {"info": {"ts": 7}},
        {"info": {"ts": MOMENT, "extra": {"none": None}}},
    ],
    ids=str,
)
def test_what_the_constructor_refuses_fails_as_ever(fields):
    from dbt_common.events import types_pb2

    kind = types_pb2.NoteMsg if "info" in fields else types_pb2.Note
    with pytest.raises(ParseError) as usual:
        ParseDict(fields, kind())
    with pytest.raises(ParseError) as made:
        quick_events.made(fields, kind())
    assert str(made.value) == str(usual.value)


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else {"none": {}}


@pytest.mark.parametrize(
    "meta",
    [
        {"fields": {}},
        {"fields": {"a": {"string_value": "x"}}},
        {"fields": "\ud800"},
        {"fields": {1, 2}},
        {"a": {"fields": [1]}},
        {"a": ("ann", "bob")},
        {"a": {1, 2}},
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": 10**400},
        {"a": 2**60},
        {"a": b"x"},
        {"a": date(2026, 12, 1)},
        {1: "a"},
        {None: 1},
        {"\ud800": 1},
        {"a": Status.SUCCESS},
        {"a": deep(40)},
        {"a": deep(120)},
    ],
    ids=lambda meta: str(meta)[:40],
)
def test_whatever_people_write_as_meta_is_taken_or_refused_as_ever(meta: Any):
    from dbt.events.base_types import core_types_pb2

    kind = core_types_pb2.NodeInfo
    fields = {"node_name": "orders", "meta": meta}
    assert outcome(ParseDict, fields, kind()) == outcome(quick_events.made, fields, kind())


def outcome(make: Callable[..., Message], fields: Any, message: Message) -> bytes | str:
    try:
        return make(fields, message).SerializeToString(deterministic=True)
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize(
    "moment",
    ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.000001Z", "2026-11-30T12:34:56+02:00"],
)
def test_a_moment_is_the_same(moment):
    from dbt_common.events import types_pb2

    fields = {"info": {"ts": moment}}
    made = quick_events.made(fields, types_pb2.NoteMsg())
    assert made == ParseDict(fields, types_pb2.NoteMsg())


def test_numbers_in_text_are_taken_as_ever():
    from dbt.events.base_types import core_types_pb2

    fields = {"index": "7", "total": 9.0}
    made = quick_events.made(fields, core_types_pb2.LogStartLine())
    assert (made.index, made.total) == (7, 9)


@pytest.mark.slow
def test_all_events_of_dbts_commands_are_the_same(tmp_path):
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", dedent(BUILD), Path(quick_events.__file__).parent],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    counts = json.loads(ended.stdout.splitlines()[-1])
    assert counts["other"] == 0, ended.stdout
    assert counts["alike"] > 500
    assert counts["the old way"] < counts["alike"] / 10, counts
