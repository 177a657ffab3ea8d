"""Medians, ratios and tables of measured runs; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.tables import line

Kind = Literal["warm", "fresh"]

LARGE = 1000
"""From so many models on, fewer runs are measured, and none is made before."""
MINUTES = 25
"""After so many, each size is measured once more at most: all of it shall take half an hour."""
_HEADINGS = (
    *("commit", "models", "runs", "bare dbt", "a run here", "ratio", "wanted", "spread"),
    "CPU ratio",
)
TARGETS: Mapping[Kind, Mapping[int, float]] = {
    "warm": {10: 1.5, 200: 1.15, 1000: 1.05, 5000: 1.05},
    "fresh": {10: 1.4, 200: 1.0, 1000: 1.0, 5000: 1.0},
}
"""The ratio that is wanted at most, by the number of models."""
_PEER_HEADINGS = (
    "tool",
    "version",
    "models",
    "bare dbt",
    "its run",
    "ratio",
    "spread",
    "CPU ratio",
)
_LONGEST = 90  # characters of a tool's last line
_COMMIT = {"warm": "deployed", "fresh": "new"}


@dataclass(frozen=True)
class Cost:
    """The wall and CPU time of some commands, in seconds."""

    wall: float
    cpu: float
    """User and system time of all its processes together."""


@dataclass(frozen=True)
class Pair:
    """Bare dbt and a run of ours, measured one after the other."""

    bare: Cost
    ours: Cost

    @property
    def ratio(self) -> float:
        """How many times as long as bare dbt our run took."""
        return self.ours.wall / self.bare.wall


@dataclass(frozen=True)
class Comparison:
    """All pairs of one kind and size."""

    kind: Kind
    models: int
    pairs: Sequence[Pair]


@dataclass(frozen=True)
class Standing:
    """The result of one tool with so many models."""

    tool: str
    version: str
    models: int
    pairs: Sequence[Pair] = ()
    """Bare dbt and the tool's run; empty when it did not get to its end."""
    said: str = ""
    """Shown instead, then: the tool's last words, or its time limit."""


def runs_of(models: int, *, minutes: float) -> int:
    """Return the default number of runs of each side, so many minutes after the begin."""
    if minutes > MINUTES:
        return 1
    return 5 if models < LARGE else 3 if models == LARGE else 1


def row(comparison: Comparison) -> tuple[str, ...]:
    """Return the cells of one line: ratios of medians, and the range of the pairs' ratios."""
    pairs, models = comparison.pairs, comparison.models
    bare, ours, ratio, spread, cpu = _figures(pairs)
    target = TARGETS[comparison.kind].get(models)
    wanted = f"≤ {target:.2f}" if target is not None else "–"
    counts = (f"{models:,}", str(len(pairs)))
    return (_COMMIT[comparison.kind], *counts, bare, ours, ratio, wanted, spread, cpu)


def peer_row(standing: Standing) -> tuple[str, ...]:
    """Return the cells of one line of the tools' table."""
    which = (standing.tool, standing.version, f"{standing.models:,}")
    if not standing.pairs:
        return (*which, "–", standing.said, "–", "–", "–")
    bare, run, ratio, spread, cpu = _figures(standing.pairs)
    return (*which, bare, run, ratio, spread if len(standing.pairs) > 1 else "one run", cpu)


def last_words(said: str) -> str:
    """Return the last line of `said`, shortened and escaped for a cell."""
    line = next((each.strip() for each in reversed(said.splitlines()) if each.strip()), "")
    short = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return short.replace("|", "\\|")


def _figures(pairs: Sequence[Pair]) -> tuple[str, str, str, str, str]:
    bare, ours = median(p.bare.wall for p in pairs), median(p.ours.wall for p in pairs)
    cpu = median(p.ours.cpu for p in pairs) / median(p.bare.cpu for p in pairs)
    ratios = [pair.ratio for pair in pairs]
    return (
        f"{bare:.1f} s",
        f"{ours:.1f} s",
        f"{ours / bare:.2f}",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        f"{cpu:.2f}",
    )


def table(comparisons: Iterable[Comparison]) -> str:
    """Return a Markdown table with aligned columns, without a final newline."""
    return _aligned([_HEADINGS, *(row(each) for each in comparisons)], left=1)


def peer_table(standings: Iterable[Standing]) -> str:
    """Return the tools' table, like `table`."""
    return _aligned([_PEER_HEADINGS, *(peer_row(each) for each in standings)], left=2)


def _aligned(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Return a table of headings and rows; all columns but the first `left` are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rules = [
        "-" * width if at < left else "-" * (width - 1) + ":" for at, width in enumerate(widths)
    ]
    cells = [
        [
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(each, widths, strict=True))
        ]
        for each in rows
    ]
    return "\n".join(line(each) for each in (cells[0], rules, *cells[1:]))
