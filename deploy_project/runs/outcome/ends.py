"""The reason why a run has ended without telling, and the cursor over ended runs; pure."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, TypeAdapter

from deploy_project.config import cursors
from deploy_project.runs.model.status import Status

CANCELLED = "Cancelled by user."
"""dbt Cloud's words (Q-8)."""
DIED = "The run's process ended without a word"
NEVER_BEGAN = "The run never began"
RIPE = timedelta(minutes=1)
"""The age of an end by which the run's own process has written everything about it."""
OVERLAP = timedelta(minutes=10)
"""The time that every tick looks back again: an end may be written late."""
LONGEST = timedelta(days=1)
"""After this long nobody waits for a run any more; the first tick looks back as far."""
_LONGEST_TEXT = 2000
# What Dagster says when nobody has told it why.
_HOLLOW = frozenset(
    {
        "",
        "Canceling run from the queue.",
        "Sending run termination request.",
        "This run has been marked as canceled from outside the execution context.",
        "This run has been marked as failed from outside the execution context.",
    }
)


Kind = Literal["engine", "failure", "cancel"]


@dataclass(frozen=True)
class EndEvent:
    """The text of one of Dagster's events on the end of a run."""

    kind: Kind
    text: str


def reason(outcome: Status, said: Sequence[EndEvent], *, began: bool) -> str:
    """Return the reason for the end of a run that left none; `said` is in the order of events."""
    if outcome is Status.CANCELLED:
        return _last(said, "cancel") or CANCELLED
    if outcome is not Status.ERROR:
        return ""
    why = _last(said, "failure") or _last(said, "engine")
    what = DIED if began else NEVER_BEGAN
    return f"{what}: {why}" if why else f"{what}."


def _last(said: Sequence[EndEvent], kind: str) -> str:
    texts = (each.text.strip() for each in reversed(said) if each.kind == kind)
    return next((text[:_LONGEST_TEXT] for text in texts if text not in _HOLLOW), "")


@dataclass(frozen=True)
class Cursor:
    """The cursor over ended runs: a time, and the runs settled since then."""

    since: AwareDatetime
    settled: frozenset[str] = frozenset()
    """The runs changed after `since` that need not be looked at again."""

    @classmethod
    def read(cls, text: str | None, *, now: datetime) -> "Cursor":
        """Return the cursor in `text`; one that begins `LONGEST` ago when it holds none."""
        found = cursors.read(_CURSOR, text)
        if found is None:
            return cls(now - LONGEST)
        return cls(min(found.since, now - OVERLAP), found.settled)  # a clock may be set back

    def written(self) -> str:
        """Return the cursor as JSON, for `read`."""
        return json.dumps({"since": self.since.isoformat(), "settled": sorted(self.settled)})


_CURSOR = TypeAdapter(Cursor)


@dataclass(frozen=True)
class Changed:
    """A run that has ended, and when anything about it was last changed."""

    run_id: str
    ended_at: datetime
    changed_at: datetime


def due(runs: Iterable[Changed], cursor: Cursor, *, now: datetime) -> list[str]:
    """Return the runs to look at now, in their order."""
    return [
        run.run_id
        for run in runs
        if run.run_id not in cursor.settled and run.ended_at <= now - RIPE
    ]


def moved(
    cursor: Cursor, runs: Sequence[Changed], settled: Collection[str], *, now: datetime
) -> Cursor:
    """Return the cursor after a tick that has found `runs`, and has `settled` some of them."""
    done = {*cursor.settled, *settled}
    open_since = [run.changed_at for run in runs if run.run_id not in done]
    # A second earlier: the next tick asks for what was changed after it.
    since = min([now - OVERLAP, *(at - timedelta(seconds=1) for at in open_since)])
    since = max(since, cursor.since, now - LONGEST)
    return Cursor(since, frozenset(r.run_id for r in runs if r.run_id in done))
