"""The table of clients: its cells, and the failures it tells of."""

import json

import pytest

from tests.clients.cells import NAMES, Cell, Row, read, table


def row(**cells: Cell) -> Row:
    return Row("a client", "1.2", {**{name: Cell(True, "") for name in NAMES}, **cells})


def test_the_last_line_of_a_cell_counts():
    lines = [json.dumps({"cell": "wait", "ok": ok, "said": "x"}) for ok in (False, True)]
    assert read(lines) == {"wait": Cell(True, "x")}


@pytest.mark.parametrize(
    ("given", "failures"),
    [
        (row(), []),
        (row(cancel=Cell(None, "client.py:3: `Client` has no cancel")), []),
        (row(cancel=Cell(False, "it stays")), ["cancel: it stays"]),
        (Row("a client", "", {}), [f"{name}: nothing was said of it" for name in NAMES]),
        (Row("a client", "", {}, left_out="needs Python 3.2"), []),
    ],
    ids=["full", "empty with its reason", "failed", "silent", "left out"],
)
def test_failures(given: Row, failures: list[str]):
    assert list(given.failures) == failures


def test_the_table_shows_cells_remarks_and_reasons():
    rows = [
        row(wait=Cell(True, "twice"), also=Cell(True, "more")),
        row(cancel=Cell(None, "a.py:1"), retry=Cell(None, "a.py:1"), wait=Cell(False, "no")),
        Row("another", "", {}, left_out="needs Python 3.2"),
    ]
    lines = table(rows).splitlines()
    assert lines[2] == "| a client | 1.2 | yes | yes | yes | yes | yes | yes |"
    assert lines[3] == "| a client | 1.2 | yes | **failed** | yes | yes |  |  |"
    assert lines[7:] == [
        "- a client: wait: twice; more.",
        "- a client: no cancel, retry: a.py:1.",
        "- another: left out, it needs Python 3.2.",
    ]
