"""The decision to deploy a branch's head, and to start merge jobs; pure (MRG-1, MRG-3)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from deploy_project.config import cursors

TRY_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class MergeCursor:
    """The head of one environment's branch at an earlier tick, and the result of its deploy."""

    commit: str
    problem: str = ""
    """The reason why `commit` could not be deployed; empty when it was."""
    at: str = ""
    """When that was tried last, in ISO format."""

    def is_recent(self, now: datetime) -> bool:
        """Return whether that is too little time ago to try again; a clock may be set back."""
        try:
            ago = now - datetime.fromisoformat(self.at)
        except (ValueError, TypeError):  # another version may write it otherwise
            return False
        return timedelta(0) <= ago < TRY_AGAIN_AFTER


@dataclass(frozen=True)
class Deploy:
    """Make `commit` the deployed one, and start the merge jobs when `merged`."""

    commit: str
    merged: bool


@dataclass(frozen=True)
class Fail:
    """Fail the tick with the problem, again."""

    problem: str


def decide(
    head: str | None,
    seen: MergeCursor | None,
    *,
    deployed: str | None,
    now: datetime,
    missing: str,
) -> Deploy | Fail | None:
    """Return the step to take for `head`; None for none, a failure with `missing` without a head.

    An environment that is seen for the first time is deployed without running its merge jobs.
    """
    if head is None:
        return Fail(missing)
    if seen is None:
        return Deploy(head, merged=False)
    if head != seen.commit:
        return Deploy(head, merged=True)
    if seen.problem:
        return Fail(seen.problem) if seen.is_recent(now) else Deploy(head, merged=False)
    return Deploy(head, merged=False) if deployed is None else None


_SEEN = TypeAdapter(MergeCursor)
_BY_ENVIRONMENT = TypeAdapter(dict[str, Any])


def read(cursor: str | None) -> dict[str, MergeCursor]:
    """Return the cursor of each environment; those that can't be read are left out."""
    found = cursors.read(_BY_ENVIRONMENT, cursor) or {}
    seen = {name: cursors.read(_SEEN, json.dumps(content)) for name, content in found.items()}
    return {name: each for name, each in seen.items() if each is not None}


def written(seen: Mapping[str, MergeCursor]) -> str:
    """Return the text of a cursor, for `read`."""
    return json.dumps({name: asdict(each) for name, each in seen.items()}, sort_keys=True)
