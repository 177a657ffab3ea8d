"""The smallest picture of a run; Dagster shows Markdown in place only below 1,000 characters."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from deploy_project.runs.timing.chart import data_uri
from deploy_project.runs.timing.model_timing import NodeTiming, Timing

LONGEST = 940
"""Characters of the data URI; the Markdown around it takes some more."""
_WIDTH = 300
_ROW = 9

Bar = tuple[int, int]
"""The left and right end, in pixels."""


def thumbnail_uri(timing: Timing) -> str | None:
    """Return a data URI of each thread's bars, merged as far as they must; None without work."""
    worked = [node for node in timing.nodes if node.worked]
    if not worked:
        return None
    rows = _rows(worked)
    for gap in range(_WIDTH):
        uri = data_uri(_svg([merged(row, gap) for row in rows]))
        if len(uri) <= LONGEST:
            return uri
    return None  # more threads than fit


def _rows(worked: Sequence[NodeTiming]) -> list[list[Bar]]:
    first = min(node.start for node in worked)
    scale = _WIDTH / max(1e-9, (max(node.end for node in worked) - first).total_seconds())

    def at(node: NodeTiming) -> Bar:
        left = int((node.start - first).total_seconds() * scale)
        return left, max(left + 1, int((node.end - first).total_seconds() * scale))

    by_thread = groupby(
        sorted(worked, key=lambda node: (node.thread, node.start)), lambda n: n.thread
    )
    return [[at(node) for node in nodes] for _, nodes in by_thread]


def merged(bars: Iterable[Bar], gap: int) -> list[Bar]:
    """Return `bars`, sorted by their left end, with those at most `gap` apart made one."""
    found: list[Bar] = []
    for left, right in bars:
        if found and left - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def _svg(rows: Sequence[Sequence[Bar]]) -> str:
    bars = "".join(
        f"M{left} {number * _ROW + 4}h{right - left}"
        for number, row in enumerate(rows)
        for left, right in row
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{len(rows) * _ROW}">'
        f'<path stroke="#2d8f5a" stroke-width="7" d="{bars}"/></svg>'
    )
