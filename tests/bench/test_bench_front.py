"""The table of the front's benchmark: one line for each thing, both storages beside each other."""

from bench.front import Row, table


def test_a_line_has_the_cells_of_both_storages():
    found = {
        "sqlite": [Row("a run", "≤ 50 ms", ("4 ms", "9 ms")), Row("errors", "0", ("0", ""))],
        "postgres": [Row("a run", "≤ 50 ms", ("5 ms", "11 ms"))],
    }
    lines = table(found, 300).splitlines()
    assert lines[0].startswith("300 runs of 50 jobs")
    assert lines[4:] == [
        "| a run | ≤ 50 ms | 4 ms | 9 ms | 5 ms | 11 ms |",
        "| errors | 0 | 0 |  |  |  |",
    ]
