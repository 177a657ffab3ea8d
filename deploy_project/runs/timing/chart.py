"""Model timing as a Gantt chart: a small SVG that Markdown in the Dagster UI shows inline."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from deploy_project.runs.timing import svg
from deploy_project.runs.timing.model_timing import NodeTiming, Timing, duration_text
from deploy_project.runs.timing.svg import box, upright, words

LARGEST = 150_000
"""Bytes of a picture; as a data URI that makes 200 kB, which every reader of the record loads."""
_WIDTH, _LEFT, _TOP, _RIGHT = 960, 92, 66, 36
_PLOT = _WIDTH - _LEFT - _RIGHT
_THREADS = 64
_SHORT = 3.0
"""Pixels under which a bar is merged with a neighbour of its kind."""
_STEPS = [
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)),
]
_LOOKS = {
    **dict.fromkeys(("success", "pass", "reused"), "success"),
    **dict.fromkeys(("error", "fail", "runtime error", "partial success"), "error"),
    "warn": "warn",
}
_LAYERS = ("success", "skipped", "warn", "error")
"""Bars that must not be hidden by others are drawn last."""


@dataclass(frozen=True)
class _Bar:
    """One or several nodes of one kind, from `left` to `right` in pixels."""

    nodes: Sequence[NodeTiming]
    left: float
    right: float

    @property
    def look(self) -> str:
        return _look(self.nodes[0])

    @property
    def critical(self) -> bool:
        return self.nodes[0].critical

    @property
    def merged(self) -> bool:
        return len(self.nodes) > 1

    @property
    def layer(self) -> tuple[bool, int, bool]:
        return not self.merged, _LAYERS.index(self.look), self.critical


@dataclass(frozen=True)
class _Scale:
    """The time axis: the pixel of each moment."""

    begin: datetime
    seconds: float

    @classmethod
    def of(cls, nodes: Sequence[NodeTiming]) -> "_Scale":
        begin, end = min(node.start for node in nodes), max(node.end for node in nodes)
        return cls(begin, (end - begin).total_seconds())

    def x(self, seconds: float) -> float:
        return _LEFT + seconds / (self.seconds or 1.0) * _PLOT

    def at(self, moment: datetime) -> float:
        return self.x((moment - self.begin).total_seconds())


def gantt_svg(timing: Timing, *, title: str) -> str:
    """Return a Gantt chart of the nodes by thread, of about `LARGEST` bytes at most.

    Bars too short to be told apart are merged, and the picture says so.
    """
    if not timing.nodes:
        parts = [_title(title), words("No node ran.", x=16, y=44)]
        return svg.document(parts, width=_WIDTH, height=60)
    shortest = _SHORT
    while True:
        picture = _picture(timing, title, shortest)
        if len(picture.encode()) <= LARGEST or shortest > _PLOT:
            return picture
        shortest *= 2


def data_uri(picture: str) -> str:
    """Return the picture as an address, for `![model timing](…)` in Markdown."""
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def _picture(timing: Timing, title: str, shortest: float) -> str:
    scale = _Scale.of(timing.nodes)
    threads = _threads(timing.nodes)
    height = 22 if len(threads) <= 16 else 13
    bottom = _TOP + height * len(threads)
    parts = [_title(title), words(_summary(timing), x=16, y=42), *_axis(scale, bottom)]
    parts += _next_commands(timing.nodes, scale, bottom)
    bars = [_bars(nodes, scale, shortest) for nodes in threads.values()]
    for row, thread in enumerate(threads):
        y = _TOP + row * height
        parts.append(words(_thread(thread), x=_LEFT - 8, y=y + height / 2 + 4, anchor="end"))
        parts += [
            _drawn(bar, y + 2, height - 4) for bar in sorted(bars[row], key=attrgetter("layer"))
        ]
    parts += _legend(timing.nodes, bottom + 22)
    merged = [bar for row in bars for bar in row if bar.merged]
    notes = list(_notes(timing, len(threads), merged))
    parts += [words(note, x=_LEFT, y=bottom + 44 + 16 * n) for n, note in enumerate(notes)]
    return svg.document(parts, width=_WIDTH, height=bottom + 34 + 16 * len(notes))


def _threads(nodes: Sequence[NodeTiming]) -> dict[str, list[NodeTiming]]:
    """Return the nodes by thread, `Thread-2` before `Thread-10`."""
    found: dict[str, list[NodeTiming]] = {}
    for node in nodes:
        found.setdefault(node.thread, []).append(node)

    def number(thread: str) -> tuple[int, str]:
        digits = re.search(r"[0-9]{1,9}", thread)
        return int(digits[0]) if digits else -1, thread

    return {thread: found[thread] for thread in sorted(found, key=number)[:_THREADS]}


def _bars(nodes: Sequence[NodeTiming], scale: _Scale, shortest: float) -> list[_Bar]:
    """Return the bars of one thread; short neighbours of one kind become one."""
    found: list[_Bar] = []
    last: dict[tuple[str, bool], int] = {}
    for node in nodes:
        kind = _look(node), node.critical
        bar = _Bar([node], scale.at(node.start), scale.at(node.end))
        before = found[last[kind]] if kind in last else None
        if before and _mergeable(before, bar, shortest):
            right = max(before.right, bar.right)
            found[last[kind]] = _Bar([*before.nodes, node], before.left, right)
        else:
            last[kind] = len(found)
            found.append(bar)
    return sorted(found, key=attrgetter("layer"))


def _mergeable(before: _Bar, bar: _Bar, shortest: float) -> bool:
    is_short = before.merged or before.right - before.left < shortest
    return is_short and bar.right - bar.left < shortest and bar.left - before.right < shortest


def _look(node: NodeTiming) -> str:
    return _LOOKS.get(node.status, "skipped")


def _drawn(bar: _Bar, y: float, height: float) -> str:
    """Return a bar with its tooltip, and its label if that fits."""
    width = max(2.0, bar.right - bar.left - 1)  # one pixel apart from the next
    x = min(bar.left, _LEFT + _PLOT - width)
    inset = 1.25 if bar.critical else 0.0  # so that the outline stays inside
    kind = bar.look + " merged" * bar.merged + " critical" * bar.critical
    shape = box(
        x=x + inset,
        y=y + inset,
        width=max(1.0, width - 2 * inset),
        height=height - 2 * inset,
        kind=kind,
    )
    label = "" if bar.merged or height < 13 else svg.fitting(bar.nodes[0].name, width - 10)
    if label:
        shape += words(label, x=x + 5, y=y + height / 2 + 4, kind=f"on {bar.look}")
    return f"<g><title>{svg.content(_tooltip(bar))}</title>{shape}</g>"


def _tooltip(bar: _Bar) -> str:
    path = ["critical path"] if bar.critical else []
    if bar.merged:
        total = duration_text(sum(node.seconds for node in bar.nodes))
        return " · ".join([f"{len(bar.nodes)} nodes", bar.look, f"{total} in all", *path])
    node = bar.nodes[0]
    waited = [f"{duration_text(node.queue_seconds)} queued"] if node.queue_seconds else []
    told = [svg.cut(node.unique_id, 120), svg.cut(node.status, 30), duration_text(node.seconds)]
    return " · ".join([*told, *waited, *path])


def _title(title: str) -> str:
    return words(svg.cut(title, 100), x=16, y=24, kind="title")


def _summary(timing: Timing) -> str:
    nodes = "1 node" if len(timing.nodes) == 1 else f"{len(timing.nodes)} nodes"
    path, share = duration_text(timing.critical_path_seconds), timing.critical_path_share
    return " · ".join(
        [
            f"{nodes} in {duration_text(timing.wall_clock_seconds)}",
            f"critical path {path} ({share:.0%})",
            f"at most {timing.peak_concurrency} at once, {timing.average_active:.1f} on average",
        ]
    )


def _axis(scale: _Scale, bottom: float) -> Iterator[str]:
    """Yield a line and the time for each tick, at most nine."""
    step = next((step for step in _STEPS if scale.seconds / step <= 8), scale.seconds / 8)
    for tick in range(int(scale.seconds / step) + 1):
        x = scale.x(tick * step)
        yield upright(x=x, top=_TOP - 4, bottom=bottom, kind="grid")
        yield words(_tick(tick * step, step), x=x, y=_TOP - 8, anchor="middle")


def _tick(seconds: float, step: float) -> str:
    """Return a time on the axis, as exact as its steps."""
    if seconds == 0:
        return "0"
    if step < 1:
        return f"{seconds * 1000:.0f} ms" if step < 0.1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if step < 60 else f"{minutes} min"


def _next_commands(nodes: Sequence[NodeTiming], scale: _Scale, bottom: float) -> Iterator[str]:
    """Yield a line where each command after the first one begins."""
    for command in sorted({node.command for node in nodes})[1:]:
        x = scale.at(min(node.start for node in nodes if node.command == command))
        yield upright(x=x, top=_TOP - 4, bottom=bottom, kind="next")


def _legend(nodes: Sequence[NodeTiming], y: float) -> Iterator[str]:
    """Yield the legend of the colours and lines in this picture."""
    looks = {_look(node) for node in nodes}
    kinds = [(look, look) for look in ("success", "warn", "error", "skipped") if look in looks]
    x = float(_LEFT)
    for kind, text in [*kinds, ("outline critical", "critical path")]:
        yield box(x=x, y=y - 9, width=12, height=10, kind=kind) + words(text, x=x + 18, y=y)
        x += 84
    if any(node.command != nodes[0].command for node in nodes):
        yield upright(x=x + 34, top=y - 11, bottom=y + 3, kind="next")
        yield words("next command", x=x + 42, y=y)


def _notes(timing: Timing, threads: int, merged: Sequence[_Bar]) -> Iterator[str]:
    """Yield notes on the merged bars and on the threads that are not shown."""
    if merged:
        count = sum(len(bar.nodes) for bar in merged)
        drawn = "1 faint bar" if len(merged) == 1 else f"{len(merged)} faint bars"
        yield f"{count} short nodes are merged into {drawn}."
    left_out = len({node.thread for node in timing.nodes}) - threads
    if left_out:
        yield f"{left_out} more threads are not shown."


def _thread(name: str) -> str:
    """Return Python's `Thread-1 (worker)` as people say it."""
    spoken = re.sub(r"^Thread-([0-9]+)( \(\w+\))?$", r"thread \1", name)
    return svg.fitting(spoken, _LEFT - 16)
