import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from deploy_project.config.values.deployment import AssetParent, Job, JobParent, Parent
from deploy_project.orchestration.triggers.completions import (
    OVERLAP_SECONDS,
    CompletionState,
    EndedRun,
    StartJob,
    decide,
    parsed,
    text,
)
from deploy_project.runs.model.status import Status
from tests.orchestration.triggers.completion_jobs import JOBS, job, of

NOW = 1_800_000_000.0
_STATUSES = {each.number: each for each in Status if each.has_ended and each != Status.SKIPPED}
ORDERS = AssetParent(("raw", "orders"))
LOADED = JobParent("load", (10,), "ingest")


def end(parent: Parent | str, run: str = "", status: int = 10, *, at: float = 0) -> EndedRun:
    """The end of a run `at` seconds after `NOW`; of one called r7, 7 seconds after it."""
    when = NOW + (at or float(run[1:] or 0))
    if isinstance(parent, AssetParent):
        return EndedRun(str(parent), when, run)
    return EndedRun(
        f"job {parent}" if isinstance(parent, str) else str(parent), when, run, _STATUSES[status]
    )


def told(start: StartJob) -> str:
    last = start.ends[-1]
    return f"{start.job}:{last.key if last.status is None else last.run_id}"


@dataclass
class Decider:
    """Keeps the cursor, as the daemon does; a tick that is killed leaves the old one."""

    jobs: Sequence[Job]
    cursor: str = ""
    now: float = NOW

    def tick(self, *ends: EndedRun, killed: bool = False) -> list[StartJob]:
        self.now += 15
        starts, state = decide(
            self.jobs, parsed(self.cursor) or CompletionState(NOW, begun=NOW), ends, now=self.now
        )
        self.cursor = self.cursor if killed else text(state)
        return starts

    def started(self, *ends: EndedRun, killed: bool = False) -> list[str]:
        """Each job that is started, with the last end that it is started by."""
        return [told(start) for start in self.tick(*ends, killed=killed)]


def daemon(*jobs: Job) -> Decider:
    """A daemon after its first tick."""
    made = Decider(jobs)
    assert made.tick() == []
    return made


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (10, ["on_success", "always"]),
        (20, ["on_error", "always"]),
        (30, ["on_cancel", "always"]),
    ],
)
def test_the_end_of_a_run_starts_who_waits_for_its_status(status: int, expected: list[str]):
    found = daemon(*JOBS).tick(end("parent", "r1", status))
    assert [start.job for start in found] == expected
    assert {start.key for start in found} == {f"{name}:r1" for name in expected}


def test_each_run_starts_its_children_in_the_order_of_the_ends():
    ended = [end("parent", "r3", 30), end("parent", "r1", 20), end("on_success", "r2")]
    assert daemon(*JOBS).started(*ended) == [
        *("on_error:r1", "always:r1", "of_another:r2", "on_cancel:r3", "always:r3")
    ]


def test_each_end_of_any_parent_starts_the_child():
    child = job("child", of("a", 10), of("b"), ORDERS, LOADED)
    ended = [end("a", "r1"), end("b", "r2", 20), end(ORDERS, "r3"), end(LOADED, "r4")]
    not_fitting = [end("a", "r5", 20), end("c", "r6"), end("load", "r7"), end(LOADED, "r8", 30)]
    found = daemon(child).tick(*ended, *not_fitting)
    assert [(start.key, start.cause, start.upstream_run) for start in found] == [
        ("child:r1", "Job a succeeded in run r1", "r1"),
        ("child:r2", "Job b failed in run r2", "r2"),
        ("child:asset raw/orders r3", "Asset raw/orders was materialized in run r3", "r3"),
        ("child:r4", "Job load of ingest succeeded in run r4", "r4"),
    ]


ALL = job("child", of("a", 10), of("b"), needs_all=True)


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ([end("a", "r1")], []),
        ([end("a", "r1"), end("b", "r2", 30)], [("r1", "r2")]),
        ([end("b", "r1"), end("a", "r2")], [("r1", "r2")]),
        ([end("a", "r1", 20), end("b", "r2")], []),
        ([end("a", "r1"), end("a", "r2"), end("b", "r3")], [("r2", "r3")]),
        ([end("a", "r1"), end("b", "r2"), end("a", "r3")], [("r1", "r2")]),
        (
            [end("a", "r1"), end("b", "r2"), end("b", "r3"), end("a", "r4")],
            [("r1", "r2"), ("r3", "r4")],
        ),
        ([end("a", "r1"), end("a", "r2", 20), end("b", "r3")], [("r1", "r3")]),
    ],
    ids=[
        *("one of two", "both", "the other first", "wrong status", "one twice: the newest counts"),
        *("each end is used once", "two rounds", "a later failure changes nothing"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_all_parents(ended: list[EndedRun], expected: list[tuple[str, ...]], at_once: bool):
    """It makes no difference whether one tick sees the ends or each has its own."""
    running = daemon(ALL)
    found = running.tick(*ended) if at_once else [s for each in ended for s in running.tick(each)]
    assert [tuple(each.run_id for each in start.ends) for start in found] == expected
    assert [start.key for start in found] == [
        f"child:{NOW:.3f}-{number}" for number, _ in enumerate(expected, start=1)
    ]


def test_the_cause_names_all_parents_and_links_to_the_last_run():
    child = job("child", of("a"), ORDERS, of("b"), needs_all=True)
    ended = [end("b", "r1-2345-6789", 20, at=1), end("a", "r2-2345-6789", at=2)]
    (start,) = daemon(child).tick(*ended, end(ORDERS, at=3))
    assert start.cause == (
        "Job b failed in run r1-2345-; Job a succeeded in run r2-2345-; "
        "Asset raw/orders was materialized"
    )
    assert start.upstream_run == "r2-2345-6789"
    assert told(start) == f"child:asset raw/orders {NOW + 3}"
    (alone,) = daemon(job("child", ORDERS)).tick(end(ORDERS, at=3))
    assert alone.upstream_run is None


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_tick_that_is_repeated_after_a_crash_asks_for_the_same_runs(killed_at: int):
    """It may see more than the one that was killed; nothing is lost or asked for under two keys."""
    ended = [end("a", "r1"), end("b", "r2"), end("b", "r3"), end("a", "r4")]
    running = daemon(ALL, job("each", of("a")))
    first = running.tick(*ended[:killed_at], killed=True)
    again = running.tick(*ended)
    assert [told(start) for start in again] == ["each:r1", "child:r2", "child:r4", "each:r4"]
    assert [start.key for start in first] == [start.key for start in again[: len(first)]]


@pytest.mark.parametrize("seed", range(50))
def test_a_late_end_changes_no_number_of_starts_when_a_tick_is_repeated(seed: int):
    """A late end before others made other rounds of them, which had other keys: all ran twice."""
    chance = random.Random(seed)
    ended = [end(chance.choice("abc"), f"r{number}") for number in range(1, 30)]
    parents = [of(name) for name in "abc"[: chance.choice((2, 3))]]
    running = daemon(job("child", *parents, needs_all=True), job("each", of("a")))
    exact = daemon(*running.jobs)
    asked, known, wanted = set[str](), list[EndedRun](), set[str]()
    while len(known) < len(ended):
        left = [each for each in ended if each not in known]
        new = chance.sample(left, min(len(left), chance.randint(1, 4)))
        early = chance.sample(new, chance.randint(0, len(new)))
        asked |= {start.key for start in running.tick(*known, *early, killed=True)}
        known += new
        asked |= {start.key for start in running.tick(*known)}
        wanted |= {start.key for start in exact.tick(*known)}
    assert asked == wanted


def test_rounds_of_a_cursor_that_was_lost_are_others():
    first, second = daemon(ALL), daemon(ALL)
    second.cursor, second.now = text(CompletionState(NOW + 60, begun=NOW + 60)), NOW + 60
    second.tick()
    (before,) = first.tick(end("a", "r1"), end("b", "r2"))
    (after,) = second.tick(end("a", "r71"), end("b", "r72"))
    assert before.key != after.key


def test_a_job_that_comes_back_counts_on():
    running = daemon(ALL)
    (before,) = running.tick(end("a", "r1"), end("b", "r2"))
    running.jobs = [job("each", of("a"))]
    running.tick()
    running.jobs = [ALL]
    running.tick()
    (after,) = running.tick(end("a", "r3"), end("b", "r4"))
    assert before.key != after.key


def test_an_end_that_is_found_again_starts_nothing_again():
    running, ended = daemon(ALL, job("each", of("a"))), [end("a", "r1"), end("b", "r2")]
    assert running.started(*ended) == ["each:r1", "child:r2"]
    assert running.started(*ended, end("a", "r3")) == ["each:r3"]
    assert running.started(*ended, end("a", "r3"), end("b", "r4")) == ["child:r4"]


def test_a_late_end_still_counts():
    running = daemon(ALL)
    assert running.started(end("b", "r9")) == []
    assert running.started(end("a", "r1"), end("b", "r9")) == ["child:r9"]


def test_a_run_that_materializes_an_asset_several_times_ends_it_once():
    running = daemon(job("child", ORDERS))
    assert running.started(end(ORDERS, "r1"), end(ORDERS, "r1", at=5)) == [
        "child:asset raw/orders r1"
    ]
    assert running.started(end(ORDERS, "r1", at=5), end(ORDERS, "r1", at=20)) == []
    assert running.started(end(ORDERS, at=21), end(ORDERS, at=22)) == [
        *(f"child:asset raw/orders {NOW + at}" for at in (21, 22))
    ]


def test_a_job_is_not_started_by_an_asset_that_it_makes_itself():
    running = daemon(job("child", ORDERS), job("other", ORDERS))
    made = replace(end(ORDERS, "r1"), by="child")
    assert running.started(made) == ["other:asset raw/orders r1"]


def test_the_first_tick_starts_nothing():
    running = Decider([job("each", of("a")), ALL])
    assert running.started(end("a", "r1"), end("b", "r2")) == []
    assert running.started(end("a", "r1"), end("b", "r2"), end("b", "r3")) == []
    assert running.started(end("a", "r4")) == ["each:r4", "child:r4"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (job("new"), job("new", of("a"))),
        (job("new", of("b")), job("new", of("b"), of("a"))),
        (job("new", of("a", 10)), job("new", of("a", 20))),
        (job("new", of("a"), of("b")), job("new", of("a"), of("b"), needs_all=True)),
        (job("new", of("a"), needs_all=True), job("new", of("a", 20), needs_all=True)),
    ],
    ids=["child", "parent", "status", "all instead of any", "status of all"],
)
def test_what_is_new_is_not_started_by_earlier_ends(before: Job, after: Job):
    running = daemon(before, job("old", of("a")))
    running.jobs = [after, job("old", of("a"))]
    earlier = [end("b", "r1"), end("a", "r2", 20)]
    asked = running.started(*earlier)
    assert "old:r2" in asked
    assert "new:r2" not in asked
    assert [key for key in running.started(*earlier) if key.startswith("new")] == []
    later = [end("b", "r3"), end("a", "r4", 20)]
    assert "new:r4" in running.started(*earlier, *later)


def test_what_stays_among_the_parents_is_not_forgotten():
    running = daemon(ALL)
    running.tick(end("a", "r1"))
    running.jobs = [job("child", of("a", 10), of("b"), of("c"), needs_all=True)]
    running.tick()
    assert running.started(end("b", "r2"), end("c", "r3")) == ["child:r3"]


def test_a_job_that_waits_for_fewer_parents_starts_with_the_next_end_of_one():
    running = daemon(job("child", of("a"), of("b"), of("c"), needs_all=True))
    running.tick(end("a", "r1"), end("b", "r2"))
    running.jobs = [job("child", of("a"), of("b"), needs_all=True), job("each", of("d"))]
    running.tick()
    assert running.started(end("d", "r3")) == ["each:r3"]
    assert running.started(end("a", "r4")) == ["child:r4"]


def test_ends_are_remembered_as_long_as_they_are_found_again():
    running = daemon(job("each", of("a")))
    running.tick(end("a", "r1"))
    state = parsed(running.cursor)
    assert state is not None
    assert state.seen == {"job a r1": NOW + 1}
    assert state.since(running.now) < NOW + 1
    running.now += OVERLAP_SECONDS
    running.tick()
    state = parsed(running.cursor)
    assert state is not None
    assert state.seen == {}
    assert state.since(running.now) > NOW + 1


def test_a_clock_that_was_set_back_hides_no_ends():
    assert CompletionState(NOW).since(NOW + 3600) == NOW - OVERLAP_SECONDS
    assert CompletionState(NOW).since(NOW - 3600) == NOW - 3600 - OVERLAP_SECONDS


@pytest.mark.parametrize(
    "cursor",
    [None, "", "{", "null", "2026-01-01T00:00:00+00:00 x", '{"last": "x"}', '{"seen": {}}'],
)
def test_a_cursor_that_can_not_be_read_is_none(cursor: str | None):
    assert parsed(cursor) is None
