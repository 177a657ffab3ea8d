"""What to do about the head of a branch; pure (MRG-1, MRG-3)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

TRY_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Seen:
    """What an earlier tick has seen of one environment's branch."""

    commit: str
    problem: str = ""
    """Why `commit` could not be deployed; empty when it was."""
    at: str = ""
    """When that was tried last, in ISO format."""


@dataclass(frozen=True)
class Deploy:
    """Make `commit` the deployed one, and start the merge jobs when `merged`."""

    commit: str
    merged: bool


@dataclass(frozen=True)
class Fail:
    """Say again what is wrong."""

    problem: str


def decide(
    head: str | None,
    seen: Seen | None,
    *,
    deployed: str | None,
    now: datetime,
    missing: str,
) -> Deploy | Fail | None:
    """Return what to do about `head`; None for nothing, `missing` is what to say without a head.

    An environment that is seen for the first time is deployed without running its merge jobs.
    """
    if head is None:
        return Fail(missing)
    if seen is None:
        return Deploy(head, merged=False)
    if head != seen.commit:
        return Deploy(head, merged=True)
    if seen.problem:
        ago = now - datetime.fromisoformat(seen.at)
        recent = timedelta(0) <= ago < TRY_AGAIN_AFTER  # a clock may be set back
        return Fail(seen.problem) if recent else Deploy(head, merged=False)
    return Deploy(head, merged=False) if deployed is None else None


def read(cursor: Mapping[str, Any]) -> dict[str, Seen]:
    """Return what a cursor remembers, by environment."""
    return {name: Seen(**content) for name, content in cursor.items()}


def written(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """Return what `read` reads."""
    return {name: asdict(each) for name, each in seen.items()}
