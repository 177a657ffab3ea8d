from xml.etree import ElementTree

import pytest

from bench.growth_chart import Line, Panel, axis, chart, growth_table, slope, ticks

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel("A run", "models", Line("a run", [(1000, 3.0), (10, 1.02), (100, 1.2)]))


def test_the_slope_is_that_of_the_straight_line_through_the_points():
    assert slope([(10, 1.02), (100, 1.2), (1000, 3.0)]) == pytest.approx(0.002)


def test_the_slope_of_points_off_the_line_has_the_least_squares():
    assert slope([(0, 0), (1, 3), (2, 2)]) == pytest.approx(1.0)


def test_one_place_has_no_slope():
    assert slope([(10, 1.0), (10, 2.0)]) == 0
    assert slope([]) == 0


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([0.3], [0, 0.1, 0.2, 0.3]),
        ([1.0, 3.9], [0, 1, 2, 3, 4]),
        ([21.0], [0, 10, 20, 30]),
        ([2.0, -14.5], [-15, -10, -5, 0, 5]),  # bare dbt may take longer
        ([-3.0], [-3, -2, -1, 0]),
        ([0.0], [0, 0.5]),
    ],
)
def test_an_axis_has_round_numbers_zero_and_all_values(values: list[float], marks: list[float]):
    assert axis(values) == pytest.approx(marks)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(10, 10_000, [10, 100, 1000, 10_000]), (1, 200, [1, 10, 100, 200]), (10, 110, [10, 100])],
)
def test_an_axis_names_powers_of_ten_and_its_end(first: float, last: float, found: list[float]):
    assert ticks(first, last) == found


def test_points_are_where_the_logarithm_of_their_number_is():
    root = ElementTree.fromstring(chart([PANEL]))
    (curve,) = (each.attrib["points"].split() for each in root.iter(f"{SVG}polyline"))
    first, second, third = (float(each.split(",")[0]) for each in curve)
    assert third - second == pytest.approx(second - first, abs=0.2)


def test_nothing_is_outside_of_the_picture():
    below = Panel("Less", "models", Line("a run", [(10, 1.0), (10_000, -42.0)]))
    root = ElementTree.fromstring(chart([PANEL, below]))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for name, most in (("x", width), ("cx", width), ("x2", width), ("y", height), ("cy", height)):
        places = [float(each.attrib[name]) for each in root.iter() if name in each.attrib]
        assert places
        assert all(0 <= each <= most for each in places)


def test_axes_and_slopes_have_their_units():
    said = [each.text for each in ElementTree.fromstring(chart([PANEL])).iter(f"{SVG}text")]
    assert {"seconds of CPU", "models (logarithmic)", "2.00 ms for one more", "1,000"} <= {*said}


def test_the_table_has_all_points_in_order():
    line = Line("loading", [(100, 1.2), (10, 1.02)], {10: 99.6})
    assert growth_table([PANEL, Panel("Loading", "jobs", line)]).splitlines()[2:] == [
        "| a run | 10 models | 1.02 s |  | 2.00 ms |",
        "| a run | 100 models | 1.20 s |  |  |",
        "| a run | 1,000 models | 3.00 s |  |  |",
        "| loading | 10 jobs | 1.02 s | 100 MiB | 2.00 ms |",
        "| loading | 100 jobs | 1.20 s |  |  |",
    ]
