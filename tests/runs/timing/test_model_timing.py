from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from deploy_project.dbt.artifacts.manifest import build_parents, read_manifest
from deploy_project.dbt.artifacts.results import Interval, NodeResult, read_run_results
from deploy_project.runs.timing.model_timing import Command, Timing, duration_text, timing
from tests.support.paths import RECORDED

START = datetime(2024, 3, 1, 6, 0, tzinfo=UTC)
Parents = Mapping[str, Sequence[str]]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def second(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - START).total_seconds()


def full(name: str) -> str:
    return name if "." in name else f"model.shop.{name}"


def result(name: str, start: float = -1, end: float = -1, status: str = "success") -> NodeResult:
    """A node that compiled for no time and executed from `start` to `end` in seconds."""
    timed = start >= 0
    return NodeResult(
        unique_id=full(name),
        status=status,
        message="",
        thread="Thread-1 (worker)",
        execution_seconds=0,
        compile=Interval(at(start), at(start)) if timed else None,
        execute=Interval(at(start), at(end)) if timed else None,
        failures=None,
    )


def command(results: Sequence[NodeResult], parents: Parents | None = None) -> Command:
    graph = {
        full(child): [full(each) for each in above] for child, above in (parents or {}).items()
    }
    return Command(results, graph)


def timed(results: Sequence[NodeResult], parents: Parents | None = None) -> Timing:
    return timing([command(results, parents)])


CASES = {
    "nothing": (command([]), [], 0, 0, (0, None), 0, None, 0, None),
    "one": (command([result("a", 0, 10)]), ["a"], 10, 1, (1, 0), 1, "a", 10, "a"),
    "parallel": (
        command([result("a", 0, 10), result("b", 5, 20), result("c", 6, 8)]),
        *(["b"], 15, 15 / 20, (3, 6), 27 / 20, "b", 20, "c"),
    ),
    "chain": (
        command([result("a", 0, 10), result("b", 10, 30)], {"b": ["a"]}),
        *(["a", "b"], 30, 1, (1, 0), 1, "b", 30, "b"),
    ),
    "chain with gaps": (
        command([result("a", 0, 10), result("b", 15, 30)], {"b": ["a"]}),
        *(["a", "b"], 25, 25 / 30, (1, 0), 25 / 30, "b", 30, "b"),
    ),
    "diamond": (
        command(
            [result("a", 0, 2), result("b", 2, 5), result("c", 2, 10), result("d", 10, 12)],
            {"b": ["a"], "c": ["a"], "d": ["b", "c"]},
        ),
        *(["a", "c", "d"], 12, 1, (2, 2), 15 / 12, "c", 12, "d"),
    ),
    "the longest chain is not the one that ends last": (
        command(
            [result("a", 0, 40), result("b", 40, 45), result("late", 45, 60)],
            {"b": ["a"]},
        ),
        *(["a", "b"], 45, 45 / 60, (1, 0), 1, "a", 60, "late"),
    ),
    "failed and skipped": (
        command(
            [
                result("a", 0, 10),
                result("b", 10, 14, "error"),
                result("c", status="skipped"),
                result("d", status="skipped"),
                result("e", 10, 12),
            ],
            {"b": ["a"], "c": ["b"], "d": ["c"], "e": ["a"]},
        ),
        *(["a", "b"], 14, 1, (2, 10), 16 / 14, "a", 14, "e"),
    ),
    "tests follow models": (
        command(
            [
                result("a", 0, 5),
                result("test.shop.slow_a.1f", 5, 25, "pass"),
                result("test.shop.quick_a.2f", 5, 6, "fail"),
                result("b", 25, 30),
            ],
            {
                "test.shop.slow_a.1f": ["a"],
                "test.shop.quick_a.2f": ["a"],
                "b": ["a", "test.shop.slow_a.1f", "test.shop.quick_a.2f"],
            },
        ),
        *(["a", "slow_a", "b"], 30, 1, (2, 5), 31 / 30, "a", 30, "b"),
    ),
    "equal starts and lengths": (
        command([result("a", 0, 5), result("b", 0, 5), result("c", 0, 5)]),
        *(["c"], 5, 1, (3, 0), 3, "a", 5, "a"),
    ),
    "one ends as the next begins": (
        command([result("a", 0, 5), result("b", 5, 10), result("c", 5, 6)]),
        *(["b"], 5, 0.5, (2, 5), 11 / 10, "a", 10, "c"),
    ),
    "a clock set back": (
        command([result("a", 10, 4), result("b", 4, 6)], {"b": ["a"]}),
        *(["b"], 2, 1, (1, 4), 1, "b", 2, "b"),
    ),
    "nothing but zero lengths": (
        command([result("a", 3, 3), result("b", status="skipped")], {"b": ["a"]}),
        *([], 0, 0, (0, None), 0, None, 0, None),
    ),
    "an exposure is no work": (
        command(
            [result("a", 0, 5), result("exposure.shop.board", 5, 5.1, "no-op")],
            {"exposure.shop.board": ["a"]},
        ),
        *(["a"], 5, 1, (1, 0), 1, "a", 5, "a"),
    ),
    "an exposure makes no path longer": (
        command(
            [
                result("a", 0, 5),
                result("exposure.shop.board", 5, 8, "no-op"),
                result("b", 0, 6),
            ],
            {"exposure.shop.board": ["a"]},
        ),
        *(["b"], 6, 1, (2, 0), 11 / 6, "b", 6, "a"),
    ),
    "skipped after a while": (
        command([result("a", 0, 5), result("b", 5, 8, "skipped")], {"b": ["a"]}),
        *(["a"], 5, 1, (1, 0), 1, "a", 5, "a"),
    ),
    "no node was selected": (
        Command([], {}, started=START),
        *([], 0, 0, (0, None), 0, None, 0, None),
    ),
    "only skipped": (
        command([result("a", status="skipped")]),
        *([], 0, 0, (0, None), 0, None, 0, None),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_numbers_of_a_run(case: tuple[object, ...]):
    only, path, path_seconds, share, peak, average, longest, wall_clock, latest = case
    assert isinstance(only, Command)
    found = timing([only])
    assert [node.name for node in found.critical_path] == path
    assert found.critical_path_seconds == path_seconds
    assert found.critical_path_share == share
    assert (found.peak_concurrency, second(found.peak_at)) == peak
    assert found.average_active == average
    assert (found.longest.name if found.longest else None) == longest
    assert found.wall_clock_seconds == wall_clock
    assert (found.latest_start.name if found.latest_start else None) == latest


def rows(found: Timing) -> list[tuple[object, ...]]:
    return [
        (node.name, second(node.start), second(node.end), node.phase, node.queue_seconds)
        for node in found.nodes
    ]


def test_each_node_has_its_times_phase_and_queue():
    found = timed(
        [result("a", 0, 10), result("b", 3, 4), result("c", 15, 20), result("d", status="skipped")],
        {"c": ["a", "b"], "d": ["c"]},
    )
    assert rows(found) == [
        ("a", 0, 10, 0, 0),
        ("b", 3, 4, 0, 3),
        ("c", 15, 20, 1, 5),
        ("d", 20, 20, 2, 0),
    ]
    assert [node.critical for node in found.nodes] == [True, False, True, False]


def test_each_node_keeps_the_thread_that_dbt_ran_it_in():
    """No test noticed when it was lost, though the chart has a row for each thread."""
    assert [node.thread for node in timed([result("a", 0, 10)]).nodes] == ["Thread-1 (worker)"]


def test_the_fifth_phase_holds_everything_deeper():
    names = "abcdefg"
    found = timed(
        [result(name, index, index + 1) for index, name in enumerate(names)],
        {child: [parent] for parent, child in pairwise(names)},
    )
    assert [node.phase for node in found.nodes] == [0, 1, 2, 3, 4, 4, 4]


def test_a_parent_outside_the_run_was_done_at_the_start():
    found = timed([result("b", 2, 4), result("c", 5, 6)], {"b": ["a"], "c": ["a"]})
    assert rows(found) == [("b", 2, 4, 0, 0), ("c", 5, 6, 0, 3)]


def test_a_child_of_an_ephemeral_model_waits_for_what_is_above_it():
    found = timed(
        [result("a", 0, 10), result("c", 12, 13)],
        {"ephemeral": ["a"], "another": ["ephemeral"], "c": ["another"]},
    )
    assert rows(found) == [("a", 0, 10, 0, 0), ("c", 12, 13, 1, 2)]


def test_the_first_nodes_queue_from_the_start_of_the_command_when_it_is_known():
    found = timing([Command([result("a", 3, 10)], {}, started=START)])
    assert rows(found) == [("a", 3, 10, 0, 3)]
    assert found.wall_clock_seconds == 7


def test_a_node_that_failed_to_compile_worked_that_long():
    broken = NodeResult(
        *("model.shop.a", "error", "", "Thread-1", 0.0, Interval(at(1), at(4)), None),
        None,
    )
    assert rows(timing([Command([broken], {})])) == [("a", 1, 4, 0, 0)]


def test_commands_run_one_after_another_and_may_share_nodes():
    graph = {"model.shop.b": ["model.shop.a"], "test.shop.unique_a.1f": ["model.shop.a"]}
    found = timing(
        [
            Command([result("a", 0, 10), result("b", 10, 12)], graph),
            Command([result("test.shop.unique_a.1f", 20, 23, "pass")], graph),
            Command([result("a", 30, 35), result("c", 30, 34)], graph),
        ]
    )
    assert [(node.command, node.name) for node in found.critical_path] == [
        *((0, "a"), (0, "b"), (1, "unique_a"), (2, "a"))
    ]
    assert (found.critical_path_seconds, found.wall_clock_seconds) == (20, 35)
    assert (found.peak_concurrency, second(found.peak_at)) == (2, 30)
    assert [node.queue_seconds for node in found.nodes] == [0] * 5


def test_a_deep_chain_is_no_problem():
    names = [f"m{index}" for index in range(5000)]
    found = timed(
        [result(name, index, index + 1) for index, name in enumerate(names)],
        {child: [parent] for parent, child in pairwise(names)},
    )
    assert len(found.critical_path) == 5000
    assert found.critical_path_seconds == 5000


@pytest.mark.parametrize("version", ["1.10", "1.11"])
def test_the_timing_of_a_recorded_run(version: str):
    recorded = RECORDED / f"dbt-{version}"
    parents = build_parents(read_manifest(recorded / "manifest.json"))
    found = timing([Command(read_run_results(recorded / "run_results.json").results, parents)])
    phases = {node.name: node.phase for node in found.nodes}
    assert phases == {
        "raw_orders": 0,
        "uncompilable": 0,
        "stg_customers": 1,
        "stg_orders": 1,
        "broken": 2,
        "customers_history": 2,
        "not_null_stg_orders_id": 2,
        "unique_stg_orders_id": 2,
        "after_broken": 3,
        "customers.totals_add_up": 3,
        "customers": 4,
        "board": 4,
        "accepted_values_customers_customer__ada": 4,
    }
    path = [node.name for node in found.critical_path]
    assert path[0] == "raw_orders"
    assert path[-3:] == [
        *("customers.totals_add_up", "customers", "accepted_values_customers_customer__ada")
    ]
    assert found.peak_concurrency == 2
    assert found.critical_path_seconds <= found.wall_clock_seconds
    assert all(node.queue_seconds < 0.2 for node in found.nodes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 ms"),
        (0, "0 ms"),
        (0.0004, "0 ms"),
        (0.85, "850 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (100000, "27 h 47 min"),
    ],
)
def test_durations_as_people_say_them(seconds: float, text: str):
    assert duration_text(seconds) == text
