"""Reads of runs: the same with an index as without one, and in three queries."""

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, event, update

from deploy_project.errors import LaunchError, RunIndexError
from deploy_project.orchestration.internals.run_storage import INDEX, index_beside, matching_runs
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.overrides import config_of_job, read
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun, past_run, with_facts
from deploy_project.runs.reads.read_model import Runs, matching
from deploy_project.runs.reads.tables import MARKS, RUNS
from deploy_project.runs.reads.wanted import Between, Wanted
from tests.support.history.past_runs import BEGAN, COMMITS, JOBS, History, facts_of, on_sqlite

COUNT = 240
QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED
FAILURE = dg.DagsterRunStatus.FAILURE
MIDDLE = BEGAN + timedelta(minutes=COUNT // 4)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Runs of all kinds, all that have ended in the index."""
    directory = tmp_path_factory.mktemp("filled")
    with on_sqlite(directory) as instance:
        made = History(instance, directory)
        made.fill(COUNT)
        made.catch_up()
        made.index.set_whole_until(datetime.now(UTC) + timedelta(hours=1))  # they ended just now
        yield made


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with on_sqlite(tmp_path) as instance:
        yield History(instance, tmp_path)


FILTERS = {
    "every": Wanted(),
    "job": Wanted(jobs={"prod__daily"}),
    "ids of jobs": Wanted(job_ids={1, 3, 99}),
    "without sources": Wanted(has_sources=False),
    "reruns": Wanted(repeats="none"),
    "jobs and status": Wanted(jobs={"prod__daily", "staging__checks"}, statuses={Status.ERROR}),
    "no such job": Wanted(jobs={"no_such_job"}),
    "project and environment": Wanted(projects={"shop"}, environments={"staging"}),
    "another project": Wanted(projects={"another"}),
    "environments and trigger": Wanted(environments={"prod", "staging"}, triggers={"merge"}),
    "queued": Wanted(statuses={Status.QUEUED}),
    "running or cancelled": Wanted(statuses={Status.RUNNING, Status.CANCELLED}),
    "no status": Wanted(statuses=set()),
    "commit": Wanted(commit=COMMITS[0]),
    "commit and branch": Wanted(commit=COMMITS[1], branch="next"),
    "pull request": Wanted(pull_request=7),
    "created after": Wanted(created=Between(MIDDLE)),
    "created within": Wanted(created=Between(MIDDLE, MIDDLE + timedelta(minutes=5))),
    "created before": Wanted(created=Between(last=BEGAN)),
    "finished before": Wanted(finished=Between(last=BEGAN)),
    "finished within": Wanted(finished=Between(BEGAN, datetime(2100, 1, 1, tzinfo=UTC))),
    "dbt version": Wanted(dbt_versions={"1.10.4"}),
    "without docs": Wanted(dbt_versions={"1.10.4", "1.11.2"}, has_docs=False),
    "with docs": Wanted(has_docs=True),
    "with warnings": Wanted(has_warnings=True),
    "successes without warnings": Wanted(statuses={Status.SUCCESS}, has_warnings=False),
}


def told(runs: Runs, wanted: Wanted, **page: Any) -> tuple[list[PastRun], int]:
    found = runs.page(wanted, **page)
    return list(found.runs), found.total


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_finds_the_same_with_an_index_as_without(filled: History, name: str):
    with_index = told(filled.indexed(), FILTERS[name], limit=500)
    assert with_index == told(filled.plain(), FILTERS[name], limit=500)
    assert with_index[1] == len(with_index[0])


def test_a_run_is_found_by_its_number_and_by_the_state_it_has_deferred_to(filled: History):
    first, last = filled.added[0], filled.added[-1]
    for wanted in (
        Wanted(numbers={tags.run_number(first), tags.run_number(last), 5}),
        Wanted(deferred_to=first),
    ):
        found = told(filled.indexed(), wanted, limit=500)
        assert found == told(filled.plain(), wanted, limit=500)
        assert found[1] > 0


def test_the_newest_runs_and_the_failures_of_jobs_are_the_same_without_an_index(filled: History):
    with_index, without = filled.indexed(), filled.plain()
    for completed in (False, True):
        found = with_index.newest_of(JOBS, completed=completed)
        assert found == without.newest_of(JOBS, completed=completed)
        assert {*found} == {*JOBS}
        if completed:
            assert all(each.status.has_ended for each in found.values())
    assert with_index.failures(JOBS) == without.failures(JOBS)
    assert with_index.newest_of({"no_such_job"}) == {}
    assert with_index.failures({"no_such_job"}) == {"no_such_job": 0}


def test_failures_count_from_the_last_success(history: History):
    ends = [FAILURE, dg.DagsterRunStatus.SUCCESS, FAILURE, dg.DagsterRunStatus.CANCELED, FAILURE]
    for minute, status in enumerate(ends):
        history.add(status=status, created=BEGAN + timedelta(minutes=minute))
    history.catch_up()
    for known in (history.indexed(), history.plain()):
        assert known.failures({"prod__daily", "prod__hourly"}) == {
            "prod__daily": 2,
            "prod__hourly": 0,
        }


def test_what_was_asked_for_stays_known(history: History):
    """It is in the run's tags and configuration, and in the index."""
    asked = read({"steps": ("dbt build",), "threads": 8})
    run = history.add(
        run_config=config_of_job(asked),
        commit_override="a" * 40,
        branch_override="next",
        schema_override="mine",
        upstream_run="up",
    )
    history.catch_up()
    for known in (history.indexed(), history.plain()):
        (found,) = known.page().runs
        assert found.asked.overrides == {"steps": ["dbt build"], "threads": 8}
        assert (found.asked.commit, found.asked.branch) == ("a" * 40, "next")
        assert (found.asked.schema, found.upstream_run) == ("mine", "up")
        assert known.by_number(tags.run_number(run)) == found
        assert known.by_number(1) is None


def test_a_configuration_that_asks_for_nothing_known_is_none(history: History):
    """The run itself fails for it, and says why."""
    history.add(run_config={"ops": {"plan": {"config": {"threads": "many"}}}})
    (found,) = history.plain().page().runs
    assert found.asked.overrides == {}


def test_pages_tell_the_latest_run_of_each_job(history: History):
    first = history.add()
    second = history.add(created=BEGAN + timedelta(minutes=1))
    other = history.add("prod__hourly")
    history.catch_up()

    def latest() -> set[str]:
        runs = history.indexed().page().runs
        assert [each.is_latest for each in runs] == [
            each.is_latest for each in history.plain().page().runs
        ]
        return {each.id for each in runs if each.is_latest}

    assert latest() == {second, other}
    third = history.add(created=BEGAN + timedelta(minutes=2), status=STARTED)
    assert latest() == {third, other}
    assert first not in latest()


@pytest.mark.parametrize("seed", range(20))
def test_pages_are_parts_of_the_whole(filled: History, seed: int):
    chance = random.Random(seed)
    wanted = chance.choice(list(FILTERS.values()))
    order = {"order": chance.choice(["created", "finished"]), "ascending": chance.random() < 0.5}
    whole, total = told(filled.plain(), wanted, limit=1000, **order)
    limit, offset = chance.randrange(1, 60), chance.randrange(COUNT)
    page, same = told(filled.indexed(), wanted, limit=limit, offset=offset, **order)
    assert (page, same) == (whole[offset : offset + limit], total)


def test_a_list_takes_three_queries_at_most(filled: History):
    known, said = filled.indexed(), list[str]()
    known.page()  # opens the index

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):  # as Dagster asks for columns
            said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        known.page(Wanted(jobs={JOBS[0]}), limit=20)
        assert len(said) == 3, said
        said.clear()
        known.find(str(tags.run_number(filled.added[5])))
        assert len(said) <= 3, said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def test_runs_that_have_not_ended_are_dagsters(history: History):
    queued = history.add(status=QUEUED, created=BEGAN + timedelta(hours=1))
    done = history.add()
    history.catch_up()
    found = history.indexed().page().runs
    assert [(each.id, each.status) for each in found] == [(queued, "Queued"), (done, "Success")]


def test_a_run_that_has_facts_before_dagster_hears_of_its_end_is_still_running(history: History):
    """Its row was shown beside Dagster's record of it."""
    run = history.add(status=STARTED)
    record = history.instance.get_run_record_by_id(run)
    assert record is not None
    facts = facts_of(run, commit=COMMITS[0])
    history.catch_up()
    history.index.write([(with_facts(past_run(record), facts), facts.nodes)])
    (found,) = history.indexed().page().runs
    assert found.status is Status.RUNNING
    assert history.indexed().page(Wanted(statuses={Status.SUCCESS})).total == 0
    assert history.catch_up() == 0
    assert history.index.run(run) is not None, "its end is about to come"


def test_runs_that_ended_since_then_are_found_too(history: History):
    history.catch_up()
    run = history.add(status=FAILURE)
    history.keep(facts_of(run, Status.ERROR, docs="made", warnings=2))
    known = history.indexed()
    (found,) = known.page(Wanted(has_docs=True)).runs
    assert (found.id, found.status, found.warnings, found.docs) == (run, "Error", 2, "made")
    assert known.by_id(run) == found
    assert known.newest(Wanted(jobs={"prod__daily"})) == found
    assert known.newest(Wanted(jobs={"prod__hourly"})) is None


def test_facts_that_can_not_be_read_are_left_out(history: History):
    run = history.add()
    history.keep(facts_of(run, docs="made"))
    file = history.directory / "artifacts" / "runs" / run / "run.json"
    file.write_text('{"version": 2}', encoding="utf-8")
    assert history.plain().by_id(run).docs == ""
    assert history.catch_up() == 1
    assert history.indexed().by_id(run).docs == ""


def test_history_without_facts_answers_with_what_dagster_knows(history: History):
    run = history.add(trigger="merge", full_commit=COMMITS[0], commit=COMMITS[0][:7])
    history.catch_up()
    (found,) = history.indexed().page().runs
    assert (found.id, found.trigger.category, found.commit) == (run, "merge", COMMITS[0])
    assert found.dbt_version == ""
    assert history.indexed().facts(run) is None


def test_what_dagster_has_deleted_goes(history: History):
    kept, deleted = history.add(), history.add()
    history.catch_up()
    history.instance.delete_run(deleted)
    assert history.catch_up() == 0
    assert history.index.ids() == {kept}
    with pytest.raises(LaunchError, match="is not in this Dagster's history"):
        history.indexed().by_id(deleted)


def test_catching_up_goes_on_where_it_was_left(history: History):
    for _ in range(250):
        history.add()
    assert history.catch_up(seconds=0) == 0
    assert history.index.whole_until() is None
    assert history.indexed().page(limit=300).total == 250, "Dagster is asked meanwhile"
    assert history.catch_up() == 250
    assert history.index.whole_until() is not None


def test_the_median_is_that_of_the_last_successes(history: History):
    for number, (seconds, status) in enumerate(
        [(10, Status.SUCCESS), (20, Status.SUCCESS), (90, Status.ERROR), (60, Status.SUCCESS)]
    ):
        run = history.add()
        record = history.instance.get_run_record_by_id(run)
        assert record is not None
        began = BEGAN + timedelta(hours=number)
        ended = replace(
            past_run(record),
            status=status,
            created_at=began,
            started_at=began,
            ended_at=began + timedelta(seconds=seconds),
        )
        history.index.write([(ended, ())])
    history.catch_up()
    found = history.indexed().median_seconds({"prod__daily", "prod__hourly"})
    assert found == {"prod__daily": 20.0}
    assert history.plain().median_seconds({"prod__daily"}) == {}, "none of them began for Dagster"


def test_the_runs_of_a_node_are_found(history: History):
    for number in range(3):
        run = history.add()
        history.keep(facts_of(run, began=BEGAN + timedelta(hours=number)))
    history.catch_up()
    newest, before = history.indexed().node_runs("model.shop.orders", limit=2)
    assert newest.run_id == history.added[2]
    assert newest.started_at == BEGAN + timedelta(hours=2)
    assert (before.run_id, before.status, before.seconds) == (history.added[1], "success", 1.0)
    assert history.plain().node_runs("model.shop.orders") == []


def test_an_index_of_another_version_is_made_anew(history: History):
    history.add()
    history.catch_up()
    with history.index.begin() as connection:
        connection.execute(MARKS.update().where(MARKS.c.name == "version").values(value="0"))
    assert history.indexed().page().total == 1
    assert history.index.whole_until() is None
    assert history.catch_up() == 1


def test_a_reader_notices_that_the_index_is_made_anew(history: History):
    """One that had been whole was read while it had no rows yet."""
    for _ in range(3):
        history.add()
    history.catch_up()
    history.index.set_whole_until(datetime.now(UTC) + timedelta(hours=1))
    known = history.indexed()
    assert known.page().total == 3
    history.index.clear()
    assert known.page().total == 3


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"x" * 4096, b""])
def test_a_damaged_index_costs_speed_alone(history: History, content: bytes):
    history.add()
    history.catch_up()
    file = history.directory / "history" / "history" / INDEX
    assert file.is_file()
    for each in file.parent.glob(f"{INDEX}*"):
        each.unlink()
    file.write_bytes(content)
    assert history.indexed().page().total == 1
    assert history.catch_up() == 1
    assert history.index.whole_until() is not None


def test_an_index_that_can_not_be_written_is_told(history: History):
    history.add()
    place = history.directory / "history" / "history" / INDEX
    place.mkdir()
    assert history.indexed().page().total == 1
    with pytest.raises(RunIndexError, match="is a directory; remove it, and the index is made"):
        history.catch_up()
    place.rmdir()
    assert history.catch_up() == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "Exploded"), ("created_at", "noon"), ("started_at", 1 << 62), ("ended_at", "x")],
)
def test_a_damaged_row_costs_speed_alone(history: History, column: str, value: object):
    """A row with an unknown status was told as a defect of this software."""
    history.add()
    damaged = history.add()
    history.catch_up()
    known = history.indexed()
    assert known.page().total == 2
    with history.index.begin() as connection:
        connection.execute(update(RUNS).where(RUNS.c.run_id == damaged).values({column: value}))
    assert told(known, Wanted()) == told(history.plain(), Wanted())
    assert known.find(damaged).status is Status.SUCCESS
    assert set(known.median_seconds({"prod__daily"})) <= {"prod__daily"}
    with pytest.raises(RunIndexError, match=r"has a damaged row: .*; reads take longer until"):
        history.index.run(damaged)
    history.index.clear()
    history.catch_up()
    assert history.index.run(damaged) is not None


def test_many_may_begin_with_the_index_at_once(history: History):
    for _ in range(40):
        history.add()
    failed: list[Exception] = []

    def work() -> None:
        try:
            history.catch_up()
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert failed == []
    assert len(history.index.ids()) == 40


def test_texts_that_a_database_refuses_are_changed(history: History):
    run = history.add(cause="a\0b")
    history.index.write([(replace(history.plain().by_id(run), branch="\ud800"), ())])
    found = history.index.run(run)
    assert found is not None
    assert (found.trigger.cause, found.branch) == ("a b", "?")


def test_the_index_is_a_file_beside_dagsters_own(history: History):
    history.add()
    history.catch_up()
    file = history.directory / "history" / "history" / INDEX
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("select count(*) from deploy_runs").fetchone() == (1,)


def test_an_instance_in_memory_has_no_index(tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        assert index_beside(instance) is None
        history = History(instance, tmp_path)
        run = history.add()
        assert history.plain().newest() == history.plain().by_id(run)


A = "3f2a0c1e-aaaa-4000-8000-000000000000"
B = "3f2b0c1e-bbbb-4000-8000-000000000000"
C = "12345678-cccc-4000-8000-000000000000"
TEXTS = [
    (A, [A]),
    ("3f2a", [A]),
    ("3F2A ", [A]),
    ("3f2", [A, B]),
    ("3f2a0c1e-", [A]),
    ("3f2a0c1e-a", [A]),
    ("12345678", [C]),
    (str(tags.run_number(B)), [B]),
    (str(tags.run_number(B) + 1), []),
    ("", []),
    ("-", []),
    ("3f2_", []),
    ("%", []),
    ("9" * 5000, []),
    ("f" * 5000, []),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_run_is_known_by_the_beginning_of_its_id_or_by_its_number(text: str, expected: list[str]):
    assert matching([A, B, C], text) == expected


def test_dagsters_index_of_ids_knows_them_as_well(history: History):
    for each in (A, B, C):
        history.add(run_id=each, status=QUEUED)
    for text, expected in TEXTS:
        assert sorted(matching(matching_runs(history.instance, text) or {}, text)) == expected
    for runs in (history.indexed(), history.plain()):
        assert runs.find(str(tags.run_number(B))).id == B
        assert runs.find("12345678").status is Status.QUEUED
        with pytest.raises(LaunchError, match="'3f2' names 2 runs: "):
            runs.find("3f2")
        with pytest.raises(LaunchError, match="no run is called 'x' in the history of here"):
            runs.find("x")


def test_the_facts_of_a_run_are_read_from_its_artifacts(history: History):
    run = history.add()
    history.keep(facts_of(run))
    assert history.indexed().facts(run) == run_facts.kept(history.artifacts, run)
