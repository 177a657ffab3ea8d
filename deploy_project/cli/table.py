"""Plain tables for a terminal; pure."""

from collections.abc import Sequence

_GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return `rows` under `head`, in columns as wide as they need to be.

    A cell can neither break its line nor send control sequences to the terminal.
    """
    lines = [[printable(cell) for cell in row] for row in [[name.upper() for name in head], *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return "".join(each if each.isprintable() else " " for each in text)
