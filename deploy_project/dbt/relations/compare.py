"""The comparison of two relations by the macros of `compare.sql`: their arguments and name."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MACRO = "compare_relations"
SAMPLES = {"added": 30, "removed": 30, "changed": 40}
"""So many rows of each kind are kept of a model."""


@dataclass(frozen=True)
class RelationPlace:
    """The full name of a relation: database, schema and identifier."""

    database: str
    schema: str
    identifier: str

    def __str__(self) -> str:
        return ".".join(filter(None, (self.database, self.schema, self.identifier)))


@dataclass(frozen=True)
class Pair:
    """One relation as it was, and as it is to be."""

    before: RelationPlace
    after: RelationPlace
    key: tuple[str, ...] = ()
    """The columns of the primary key; empty when it is unknown."""
    event_time: str = ""
    """The column with the time of a row's event; empty for none."""
    hidden: Collection[str] | None = ()
    """The columns whose values are not shown, in small letters; None for all."""


def macros() -> str:
    """Return the macros, to be written into a project that stands in for the user's."""
    return Path(__file__).with_name("compare.sql").read_text(encoding="utf-8")


def given(pair: Pair, *, with_samples: bool) -> dict[str, Any]:
    """Return the macro's arguments for one pair."""
    places = {"before": pair.before, "after": pair.after}
    return {
        **{name: [at.database, at.schema, at.identifier] for name, at in places.items()},
        "key": list(pair.key),
        "event_time": pair.event_time,
        "hidden": sorted(pair.hidden) if pair.hidden is not None else None,
        "samples": SAMPLES if with_samples else None,
    }
