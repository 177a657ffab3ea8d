"""Command line options that benchmarks share, and those of `bench.peers`; pure."""

import argparse
from collections.abc import Collection, Sequence


def positive(text: str) -> int:
    """Return a whole number above 0; argparse makes the message of the `ValueError`."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def sizes(text: str) -> tuple[int, ...]:
    """Return the numbers above 0 of a list with commas."""
    return tuple(positive(each) for each in text.split(","))


def peers(arguments: Sequence[str], *, known: Collection[str], about: str) -> argparse.Namespace:
    """Return the options of the comparison with the tools that are `known`."""

    def names(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; known: {', '.join(known)}")
        return found

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--sizes", type=sizes, default="10,200", help="models (%(default)s)")
    parser.add_argument("--runs", type=positive, default=3, help="of each tool (%(default)s)")
    parser.add_argument(
        "--peers", type=names, default=",".join(known), help="such tools only (%(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="the table into the page, too")
    return parser.parse_args(arguments)
