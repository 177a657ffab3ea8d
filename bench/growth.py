"""Measures and draws growth with models and jobs: `make bench-growth`, or `--help`.

The figures are CPU seconds, which a busy machine changes less than wall time.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.deployments import deployed
from bench.growth_chart import Line, Panel, Point, chart, growth_table
from bench.measure import Spent
from bench.session import PAGE, caption, ends_on_sigterm, page, tell, write
from bench.sides import Sides

NAME = "growth"
"""Of the markers around its table."""
PICTURE = PAGE.parent / "images" / "growth.svg"


def overhead(sizes: Sequence[int], times: int) -> Line:
    """Return the CPU seconds of a run beyond those of bare `dbt build`, both warm, by models."""
    found = list[Point]()
    for models in sizes:
        with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
            sides = Sides(Path(directory), models)
            sides.prepare(tests=0)
            sides.warm_up()
            pairs = [(sides.warm_bare(), sides.ours()) for _ in range(times)]
        wall = median(ours.wall - bare.wall for bare, ours in pairs)
        found.append((models, median(ours.cpu - bare.cpu for bare, ours in pairs)))
        tell(f"{models:,} models: {found[-1][1]:.1f} s of CPU, {wall:.1f} s beside bare dbt")
    return Line("a run beside bare dbt", found)


def loading(sizes: Sequence[tuple[int, int]], times: int) -> Iterator[tuple[int, int, Spent]]:
    """Yield models, jobs and the median cost of loading their definitions, warm."""
    for models, jobs in sizes:
        with deployed(models, jobs=jobs) as made:
            made.load()
            found = [made.load() for _ in range(times)]
        each = sorted(found, key=lambda each: each.cpu)[len(found) // 2]
        tell(f"{models:,} models, {jobs} jobs: {each.cpu:.2f} s of CPU, {each.peak:.0f} MiB")
        yield models, jobs, each


def panels(asked: argparse.Namespace) -> list[Panel]:
    """Measure everything, and return the panels of the chart."""
    models, jobs = _numbers(asked.models), _numbers(asked.jobs)
    loads = [*loading([(each, 1) for each in models], asked.times)]
    by_jobs = [*loading([(10, each) for each in jobs], asked.times)]
    by = {
        "models": [(count, spent) for count, _, spent in loads],
        "jobs": [(count, spent) for _, count, spent in by_jobs],
    }
    return [
        Panel("A run beside bare dbt", "models", overhead(_numbers(asked.builds), asked.runs)),
        *(Panel(f"Loading: {name}", name, _loads(found), 1) for name, found in by.items()),
    ]


def _loads(found: Sequence[tuple[int, Spent]]) -> Line:
    return Line(
        "loading the definitions",
        [(count, spent.cpu) for count, spent in found],
        {count: spent.peak for count, spent in found},
    )


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def main() -> None:
    """Measure, print the table, and write chart and table when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="10,100,1000,5000,10000", help="to load (%(default)s)")
    parser.add_argument("--jobs", default="1,10,50,100,200", help="to load (%(default)s)")
    parser.add_argument("--builds", default="10,100,1000,10000", help="to build (%(default)s)")
    parser.add_argument("--times", type=int, default=2, help="of each load (%(default)s)")
    parser.add_argument("--runs", type=int, default=1, help="of each build (%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}, with the chart")
    asked = parser.parse_args()
    ends_on_sigterm()
    if asked.write:
        page("", NAME)
    said = caption()
    found = panels(asked)
    content = f"{said}\n\n{growth_table(found)}"
    print(content)
    if asked.write:
        PICTURE.write_text(chart(found), encoding="utf-8")
        write(content, NAME)


if __name__ == "__main__":
    main()
