"""What the measurements come to: medians, ratios, the table; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Kind = Literal["warm", "fresh"]

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"
_HEADINGS = ("commit", "models", "bare dbt", "a run here", "ratio", "spread", "CPU ratio")
_COMMIT = {"warm": "deployed", "fresh": "new"}


@dataclass(frozen=True)
class Cost:
    """What something took, in seconds."""

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


def row(comparison: Comparison) -> tuple[str, ...]:
    """Return the cells of one line: ratios of medians, and the range of the pairs' ratios."""
    pairs = comparison.pairs
    bare, ours = median(p.bare.wall for p in pairs), median(p.ours.wall for p in pairs)
    cpu = median(p.ours.cpu for p in pairs) / median(p.bare.cpu for p in pairs)
    ratios = [pair.ratio for pair in pairs]
    return (
        _COMMIT[comparison.kind],
        f"{comparison.models:,}",
        f"{bare:.1f} s",
        f"{ours:.1f} s",
        f"{ours / bare:.2f}",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        f"{cpu:.2f}",
    )


def table(comparisons: Iterable[Comparison]) -> str:
    """Return a Markdown table whose columns line up, without a final newline."""
    rows = [_HEADINGS, *(row(each) for each in comparisons)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line([rows[0][0].ljust(widths[0]), *_right(rows[0], widths)])]
    lines.append(_line(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]))
    lines += [_line([cells[0].ljust(widths[0]), *_right(cells, widths)]) for cells in rows[1:]]
    return "\n".join(lines)


def _right(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def replaced(text: str, content: str) -> str:
    """Return `text` with `content` between the two markers; raise `ValueError` without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"found no {BEGIN} followed by {END}; put both where the table belongs")
    return f"{before}{begin}\n{content}\n{end}{after}"
