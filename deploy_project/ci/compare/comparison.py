"""The comparison of a pull request's models with production's, and its form `compare.json`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from deploy_project.dbt.relations.stand_in import Fact, Value
from deploy_project.errors import ArtifactError

ComparisonOutcome = Literal["compared", "new", "removed", "not_built", "not_compared", "failed"]
FORMAT = 1


@dataclass(frozen=True)
class Samples:
    """A sample of rows: some of those added, removed or changed."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()
    """A value for each column; where rows have changed two, as it was and as it is."""


@dataclass(frozen=True)
class Range:
    """The time that both sides have, by the column that `event_time` names."""

    column: str
    low: Value
    high: Value
    rows: tuple[int, int]
    """The number of rows of each side in it; only they are compared."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of one model, seed or snapshot; its facts depend on its outcome."""

    unique_id: str
    name: str
    outcome: ComparisonOutcome
    why: str = ""
    """The reason why it was not compared, in words."""
    before: str = ""
    """The relation of production."""
    after: str = ""
    """The relation of the pull request."""
    columns_added: Sequence[tuple[str, str]] = ()
    """Each with its type, as the warehouse calls it."""
    columns_removed: Sequence[tuple[str, str]] = ()
    columns_retyped: Sequence[tuple[str, str, str]] = ()
    """Each with its type as it was, and as it is."""
    columns_not_compared: Sequence[str] = ()
    """Those of both sides with values that can't be compared."""
    rows: tuple[int, int] | None = None
    """The number before, and after."""
    range: Range | None = None
    key: Sequence[str] = ()
    """The primary key; without one, whole rows are compared, and none of them has changed."""
    notes: Sequence[str] = ()
    """The settings of the project that did not fit the relations."""
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    changed_columns: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of rows with another value there, by the name of the column."""
    null_keys: tuple[int, int] = (0, 0)
    """Rows without a key, before and after; like those of `duplicate_keys` not in the counts."""
    duplicate_keys: tuple[int, int] = (0, 0)
    """Keys that are there more than once, before and after."""
    duplicate_rows: tuple[int, int] = (0, 0)
    """The rows of all keys that are there more than once on either side."""
    hidden: Sequence[str] | None = ()
    """The columns with masked values in the samples; None for all."""
    samples: Mapping[str, Samples] = field(default_factory=dict[str, Samples])
    """By `added`, `removed` and `changed`."""

    @property
    def differs(self) -> bool:
        """Whether there is anything to look at."""
        columns = (self.columns_added, self.columns_removed, self.columns_retyped)
        counts = (self.added, self.removed, self.changed)
        return self.outcome != "compared" or any(columns) or any(counts) or self.has_odd_keys

    @property
    def has_odd_keys(self) -> bool:
        """Whether the primary key has duplicates or NULL."""
        return any((*self.null_keys, *self.duplicate_keys))


def compared(known: Comparison, facts: Iterable[Fact]) -> Comparison:
    """Return `known` with the facts that the macro has reported."""
    found: dict[str, Any] = {}
    rows: dict[str, list[list[Value]]] = {}
    shown: dict[str, list[str]] = {}
    for fact in facts:
        if "sample" in fact:
            rows.setdefault(fact["sample"], []).append(fact["values"])
            shown[fact["sample"]] = fact["columns"]
        else:
            found |= fact
    exists = found.get("exists", [True, True])
    if not all(exists):
        return _missing(known, before=exists[0], after=exists[1])
    before, after = dict(found["before"]), dict(found["after"])
    return replace(
        known,
        outcome="compared",
        columns_added=[each for each in after.items() if each[0] not in before],
        columns_removed=[each for each in before.items() if each[0] not in after],
        columns_retyped=list(_retyped(before, after)),
        columns_not_compared=found["not_compared"],
        rows=tuple(found["rows"]),
        range=_range(found),
        key=found.get("key", ()),
        notes=_notes(found),
        added=found.get("added"),
        removed=found.get("removed"),
        changed=found.get("changed", 0) if found.get("key") else None,
        changed_columns={name: count for name, count in found.get("changed_columns", ()) if count},
        null_keys=tuple(found.get("null_keys", (0, 0))),
        duplicate_keys=tuple(found.get("duplicate_keys", (0, 0))),
        duplicate_rows=tuple(found.get("duplicate_rows", (0, 0))),
        samples={what: Samples(shown[what], rows[what]) for what in rows},
    )


def _missing(known: Comparison, *, before: bool, after: bool) -> Comparison:
    if after:
        return replace(known, outcome="new", why="no relation in production")
    why = "this run has not built it" + ("" if before else ", nor is it in production")
    return replace(known, outcome="not_built", why=why)


def _retyped(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, kind in after.items():
        if before.get(name, kind) != kind:
            yield name, before[name], kind


def _range(found: Mapping[str, Any]) -> Range | None:
    if "range" not in found:
        return None
    low, high = found["range"]
    return Range(found["event_time"], low, high, tuple(found["in_range"]))


def _notes(found: Mapping[str, Any]) -> list[str]:
    notes: list[str] = []
    if "not_in_both" in found:
        notes.append(f"the column {found['not_in_both']!r} of the primary key is not in both")
    if "no_range" in found:
        notes.append(
            f"the column {found['no_range']!r} of `event_time` is not in both, or not as one type, "
            "so all rows are compared"
        )
    return notes


@dataclass(frozen=True)
class CompareDocument:
    """The content of `compare.json`."""

    comparisons: Sequence[Comparison]
    compared_with: str = ""
    """The environment or job of the state that they were compared with."""
    flags: str = ""
    """The flags that have selected the nodes, as dbt takes them."""
    format: int = FORMAT


_ADAPTER = TypeAdapter(CompareDocument)


def to_json(document: CompareDocument) -> str:
    """Return `document` as JSON, for `from_json`."""
    return _ADAPTER.dump_json(document, indent=2).decode()


def from_json(content: bytes, *, where: str) -> CompareDocument:
    """Return the document that `to_json` wrote; raise `ArtifactError` naming `where` else."""
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise ArtifactError(f"{where} is no comparison: {error}") from error
