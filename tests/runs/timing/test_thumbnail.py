import base64
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from deploy_project.dbt.artifacts.results import Interval, NodeResult
from deploy_project.runs.timing.model_timing import Command, Timing, timing
from deploy_project.runs.timing.thumbnail import LONGEST, Bar, merged, thumbnail_uri

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bars", "gap", "expected"),
    [
        ([], 0, []),
        ([(0, 2), (3, 5)], 0, [(0, 2), (3, 5)]),
        ([(0, 2), (2, 5)], 0, [(0, 5)]),
        ([(0, 2), (4, 5), (9, 10)], 2, [(0, 5), (9, 10)]),
        ([(0, 9), (2, 3)], 0, [(0, 9)]),
    ],
    ids=["none", "apart", "touching", "within the gap", "inside"],
)
def test_merged(bars: list[Bar], gap: int, expected: list[Bar]):
    assert merged(bars, gap) == expected


def busy(threads: int, nodes: int) -> Timing:
    """A run in which each thread works every other second."""
    results = [
        NodeResult(
            unique_id=f"model.shop.m{thread}_{node}",
            status="success",
            message="",
            thread=f"Thread-{thread}",
            execution_seconds=1.0,
            compile=None,
            execute=Interval(
                START + timedelta(seconds=2 * node), START + timedelta(seconds=2 * node + 1)
            ),
            failures=None,
        )
        for thread in range(threads)
        for node in range(nodes)
    ]
    return timing([Command(results, {})])


def path(uri: str | None) -> list[str]:
    assert uri is not None
    assert len(uri) <= LONGEST
    picture = ElementTree.fromstring(base64.b64decode(uri.split(",")[1]))
    (found,) = (each for each in picture.iter() if each.tag.endswith("path"))
    return re.findall(r"M\d+ \d+h\d+", found.attrib["d"])


def test_each_thread_is_a_row_and_each_node_a_bar():
    assert path(thumbnail_uri(busy(2, 2))) == ["M0 4h100", "M200 4h100", "M0 13h100", "M200 13h100"]


@pytest.mark.parametrize(("threads", "nodes"), [(4, 50), (8, 1000), (16, 300)])
def test_it_always_fits_where_dagster_shows_it_in_place(threads: int, nodes: int):
    assert len(path(thumbnail_uri(busy(threads, nodes)))) >= threads


def test_there_is_none_without_work_or_with_more_threads_than_fit():
    assert thumbnail_uri(busy(0, 0)) is None
    assert thumbnail_uri(busy(200, 1)) is None
