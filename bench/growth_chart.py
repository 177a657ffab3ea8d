"""The chart of what grows with models and jobs, and the slopes of its lines; pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy_project.runs import svg

Point = tuple[float, float]
"""How many there are, and the seconds that they take."""

_WIDTH, _PANEL, _HEIGHT = 880.0, 400.0, 330.0
_LEFT, _TOP, _BOTTOM = 46.0, 58.0, 262.0
_PLOT = 330.0
_COLOURS = ("#3b82d6", "#d97a1f", "#2f8f5b")
"""As distinct on white as on GitHub's dark grey."""


@dataclass(frozen=True)
class Line:
    """One thing that grows."""

    name: str
    points: Sequence[Point]

    @property
    def slope(self) -> float:
        """Seconds for one more, by least squares."""
        return slope(self.points)


@dataclass(frozen=True)
class Panel:
    """Lines with one axis in common."""

    title: str
    across: str
    """What the points count."""
    lines: Sequence[Line]


def slope(points: Sequence[Point]) -> float:
    """Return the slope of the straight line with the least squares; 0 for fewer than two places."""
    across = [x for x, _ in points]
    middle_x, middle_y = _mean(across), _mean([y for _, y in points])
    spread = sum((x - middle_x) ** 2 for x in across)
    if not spread:
        return 0.0
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def chart(panels: Sequence[Panel]) -> str:
    """Return the panels side by side, with the slope of each line beside its name."""
    parts = [
        part
        for number, panel in enumerate(panels)
        for part in _panel(panel, left=_LEFT + number * (_PANEL + 40))
    ]
    return svg.document([_style(), *parts], width=_WIDTH, height=_HEIGHT)


def _style() -> str:
    lines = "".join(
        f".s{number}{{stroke:{colour};fill:{colour}}}" for number, colour in enumerate(_COLOURS)
    )
    return f"<style>{lines}.curve{{fill:none;stroke-width:2}}.dot{{stroke:none}}</style>"


def _panel(panel: Panel, *, left: float) -> Iterator[str]:
    counts = sorted({x for line in panel.lines for x, _ in line.points})
    top = nice(max((y for line in panel.lines for _, y in line.points), default=1.0))
    decades = (math.floor(math.log10(counts[0])), math.ceil(math.log10(counts[-1])))

    def across(count: float) -> float:
        first, last = decades
        return left + _PLOT * (math.log10(count) - first) / max(1, last - first)

    def up(seconds: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * seconds / top

    yield svg.words(panel.title, x=left - 26, y=22, kind="title")
    yield svg.words("seconds", x=left - 26, y=44)
    yield svg.words(f"{panel.across} (logarithmic)", x=left + _PLOT, y=298, anchor="end")
    for step in range(5):
        seconds = top * step / 4
        yield _flat(x=left, y=up(seconds), width=_PLOT)
        yield svg.words(f"{seconds:g}", x=left - 6, y=up(seconds) + 4, anchor="end")
    for power in range(decades[0], decades[1] + 1):
        x = across(10**power)
        yield svg.upright(x=x, top=_TOP, bottom=_BOTTOM, kind="grid")
        yield svg.words(f"{10**power:,}", x=x, y=_BOTTOM + 16, anchor="middle")
    for number, line in enumerate(panel.lines):
        yield from _curve(number, [(across(x), up(y)) for x, y in sorted(line.points)])
        yield from _legend(number, line, x=left + 12, y=_TOP + 14 + 17 * number)


def _curve(number: int, places: Sequence[Point]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" class="curve s{number}"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="dot s{number}"/>'


def _legend(number: int, line: Line, *, x: float, y: float) -> Iterator[str]:
    yield f'<circle cx="{x:.1f}" cy="{y - 4:.1f}" r="4" class="dot s{number}"/>'
    yield svg.words(f"{line.name}: {line.slope * 1000:.2f} ms each", x=x + 10, y=y)


def _flat(*, x: float, y: float, width: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x + width:.1f}" y2="{y:.1f}" class="grid"/>'


def nice(value: float) -> float:
    """Return the end of an axis for `value`: 1, 2, 4 or 8 times a power of ten, not below it."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(each * power for each in (1, 2, 4, 8, 10) if each * power >= value)


def growth_table(panels: Sequence[Panel]) -> str:
    """Return a Markdown table of all points, with a line for the slopes of each panel."""
    rows = ["| what | number | seconds | ms for one more |", "|---|--:|--:|--:|"]
    for panel in panels:
        for line in panel.lines:
            for place, (count, seconds) in enumerate(sorted(line.points)):
                each = f"{line.slope * 1000:.2f}" if place == 0 else ""
                rows.append(
                    f"| {line.name} | {count:,.0f} {panel.across} | {seconds:.2f} | {each} |"
                )
    return "\n".join(rows)
