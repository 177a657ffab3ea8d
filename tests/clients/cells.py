"""The cells of one client, and the table of all; pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.tables import line

NAMES = ("trigger", "wait", "artifact", "failure", "cancel", "retry")
ALSO = "also"
"""The name of the cell for what a client does beside these."""


@dataclass(frozen=True)
class Cell:
    """The outcome of one thing that a client was asked to do."""

    ok: bool | None
    """None for what the client lacks."""
    said: str
    """A remark, the error, or the place in the client's source that lacks it."""


@dataclass(frozen=True)
class Row:
    """A client's cells by their names."""

    title: str
    version: str
    cells: Mapping[str, Cell]
    left_out: str = ""
    """The reason why it could not be run."""

    @property
    def failures(self) -> Sequence[str]:
        """A line for each cell that failed, or that its program said nothing of."""
        if self.left_out:
            return []
        missing = [f"{name}: nothing was said of it" for name in NAMES if name not in self.cells]
        failed = [f"{name}: {each.said}" for name, each in self.cells.items() if each.ok is False]
        return [*failed, *missing]


def read(lines: Iterable[str]) -> dict[str, Cell]:
    """Return the cells that a program has reported; the last one of a name counts."""
    found = map(json.loads, lines)
    return {each["cell"]: Cell(each["ok"], each["said"]) for each in found}


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, with the remarks and the reasons of empty cells below it."""
    lines = [line(["client", "version", *NAMES]), line(["---"] * (2 + len(NAMES)))]
    lines += [
        line([each.title, each.version, *(_shown(each, name) for name in NAMES)])
        for each in rows
        if not each.left_out
    ]
    lines += ["", "Also, and why cells are empty:", ""]
    lines += [f"- {each.title}: {'; '.join(notes)}." for each in rows if (notes := _notes(each))]
    lines += [f"- {each.title}: left out, it {each.left_out}." for each in rows if each.left_out]
    return "\n".join(lines)


def _shown(row: Row, name: str) -> str:
    cell = row.cells.get(name)
    return {True: "yes", False: "**failed**", None: ""}[cell.ok if cell is not None else False]


def _notes(row: Row) -> list[str]:
    """Return the remarks on a row; cells that are empty for one reason share a note."""
    remarks = [
        f"{name}: {cell.said}" if name != ALSO else cell.said
        for name, cell in row.cells.items()
        if cell.ok and cell.said
    ]
    empty: dict[str, list[str]] = {}
    for name, cell in row.cells.items():
        if cell.ok is None:
            empty.setdefault(cell.said, []).append(name)
    return [*remarks, *(f"no {', '.join(names)}: {said}" for said, names in empty.items())]
