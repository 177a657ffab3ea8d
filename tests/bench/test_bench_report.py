import pytest

from bench.report import Comparison, Cost, Pair, row, runs_of, table

SINGLE = ["2.00–2.00", "1.00"]


def pair(bare: float, ours: float, *, cpu: tuple[float, float] = (1.0, 1.0)) -> Pair:
    return Pair(bare=Cost(bare, cpu[0]), ours=Cost(ours, cpu[1]))


def test_a_row_compares_medians_and_shows_the_range_of_the_pairs():
    pairs = [
        pair(10.0, 12.0, cpu=(8.0, 10.0)),
        pair(20.0, 22.0, cpu=(8.0, 10.0)),  # the machine was busy for both
        pair(10.0, 15.0, cpu=(8.0, 99.0)),
    ]
    cells = row(Comparison("warm", 1000, pairs))
    ratios = ("1.50", "≤ 1.05", "1.10–1.50", "1.25")
    assert cells == ("deployed", "1,000", "3", "10.0 s", "15.0 s", *ratios)


@pytest.mark.parametrize(
    ("models", "minutes", "runs"),
    [(10, 0, 5), (200, 25, 5), (1000, 20, 3), (5000, 0, 1), (200, 26, 1), (1000, 30, 1)],
)
def test_large_projects_and_slow_machines_are_measured_less_often(
    models: int, minutes: float, runs: int
):
    assert runs_of(models, minutes=minutes) == runs


def test_the_table_lines_up():
    comparisons = [
        Comparison("warm", 10, [pair(3.0, 6.0)]),
        Comparison("fresh", 2000, [pair(100.0, 110.0)]),
    ]
    lines = table(comparisons).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("| -------- | -----: | ---: |")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:2] == ["commit", "models"]
    assert cells[2] == ["deployed", "10", "1", "3.0 s", "6.0 s", "2.00", "≤ 1.50", *SINGLE]
    assert cells[3] == ["new", "2,000", "1", "100.0 s", "110.0 s", "1.10", "–", "1.10–1.10", "1.00"]
