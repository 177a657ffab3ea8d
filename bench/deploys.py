"""Measures deploys of a project that is slow to parse: `python -m bench.deploys --help`.

The first commit is parsed from scratch. Each later one changes one model, and starts from the parse
of the one before it. Beside each deploy, `dbt parse` in a fresh clone. The figures are CPU seconds.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.asked import positive
from bench.measure import cost
from bench.session import PAGE, caption, ends_on_sigterm, page, tell, write
from bench.sides import Sides
from bench.tables import line

NAME = "bench-deploys"
"""Of the markers around its table."""
_HEADINGS = ("commit", "`dbt parse` from scratch", "deploy", "ratio", "by the first deploy")


def deploys(models: int, rounds: int, times: int) -> Iterator[tuple[float, float]]:
    """Yield the CPU seconds of bare `dbt parse` and of the deploy, for each of so many commits."""
    with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
        sides = Sides(Path(directory), models)
        sides.prepare(tests=0, rounds=rounds)
        for number in range(times):
            if number:
                sides.change(number)
            clone = sides.root / "fresh"
            bare = cost(sides.clone(clone), sides.dbt("parse", directory=clone)).cpu
            shutil.rmtree(clone)
            yield bare, cost(sides.deployed.deploying()).cpu


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=positive, default=2500, help="(%(default)s)")
    parser.add_argument(
        "--rounds", type=positive, default=100_000, help="of a loop in each model (%(default)s)"
    )
    parser.add_argument("--times", type=positive, default=3, help="commits (%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"the table into {PAGE.name}, too")
    asked = parser.parse_args()
    ends_on_sigterm()
    if asked.write:
        page("", NAME)  # an error in the page is better known before measuring
    said = f"{asked.models:,} models of {asked.rounds:,} rounds"
    rows: list[tuple[float, float]] = []
    for bare, ours in deploys(asked.models, asked.rounds, asked.times):
        rows.append((bare, ours))
        tell(f"{said}, commit {len(rows)}: bare {bare:.1f} s, ours {ours:.1f} s of CPU")
    found = f"{caption(said)}\n\n{table(rows)}"
    print(found)
    if asked.write:
        write(found, NAME)


def table(rows: Sequence[tuple[float, float]]) -> str:
    """Return the table of all commits; the first one was parsed from scratch."""
    first = rows[0][1]
    lines = [line(_HEADINGS), "|---|--:|--:|--:|--:|"]
    for number, (bare, ours) in enumerate(rows, 1):
        cells = (str(number), f"{bare:.1f} s", f"{ours:.1f} s", f"{ours / bare:.2f}")
        lines.append(line((*cells, f"{ours / first:.2f}")))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
