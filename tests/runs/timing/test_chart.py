import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from deploy_project.dbt.artifacts.results import Interval, NodeResult
from deploy_project.runs.timing.chart import LARGEST, data_uri, gantt_svg
from deploy_project.runs.timing.model_timing import Command, Timing, timing

START = datetime(2024, 3, 1, 6, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
Row = tuple[str, int, float, float, str]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def result(row: Row) -> NodeResult:
    name, thread, start, end, status = row
    return NodeResult(
        unique_id=name if "." in name else f"model.shop.{name}",
        status=status,
        message="",
        thread=f"Thread-{thread} (worker)",
        execution_seconds=end - start,
        compile=None,
        execute=None if status == "skipped" else Interval(at(start), at(end)),
        failures=None,
    )


def timed(rows: Sequence[Row], parents: dict[str, list[str]] | None = None) -> Timing:
    return timing([Command([result(row) for row in rows], parents or {})])


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def texts(picture: str) -> list[str]:
    return [each.text or "" for each in parsed(picture).iter(f"{SVG}text")]


def tooltips(picture: str) -> list[str]:
    return [each.text or "" for each in parsed(picture).iter(f"{SVG}title")]


def bars(picture: str) -> list[ElementTree.Element]:
    return parsed(picture).findall(f"{SVG}g/{SVG}rect")


def test_the_picture_of_a_small_run(golden: Callable[[str, str], None]):
    graph = {
        "model.shop.orders": ["model.shop.stg_orders", "model.shop.stg_customers"],
        "model.shop.report": ["model.shop.broken"],
        "test.shop.unique_orders_id.1f": ["model.shop.orders"],
    }
    build = [
        result(("stg_orders", 1, 0, 40, "success")),
        result(("stg_customers", 2, 0, 12.5, "success")),
        result(("broken", 2, 13, 25, "error")),
        result(("report", 2, 0, 0, "skipped")),
        result(("orders", 1, 41, 95, "success")),
    ]
    test = [result(("test.shop.unique_orders_id.1f", 1, 100, 110, "warn"))]
    picture = gantt_svg(timing([Command(build, graph), Command(test, graph)]), title="nightly & co")
    parsed(picture)
    golden("model_timing.svg", picture)


def test_nothing_ran():
    assert texts(gantt_svg(timing([]), title="Model timing")) == ["Model timing", "No node ran."]


def test_only_skipped_nodes_are_a_picture_too():
    picture = gantt_svg(timed_from_start(), title="Model timing")
    assert tooltips(picture) == ["model.shop.a · skipped · 0 ms"]


def timed_from_start() -> Timing:
    return timing([Command([result(("a", 1, 0, 0, "skipped"))], {}, started=START)])


@pytest.mark.parametrize(
    ("status", "look"),
    [
        ("success", "success"),
        ("pass", "success"),
        ("reused", "success"),
        ("warn", "warn"),
        ("error", "error"),
        ("fail", "error"),
        ("runtime error", "error"),
        ("partial success", "error"),
        ("no-op", "skipped"),
        ("a word of tomorrow", "skipped"),
    ],
)
def test_the_colour_tells_the_status(status: str, look: str):
    picture = gantt_svg(timed([("a", 1, 0, 10, status)]), title="")
    (bar,) = bars(picture)
    assert bar.attrib["class"].split()[0] == look
    assert look in texts(picture)


def test_the_critical_path_is_outlined():
    run = timed([("a", 1, 0, 10, "success"), ("b", 2, 0, 9, "success")])
    looks = [bar.attrib["class"] for bar in bars(gantt_svg(run, title=""))]
    assert looks == ["success critical", "success"]


def test_threads_are_rows_in_the_order_of_their_numbers():
    run = timed([(f"m{n}", n, 0, 10, "success") for n in (10, 2, 1)])
    picture = gantt_svg(run, title="")
    labels = [text for text in texts(picture) if text.startswith("thread ")]
    assert labels == ["thread 1", "thread 2", "thread 10"]
    assert [tip.split()[0] for tip in tooltips(picture)] == [
        *("model.shop.m1", "model.shop.m2", "model.shop.m10")
    ]


def test_the_tooltip_tells_how_long_a_node_worked_and_waited():
    run = timed(
        [("a", 1, 0, 10, "success"), ("b", 1, 12, 75, "success")],
        {"model.shop.b": ["model.shop.a"]},
    )
    assert tooltips(gantt_svg(run, title="")) == [
        "model.shop.a · success · 10.0 s · critical path",
        "model.shop.b · success · 1 min 03 s · 2.0 s queued · critical path",
    ]


def test_labels_stay_inside_their_bars():
    run = timed(
        [
            ("orders", 1, 0, 10, "success"),
            ("a_name_that_is_too_long_for_its_bar", 1, 10, 22, "success"),
            ("hardly_room", 1, 22, 25, "success"),
            ("注文の明細と顧客の一覧と在庫", 1, 25, 40, "success"),
            ("end", 1, 40, 100, "success"),
        ]
    )
    picture = gantt_svg(run, title="")
    labels = parsed(picture).findall(f"{SVG}g/{SVG}text")
    assert [each.text for each in labels] == ["orders", "a_name_that_…", "注文の明細と顧客…", "end"]


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0.05, ["0", "10 ms", "20 ms", "30 ms", "40 ms", "50 ms"]),
        (0.5, ["0", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]),
        (3.2, ["0", "0.5 s", "1.0 s", "1.5 s", "2.0 s", "2.5 s", "3.0 s"]),
        (40, ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s", "35 s", "40 s"]),
        (100, ["0", "15 s", "30 s", "45 s", "1 min 00 s", "1 min 15 s", "1 min 30 s"]),
        (1000, ["0", "5 min", "10 min", "15 min"]),
        (10800, ["0", "30 min", "60 min", "90 min", "120 min", "150 min", "180 min"]),
    ],
)
def test_the_axis_has_round_times(seconds: float, ticks: list[str]):
    picture = gantt_svg(timed([("a", 1, 0, seconds, "success")]), title="")
    middle = [each for each in parsed(picture) if each.attrib.get("text-anchor") == "middle"]
    assert [each.text for each in middle] == ticks


def test_short_neighbours_of_one_kind_are_merged_and_the_picture_says_so():
    rows: list[Row] = [("long", 1, 0, 1000, "success")]
    rows += [(f"m{n}", 2, n, n + 1, "success") for n in range(20)]
    rows += [("bad", 2, 20, 21, "error"), ("later", 2, 500, 501, "success")]
    picture = gantt_svg(timed(rows), title="")
    assert tooltips(picture) == [
        "model.shop.long · success · 16 min 40 s · critical path",
        "20 nodes · success · 20.0 s in all",
        "model.shop.later · success · 1.0 s · 8 min 20 s queued",
        "model.shop.bad · error · 1.0 s · 20.0 s queued",
    ]
    assert "20 short nodes are merged into 1 faint bar." in texts(picture)


HOSTILE = "</title><script>alert(1)</script>&\"'\x00\x1b\ud800\uffff"


def test_hostile_names_stay_text():
    run = timed([(f"model.shop.{HOSTILE}", 1, 0, 10, HOSTILE)])
    picture = gantt_svg(run, title=HOSTILE)
    names = {each.tag.removeprefix(SVG) for each in parsed(picture).iter()}
    assert names == {"svg", "style", "text", "line", "g", "title", "rect"}
    clean = "</title><script>alert(1)</script>&\"'\ufffd\ufffd\ufffd\ufffd"
    assert texts(picture)[0] == clean
    assert tooltips(picture)[0].startswith(f"model.shop.{clean}")


@pytest.mark.parametrize(("nodes", "threads"), [(1000, 4), (5000, 32), (3000, 100)])
def test_the_picture_of_a_big_run_is_bounded(nodes: int, threads: int):
    rows: list[Row] = [
        (
            f"{'<&>' * 100}_{n}",
            n % threads,
            n // threads * 10,
            n // threads * 10 + 1 + n % 9,
            ("success", "warn", "error", "skipped")[n % 4 if n % 7 == 0 else 0],
        )
        for n in range(nodes)
    ]
    picture = gantt_svg(timed(rows), title="Model timing")
    parsed(picture)
    assert len(picture.encode()) <= LARGEST
    assert len(data_uri(picture)) <= 200_100
    assert ("36 more threads are not shown." in texts(picture)) == (threads == 100)


def test_a_data_uri_holds_the_picture():
    picture = gantt_svg(timed([("größe", 1, 0, 10, "success")]), title="Laufzeit – heute")
    kind, _, content = data_uri(picture).partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).decode() == picture
