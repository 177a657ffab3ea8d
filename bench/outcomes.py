"""The table of measurements beside the promised limits; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.tables import line

Unit = Literal["s", "MiB", "%"]

_HEADINGS = ("what", "size", "target", "measured", "spread", "of CPU", "times", "met")


@dataclass(frozen=True)
class Outcome:
    """One promised limit, and the figures that were measured."""

    what: str
    size: str
    limit: float
    unit: Unit
    found: Sequence[float]
    cpu: Sequence[float] = ()
    """The same of CPU time, which a busy machine changes less; empty where it was not measured."""

    @property
    def is_met(self) -> bool:
        """Whether the median is within the limit."""
        return median(self.found) <= self.limit


def outcome_table(outcomes: Iterable[Outcome]) -> str:
    """Return a Markdown table of one line for each, without a final newline."""
    rows = [_HEADINGS, *map(_cells, outcomes)]
    return "\n".join(
        [line(rows[0]), "|---|---|--:|--:|--:|--:|--:|---|", *(line(each) for each in rows[1:])]
    )


def _cells(outcome: Outcome) -> tuple[str, ...]:
    unit, found = outcome.unit, outcome.found
    return (
        outcome.what,
        outcome.size,
        f"≤ {outcome.limit:,g} {unit}",
        f"{_number(median(found), unit)} {unit}",
        f"{_number(min(found), unit)}–{_number(max(found), unit)}",
        f"{_number(median(outcome.cpu), unit)} {unit}" if outcome.cpu else "",
        str(len(found)),
        "yes" if outcome.is_met else "no",
    )


def _number(value: float, unit: Unit) -> str:
    if unit != "s":
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}"
