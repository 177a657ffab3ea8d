"""The chart and table of growth with models and jobs, with the slope of each line; pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.tables import line
from deploy_project.runs.timing import svg

Point = tuple[float, float]
"""How many there are, and the seconds that they take."""

_HEIGHT, _PANEL, _PLOT = 310.0, 300.0, 230.0
_LEFT, _TOP, _BOTTOM = 46.0, 58.0, 252.0
_COLOURS = ("#3b82d6", "#d97a1f")
"""As distinct on white as on GitHub's dark grey."""


@dataclass(frozen=True)
class Line:
    """One line of the chart: seconds of CPU by the number of models or jobs."""

    name: str
    points: Sequence[Point]
    peaks: Mapping[float, float] = field(default_factory=dict[float, float])
    """The most MiB, where that was measured."""

    @property
    def slope(self) -> float:
        """Seconds for one more, by least squares."""
        return slope(self.points)


@dataclass(frozen=True)
class Panel:
    """One line with its axes; panels of one kind have one colour."""

    title: str
    across: str
    """The noun of the points' numbers: models or jobs."""
    line: Line
    kind: int = 0


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
        for part in _panel(panel, left=_LEFT + number * _PANEL)
    ]
    return svg.document([_style(), *parts], width=_PANEL * len(panels), height=_HEIGHT)


def _style() -> str:
    lines = "".join(
        f".s{number}{{stroke:{colour};fill:{colour}}}" for number, colour in enumerate(_COLOURS)
    )
    return f"<style>{lines}.curve{{fill:none;stroke-width:2}}.dot{{stroke:none}}</style>"


def _panel(panel: Panel, *, left: float) -> Iterator[str]:
    points = sorted(panel.line.points)
    marks = axis([y for _, y in points])
    low, top = marks[0], marks[-1]
    first, last = points[0][0], points[-1][0]

    def across(count: float) -> float:
        return left + _PLOT * math.log(count / first) / max(1e-9, math.log(last / first))

    def up(seconds: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (seconds - low) / (top - low)

    yield svg.words(panel.title, x=left - 26, y=22, kind="title")
    yield svg.words("seconds of CPU", x=left - 26, y=44)
    yield svg.words(f"{panel.across} (logarithmic)", x=left + _PLOT, y=_BOTTOM + 38, anchor="end")
    for seconds in marks:
        yield _flat(x=left, y=up(seconds), width=_PLOT)
        yield svg.words(f"{seconds:g}", x=left - 6, y=up(seconds) + 4, anchor="end")
    for count in ticks(first, last):
        x = across(count)
        yield svg.upright(x=x, top=_TOP, bottom=_BOTTOM, kind="grid")
        yield svg.words(f"{count:,.0f}", x=x, y=_BOTTOM + 16, anchor="middle")
    yield from _curve(panel.kind, [(across(x), up(y)) for x, y in points])
    yield svg.words(f"{panel.line.slope * 1000:.2f} ms for one more", x=left + 10, y=_TOP + 18)


def _curve(number: int, places: Sequence[Point]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" class="curve s{number}"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="dot s{number}"/>'


def _flat(*, x: float, y: float, width: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x + width:.1f}" y2="{y:.1f}" class="grid"/>'


def axis(values: Sequence[float]) -> list[float]:
    """Return the marks of an axis from 0, or below it, to above all `values`: at most six.

    They are 1, 2 or 5 times a power of ten apart.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    least = (high - low or 1.0) / 4
    power = 10.0 ** math.floor(math.log10(least))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= least)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def ticks(first: float, last: float) -> list[float]:
    """Return the powers of ten from `first` to `last`, and `last` where there is room for it."""
    powers = range(math.ceil(math.log10(first)), math.floor(math.log10(last)) + 1)
    found = [10.0**power for power in powers]
    return found if found and last < 1.8 * found[-1] else [*found, last]


def growth_table(panels: Sequence[Panel]) -> str:
    """Return a Markdown table of all points, with a line for the slopes of each panel."""
    rows = ["| what | number | CPU | most memory | for one more |", "|---|--:|--:|--:|--:|"]
    for panel in panels:
        for place, (count, seconds) in enumerate(sorted(panel.line.points)):
            cells = (
                panel.line.name,
                f"{count:,.0f} {panel.across}",
                f"{seconds:.2f} s",
                f"{panel.line.peaks[count]:.0f} MiB" if count in panel.line.peaks else "",
                f"{panel.line.slope * 1000:.2f} ms" if place == 0 else "",
            )
            rows.append(line(cells))
    return "\n".join(rows)
