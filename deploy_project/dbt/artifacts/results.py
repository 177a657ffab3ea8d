"""run_results.json and sources.json as typed values; unknown fields are ignored."""

import json
import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from deploy_project.errors import DbtError

MALFORMED = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(RecursionError, OverflowError),
)
"""The errors of reading JSON that has another shape than dbt's; a pull request may write any."""


class Readable(Protocol):
    """A file that can be read, on this machine (`Path`) or elsewhere (`UPath`)."""

    def read_bytes(self) -> bytes:
        """Return the content of the file."""
        ...


@dataclass(frozen=True)
class Interval:
    """A span of time in UTC."""

    started: datetime
    completed: datetime


@dataclass(frozen=True)
class NodeResult:
    """The result of one node, as dbt writes it at the end of a command."""

    unique_id: str
    status: str
    """dbt's own word: success, error, skipped, pass, fail, warn, no-op, …"""
    message: str
    thread: str
    execution_seconds: float
    compile: Interval | None
    execute: Interval | None
    failures: int | None
    compiled_code: str = ""
    """The SQL (or Python) of the node with all its references resolved, if dbt got that far."""


@dataclass(frozen=True)
class RunResults:
    """The results of one dbt command."""

    command: str
    """The name of the command, such as `build` or `source freshness`."""
    dbt_version: str
    invocation_id: str
    started_at: datetime | None
    results: tuple[NodeResult, ...]


@dataclass(frozen=True)
class SourceResult:
    """The freshness of one source table."""

    unique_id: str
    status: str
    """pass, warn, error, or `runtime error` when the check itself failed."""
    max_loaded_at: datetime | None
    snapshotted_at: datetime | None
    age_seconds: float | None
    warn_after: timedelta | None
    error_after: timedelta | None
    error: str
    """The reason why the check failed; empty otherwise."""


def read_run_results(path: Readable) -> RunResults:
    """Return the results in `run_results.json`, or raise `DbtError`."""
    with document(path, "run-results") as found:
        metadata = found["metadata"]
        return RunResults(
            command=text_in(found.get("args", {}), "which"),
            dbt_version=text_in(metadata, "dbt_version"),
            invocation_id=text_in(metadata, "invocation_id"),
            started_at=moment(metadata.get("invocation_started_at")),
            results=tuple(_node_result(each) for each in found["results"]),
        )


def read_sources(path: Readable) -> tuple[SourceResult, ...]:
    """Return the results of `dbt source freshness` in `sources.json`, or raise `DbtError`.

    dbt 1.10 and 1.11 leave out a source whose check itself failed, such as a missing table; the
    published schema has it as `runtime error`, which is read too.
    """
    with document(path, "sources") as found:
        return tuple(_source_result(each) for each in found["results"])


def failed_measurement(unique_id: str, error: str) -> SourceResult:
    """Return the result of a source without a measured freshness, such as that of a lost table."""
    return SourceResult(unique_id, "runtime error", None, None, None, None, None, error)


@contextmanager
def document(path: Readable, kind: str) -> Generator[dict[str, Any], None, None]:
    """Yield the JSON document in `path`; an error while it is read names the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DbtError(
            f"dbt's artifact {str(path)!r} can't be read: {error.strerror or error}; "
            "see the log of the command that should have written it"
        ) from error
    try:
        found = json.loads(content)
        if _HALF in content.lower():  # half a letter, perhaps, which nobody could write down
            found = _whole(found)
        version = found["metadata"]["dbt_schema_version"]
        if f"/{kind}/" not in version:
            raise ValueError(f"it says that it is {version!r}")
        yield found
    except MALFORMED as error:
        why = f"{type(error).__name__}: {error}"
        raise DbtError(
            f"dbt's artifact {str(path)!r} ({len(content)} bytes) is not a whole {kind} document "
            f"of dbt ({why}); run the command again"
        ) from error


def whole_text(text: str) -> str:
    """Return a text that can be written, with question marks for halves of letters in it."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


_HALF = b"\\ud"


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        entries = cast(dict[str, Any], value)
        return {whole_text(key): _whole(each) for key, each in entries.items()}
    if isinstance(value, list):
        return [_whole(each) for each in cast(list[Any], value)]
    return value


def text_in(raw: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`, empty for none; raise `TypeError` for anything else."""
    found = raw.get(key) or ""
    if not isinstance(found, str):
        raise TypeError(f"{key!r} is no text, but {type(found).__name__}")
    return found


def _node_result(raw: Mapping[str, Any]) -> NodeResult:
    phases: list[Mapping[str, Any]] = raw.get("timing") or []
    timing = {each["name"]: _interval(each) for each in phases}
    seconds, failures = float(raw.get("execution_time") or 0), raw.get("failures")
    if not math.isfinite(seconds) or not isinstance(failures, int | None):
        raise TypeError(f"the numbers of a result are {seconds!r} and {failures!r}")
    return NodeResult(
        unique_id=_named(raw, "unique_id"),
        status=_named(raw, "status"),
        message=text_in(raw, "message"),
        thread=text_in(raw, "thread_id"),
        execution_seconds=seconds,
        compile=timing.get("compile"),
        execute=timing.get("execute"),
        failures=failures,
        compiled_code=text_in(raw, "compiled_code"),
    )


def _named(raw: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`; raise `KeyError` where there is none."""
    return text_in({key: raw[key]}, key)


def _interval(raw: Mapping[str, Any]) -> Interval | None:
    started, completed = moment(raw.get("started_at")), moment(raw.get("completed_at"))
    return Interval(started, completed) if started and completed else None


def moment(text: str | None) -> datetime | None:
    """Return one of dbt's times as an aware one in UTC; None for none. Digits past six are cut."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _source_result(raw: Mapping[str, Any]) -> SourceResult:
    criteria: Mapping[str, Any] = raw.get("criteria") or {}
    return SourceResult(
        unique_id=_named(raw, "unique_id"),
        status=_named(raw, "status"),
        max_loaded_at=moment(raw.get("max_loaded_at")),
        snapshotted_at=moment(raw.get("snapshotted_at")),
        age_seconds=raw.get("max_loaded_at_time_ago_in_s"),
        warn_after=_period(criteria.get("warn_after")),
        error_after=_period(criteria.get("error_after")),
        error=str(raw.get("error") or ""),
    )


def _period(raw: Mapping[str, Any] | None) -> timedelta | None:
    """Return dbt's `{count: 12, period: hour}`; dbt leaves both empty for no limit."""
    if not raw or raw.get("count") is None or not raw.get("period"):
        return None
    return timedelta(**{f"{raw['period']}s": raw["count"]})
