"""dbt's node events as the child program writes them, one compact JSON line each."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from deploy_project.dbt.artifacts.results import MALFORMED, moment, whole_text
from deploy_project.errors import DbtError

LONGEST_TEXT = 10_000
"""Characters of a message in an event or an error; the logs have all of it."""
NOT_DBTS = "something beside dbt, such as a Python model, writes to the descriptor of its events"
"""The end of the message on an event that dbt can't have written."""
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class NodeStarted:
    """dbt has taken up a node."""

    unique_id: str
    resource_type: str
    name: str


@dataclass(frozen=True)
class Numbered:
    """A node is the `index`th of the `total` of this command."""

    unique_id: str
    index: int
    total: int


@dataclass(frozen=True)
class Skipping(Numbered):
    """dbt leaves a node out, for something above it has failed."""


@dataclass(frozen=True)
class NodeFinished:
    """dbt is done with a node; `status` is dbt's own word (success, error, skipped, warn, …)."""

    unique_id: str
    resource_type: str
    name: str
    status: str
    message: str
    materialized: str
    relation: str
    thread: str
    execution_seconds: float
    failures: int
    started_at: datetime | None
    finished_at: datetime | None
    compile_seconds: float | None
    adapter_response: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Version:
    """The version of dbt that runs; the first event of every command."""

    dbt_version: str
    invocation_id: str


@dataclass(frozen=True)
class Adapter:
    """The adapter that dbt has loaded."""

    name: str
    version: str


@dataclass(frozen=True)
class Listed:
    """The nodes that dbt lists before a command; a listener that raises keeps it from beginning."""

    nodes: Sequence[Mapping[str, Any]]
    """The fields that were asked for of each node, as far as it has them."""
    problem: str
    """The reason why dbt could not list, in its words; empty when it could."""


@dataclass(frozen=True)
class Problem:
    """dbt has met an error that is no node's: of a hook or an operation, or one that ends it."""

    message: str


Event = NodeStarted | Numbered | Skipping | NodeFinished | Version | Adapter | Listed | Problem
_FORMS: Mapping[str, type[Event]] = {
    "MainReportVersion": Version,
    "AdapterRegistered": Adapter,
    "NodeStart": NodeStarted,
    "LogStartLine": Numbered,
    "SkippingDetails": Skipping,
    "NodeFinished": NodeFinished,
    "Listed": Listed,
    "Problem": Problem,
}
"""The event of each name; the child program writes its fields under their names."""
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "index": int,
    "total": int,
    "failures": int,
    "execution_seconds": (int, float),
    "compile_seconds": (float, type(None)),
    "started_at": (datetime, type(None)),
    "finished_at": (datetime, type(None)),
    "adapter_response": dict,
    "nodes": list,
}
"""The types of the fields that are no texts."""
_SHOWN = 200
"""Characters of a line that is no event."""


def _seconds(timing: Mapping[str, list[str]], phase: str) -> float | None:
    begin, end = (moment(each) for each in timing.get(phase, ["", ""]))
    return (end - begin).total_seconds() if begin and end else None


def uncolored(text: str) -> str:
    """Return a text of dbt's without the colors of a terminal."""
    return _COLOR.sub("", text)


def shortened(text: str) -> str:
    """Return `text`, or its beginning and how much is missing when it is too long to be shown."""
    missing = len(text) - LONGEST_TEXT
    return text if missing <= 0 else f"{text[:LONGEST_TEXT]}… ({missing} more characters)"


def _each_text(value: Any, shown: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        entries = cast(dict[str, Any], value)
        return {key: _each_text(each, shown) for key, each in entries.items()}
    if isinstance(value, list):
        return [_each_text(each, shown) for each in cast(list[Any], value)]
    return value


def parse(line: str, *, shown: Callable[[str], str] = str) -> Event:
    """Return the event in one line of the child program, each text in it passed to `shown`.

    The project's own code can write such lines, too. Raises `DbtError` for one that is no event.
    """
    try:
        return _event(_each_text(json.loads(line), lambda text: shown(whole_text(text))))
    except MALFORMED as error:
        why = f"{type(error).__name__}: {error}"
        raise DbtError(
            f"a line among dbt's events is none ({why}): {shown(line[:_SHOWN])!r}; {NOT_DBTS}"
        ) from error


def _event(fact: dict[str, Any]) -> Event:
    if "message" in fact:
        fact["message"] = uncolored(fact["message"])
    if "timing" in fact:
        fact["compile_seconds"] = _seconds(fact["timing"], "compile")
        fact |= {each: moment(fact[each]) for each in ("started_at", "finished_at")}
    form = _FORMS[fact["event"]]
    return form(**{name: _checked(name, fact[name]) for name in form.__dataclass_fields__})


def _checked(name: str, value: Any) -> Any:
    """Return a field's value; raise an error when it is not of the field's type."""
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if not isinstance(value, _TYPES.get(name, str)) or not is_finite:
        raise TypeError(f"{name!r} is {shortened(repr(value))}")
    if name == "nodes" and not all(map(_is_node, cast(list[Any], value))):
        raise TypeError(f"{name!r} are no nodes")
    return value


def _is_node(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    node = cast(dict[str, Any], value)
    return isinstance(node.get("unique_id"), str) and isinstance(node.get("config", {}), dict)
