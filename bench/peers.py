"""Compares with stock dagster-dbt, prefect-dbt and Cosmos: `make bench-peers`, or `--help`."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import cast

from bench import asked
from bench.hosting import LIMIT, ready, requirements
from bench.measure import Failed, TooLong
from bench.report import Cost, Pair, Standing, last_words, peer_table
from bench.session import DBT, caption, ends_on_sigterm, page, tell, write
from bench.sides import Sides
from bench.tools import TOOLS, pinned

OURS = "deploy-project"
SLOW = 180  # seconds
"""A first run that takes longer is the only one; a tool's one-time work is little of it."""

NAME = "peers"
"""Of the markers around its table."""


def standings(wanted: argparse.Namespace) -> Iterator[Standing]:
    """Measure each tool with each size, in a temporary directory for each size."""
    for models in cast(tuple[int, ...], wanted.sizes):
        with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
            sides = Sides(Path(directory), models)
            tell(f"{models} models: generating")
            sides.prepare(tests=0)
            sides.warm_bare()
            for name in cast(tuple[str, ...], wanted.peers):
                yield standing(name, sides, runs=wanted.runs)


def standing(name: str, sides: Sides, *, runs: int) -> Standing:
    """Measure one tool after bare dbt, `runs` times; its message is kept when it fails."""
    title, number = title_and_version(name)
    pairs: list[Pair] = []
    said = ""
    try:
        with entrant(name, sides) as once:
            pairs = [*pairs_of(name, sides, once, runs=runs)]
    except TooLong:
        said = f"> {LIMIT // 60} min"
    except Failed as error:
        said = f"failed: {last_words(str(error))}"
        tell(f"{name}: {error}")
    return Standing(title, number, sides.models, pairs, said)


def pairs_of(name: str, sides: Sides, once: Callable[[], Cost], *, runs: int) -> Iterator[Pair]:
    """Yield bare dbt and the tool in turn, after one run that counts only when it is slow."""
    first = Pair(bare=sides.warm_bare(), ours=once())
    tell(f"{sides.models} models, {name}, first: ratio {first.ratio:.2f}")
    if first.ours.wall > SLOW:
        yield first
        return
    for number in range(1, runs + 1):
        pair = Pair(bare=sides.warm_bare(), ours=once())
        tell(f"{sides.models} models, {name}, {number} of {runs}: ratio {pair.ratio:.2f}")
        yield pair


def title_and_version(name: str) -> tuple[str, str]:
    """Return the title and the version of the tool in the table."""
    if name == OURS:
        return "this project", version(OURS)
    tool = TOOLS[name]
    return tool.title, pinned(requirements(tool).read_text(encoding="utf-8"), tool.package)


@contextmanager
def entrant(name: str, sides: Sides) -> Generator[Callable[[], Cost]]:
    """Yield a call that runs the tool of that name once, for its cost."""
    if name == OURS:
        yield sides.ours
    else:
        with ready(TOOLS[name], sides) as once:
            yield once


def main() -> None:
    """Measure, print the table, and write it into the page when asked to."""
    wanted = asked.peers(sys.argv[1:], known=(OURS, *TOOLS), about=__doc__ or "")
    ends_on_sigterm()
    if wanted.write:
        page("", NAME)
    said = caption(f"up to {wanted.runs} runs of each", packages=DBT)
    found = f"{said}\n\n{peer_table(list(standings(wanted)))}"
    print(found)
    if wanted.write:
        write(found, NAME)


if __name__ == "__main__":
    main()
