import re
from xml.etree import ElementTree

import pytest

from bench.growth_chart import Line, Panel, chart, growth_table, nice, slope

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel(
    "CPU by models",
    "models",
    [
        Line("a run", [(1000, 3.0), (10, 1.02), (100, 1.2)]),
        Line("loading", [(10, 2.0), (100, 2.0)]),
    ],
)


def test_the_slope_is_that_of_the_straight_line_through_the_points():
    assert slope([(10, 1.02), (100, 1.2), (1000, 3.0)]) == pytest.approx(0.002)


def test_the_slope_of_points_off_the_line_has_the_least_squares():
    assert slope([(0, 0), (1, 3), (2, 2)]) == pytest.approx(1.0)


def test_one_place_has_no_slope():
    assert slope([(10, 1.0), (10, 2.0)]) == 0
    assert slope([]) == 0


@pytest.mark.parametrize(("value", "end"), [(0.3, 0.4), (1, 1), (3.9, 4), (8.1, 10), (21, 40)])
def test_an_axis_ends_at_a_round_number(value: float, end: float):
    assert nice(value) == pytest.approx(end)


def test_points_are_where_the_logarithm_of_their_number_is():
    root = ElementTree.fromstring(chart([PANEL]))
    curves = [each.attrib["points"].split() for each in root.iter(f"{SVG}polyline")]
    first, second, third = (float(each.split(",")[0]) for each in curves[0])
    assert third - second == pytest.approx(second - first, abs=0.2)
    assert [len(each) for each in curves] == [3, 2]


def test_nothing_is_outside_of_the_picture():
    root = ElementTree.fromstring(chart([PANEL, PANEL]))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for name, most in (("x", width), ("cx", width), ("x2", width), ("y", height), ("cy", height)):
        places = [float(each.attrib[name]) for each in root.iter() if name in each.attrib]
        assert places
        assert all(0 <= each <= most for each in places)


def test_axes_and_slopes_have_their_units():
    said = [each.text for each in ElementTree.fromstring(chart([PANEL])).iter(f"{SVG}text")]
    assert {"seconds", "models (logarithmic)", "a run: 2.00 ms each", "1,000"} <= {*said}


def test_the_table_has_all_points_in_order():
    lines = growth_table([PANEL]).splitlines()
    assert lines[2] == "| a run | 10 models | 1.02 | 2.00 |"
    assert [re.split(r" *\| *", each)[2] for each in lines[3:]] == [
        "100 models",
        "1,000 models",
        "10 models",
        "100 models",
    ]
