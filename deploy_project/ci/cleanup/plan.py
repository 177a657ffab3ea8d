"""The decision to drop or keep each pull request's schemas in a warehouse; pure (CI-4)."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy_project.ci.schemas.ledger import Entered, EntryKey, is_of
from deploy_project.dbt.relations.schema_drops import Schema

_FORM = re.compile(r"dbt_cloud_pr_[0-9]+_[0-9]+(_.+)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Drop:
    """Drop all schemas of `entered`."""

    entered: Entered
    why: str


@dataclass(frozen=True)
class Wait:
    """Drop all schemas of `entered` once a run has ended that may still write them."""

    entered: Entered
    why: str


@dataclass(frozen=True)
class Keep:
    """Leave the schemas of `entered` alone for now."""

    entered: Entered
    why: str


Decision = Drop | Wait | Keep


def decide(
    entered: Iterable[Entered],
    open_numbers: Collection[int] | None,
    *,
    in_progress: Mapping[EntryKey, str],
    now: datetime,
    time_to_live: timedelta | None,
) -> list[Decision]:
    """Return the decision on each of `entered`, which are of one project.

    `open_numbers` are the pull requests that are open now, all of them; None when nobody could be
    asked, and then only age counts.
    `in_progress` names a run that may still write. A `time_to_live` of None is for ever.
    """
    return [
        _waiting(_decided(each, open_numbers, now, time_to_live), in_progress.get(each.entry.place))
        for each in entered
    ]


def _waiting(decision: Drop | Keep, run: str | None) -> Decision:
    if run is None or isinstance(decision, Keep):
        return decision
    return Wait(decision.entered, f"{decision.why}; waits for run {run}")


def _decided(
    entered: Entered,
    open_numbers: Collection[int] | None,
    now: datetime,
    time_to_live: timedelta | None,
) -> Drop | Keep:
    name = f"pull request {entered.entry.pull_request}"
    if open_numbers is not None and entered.entry.pull_request not in open_numbers:
        return Drop(entered, f"{name} is closed")
    age = now - entered.at
    if time_to_live is not None and age > time_to_live:
        return Drop(entered, f"{name} had no run for {age.days} days")
    if open_numbers is None:
        return Keep(entered, f"nobody could be asked whether {name} is open")
    return Keep(entered, f"{name} is open")


def droppable(drop: Drop, protected: Collection[str]) -> list[Schema]:
    """Return the schemas to drop: never one of `protected`, or of another name than is due.

    The ledger holds no others; this is the last look before something is lost.
    """
    entry, kept = drop.entered.entry, {name.lower() for name in protected}
    return sorted(
        (database, name)
        for database, name in entry.schemas
        if is_of(name, entry.job_id, entry.pull_request) and name.lower() not in kept
    )


def databases(entered: Iterable[Entered]) -> list[str]:
    """Return the databases that pull requests were about to write into."""
    return sorted({database for each in entered for database, _ in each.entry.schemas})


def strays(found: Iterable[Schema], entered: Sequence[Entered]) -> Iterator[Schema]:
    """Yield the schemas that look like a pull request's, and that no run of ours has entered."""
    known = {_folded(schema) for each in entered for schema in each.entry.schemas}
    for schema in found:
        if _FORM.fullmatch(schema[1]) and _folded(schema) not in known:
            yield schema


def _folded(schema: Schema) -> Schema:
    return schema[0].lower(), schema[1].lower()
