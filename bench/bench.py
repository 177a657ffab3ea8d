"""Compares runs of a deployment with bare dbt: `make bench`, or `python -m bench.bench --help`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from bench import generate
from bench.asked import positive, sizes
from bench.measure import Failed
from bench.report import MINUTES, Comparison, Kind, Pair, runs_of, table
from bench.session import PAGE, caption, ends_on_sigterm, page, tell, write
from bench.sides import Sides

KINDS: tuple[Kind, ...] = ("warm", "fresh")
NAME = "bench"
"""Of the markers around its table."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        type=sizes,
        default="5000,10,200,1000",
        help="models, in the order in which they are measured (%(default)s)",
    )
    parser.add_argument(
        "--runs",
        type=positive,
        help=f"of each side, however long it takes (5; 3 with 1,000 models, 1 above; 1 of what has "
        f"not begun after {MINUTES} minutes)",
    )
    parser.add_argument("--only", choices=KINDS, help="a deployed commit, or a new one")
    parser.add_argument(
        "--tests",
        type=int,
        choices=range(len(generate.DATA_TESTS) + 1),
        default=0,
        help="of each model (%(default)s)",
    )
    parser.add_argument("--write", action="store_true", help=f"the table into {PAGE.name}, too")
    return parser.parse_args(arguments)


def comparisons(asked: argparse.Namespace) -> Iterator[Comparison]:
    """Measure each size in a temporary directory of its own, and yield its comparisons.

    A size that fails is told, and the others are measured all the same.
    """
    begun = time.monotonic()

    def is_enough(models: int, measured: int) -> bool:
        spent = (time.monotonic() - begun) / 60
        return measured >= (asked.runs or runs_of(models, minutes=spent))

    for models in cast(tuple[int, ...], asked.sizes):
        with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
            sides = Sides(Path(directory), models)
            tell(f"{models} models: generating, then each side once, not measured")
            try:
                sides.prepare(tests=asked.tests)
                sides.warm_up()
                for kind in KINDS if asked.only is None else (asked.only,):
                    yield Comparison(kind, models, [*pairs(sides, kind, is_enough)])
            except Failed as failure:
                tell(f"{models} models: {failure}")


def pairs(sides: Sides, kind: Kind, is_enough: Callable[[int, int], bool]) -> Iterator[Pair]:
    """Measure both sides in turn, so that a busy minute of the machine troubles both.

    `is_enough` is asked with the number of models and of the pairs that there are.
    """
    number = 0
    while not is_enough(sides.models, number):
        number += 1
        if kind == "fresh":
            sides.change(number)
        pair = Pair(
            bare=sides.warm_bare() if kind == "warm" else sides.fresh_bare(), ours=sides.ours()
        )
        tell(
            f"{sides.models} models, {kind}, {number}: "
            f"bare {pair.bare.wall:.1f} s, ours {pair.ours.wall:.1f} s, ratio {pair.ratio:.2f}"
        )
        yield pair


def main() -> None:
    """Measure, print the table, and write it into the page when asked to."""
    asked = options(sys.argv[1:])
    ends_on_sigterm()
    if asked.write:
        page("", NAME)  # an error in the page is better known before measuring
    said = caption(*([f"{asked.tests} tests for each model"] if asked.tests else []))
    in_order = sorted(comparisons(asked), key=lambda each: (KINDS.index(each.kind), each.models))
    found = table(in_order)
    print(found)
    if asked.write:
        write(f"{said}\n\n{found}", NAME)


if __name__ == "__main__":
    main()
