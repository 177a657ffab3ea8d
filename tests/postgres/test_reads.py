"""Reads of runs whose history is in Postgres, and the index in its database."""

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.orchestration.internals.connections import keep_connections
from deploy_project.orchestration.internals.run_storage import matching_runs
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.read_model import matching
from deploy_project.runs.reads.tables import MARKS
from deploy_project.runs.reads.wanted import Wanted
from tests.support.history.past_runs import COMMITS, JOBS, History
from tests.support.servers.postgres_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shop on Postgres")]

QUEUED = dg.DagsterRunStatus.QUEUED
WANTED = [
    Wanted(),
    Wanted(jobs={JOBS[0]}, statuses={Status.ERROR, Status.RUNNING}),
    Wanted(commit=COMMITS[0], has_docs=False),
    Wanted(pull_request=7, dbt_versions={"1.10.4"}),
    Wanted(statuses=set()),
    Wanted(has_warnings=True),
    Wanted(job_ids={1, 2}, has_sources=False, repeats=""),
]


@pytest.fixture
def history(server: Server, tmp_path: Path) -> Iterator[History]:
    server.execute("drop database if exists reads with (force)")
    server.execute("create database reads")
    url = f"postgresql+psycopg2://postgres:{server.password}@127.0.0.1:{server.port}/reads"
    text = f"telemetry: {{enabled: false}}\nstorage: {{postgres: {{postgres_url: '{url}'}}}}\n"
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        keep_connections(instance)
        yield History(instance, tmp_path)


def test_every_list_is_the_same_with_an_index_as_without(history: History, server: Server):
    history.fill(80)
    assert history.catch_up() > 20
    tables = "select table_name from information_schema.tables where table_name like 'deploy_%'"
    assert {name for (name,) in server.execute(tables, "reads")} == {
        *("deploy_index", "deploy_nodes", "deploy_runs"),
    }
    with_index, without = history.indexed(), history.plain()
    for wanted in WANTED:
        for offset in (0, 3, 70):
            found = with_index.page(wanted, limit=20, offset=offset)
            same = without.page(wanted, limit=20, offset=offset)
            assert found == same
            latest, others = ([run.is_latest for run in each.runs] for each in (found, same))
            assert latest == others
    assert with_index.newest_of(JOBS) == without.newest_of(JOBS)
    assert with_index.failures(JOBS) == without.failures(JOBS)
    nodes = with_index.node_runs("model.shop.orders", limit=5)
    assert len(nodes) == 5


def test_a_run_is_found_by_its_number_whatever_language_the_database_sorts_by(history: History):
    first, second = (
        history.add(run_id=f"3f2{each}0c1e-aaaa-4000-8000-00000000000{each}", status=QUEUED)
        for each in "ab"
    )
    for text, expected in [
        ("3f2", [first, second]),
        ("3f2a0c1e-", [first]),
        (str(tags.run_number(second)), [second]),
        ("3f3", []),
    ]:
        assert sorted(matching(matching_runs(history.instance, text) or {}, text)) == expected


def test_connections_are_kept(history: History, server: Server):
    """Each statement made one, which took longer than the statement."""
    history.fill(10)
    history.catch_up()
    known, sessions = history.indexed(), "select pid from pg_stat_activity where datname = 'reads'"
    known.page()
    kept = {*server.execute(sessions)}
    for _ in range(5):
        known.page()
        known.find(str(tags.run_number(history.added[0])))
    assert {*server.execute(sessions)} == kept
    server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'reads'")
    assert known.page().total > 0, "a server may be started anew"


def test_an_index_of_another_version_is_made_anew(history: History):
    history.add()
    history.catch_up()
    with history.index.begin() as connection:
        connection.execute(MARKS.update().where(MARKS.c.name == "version").values(value="0"))
    assert history.indexed().page().total == 1
    assert history.catch_up() == 1


def test_many_may_begin_with_the_index_at_once(history: History):
    for _ in range(30):
        history.add()
    failed: list[Exception] = []

    def work() -> None:
        try:
            history.catch_up()
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(5)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    history.catch_up()
    assert len(history.index.ids()) == 30
    assert failed == []


def test_an_index_that_may_not_be_made_costs_speed_alone(history: History, server: Server):
    history.add()
    server.execute("create role reader login password 'reader'")
    try:
        server.execute("grant pg_read_all_data to reader", "reads")
        url = f"postgresql+psycopg2://reader:reader@127.0.0.1:{server.port}/reads"
        storage = f"{{postgres_url: '{url}', should_autocreate_tables: false}}"
        text = f"telemetry: {{enabled: false}}\nstorage: {{postgres: {storage}}}\n"
        (history.directory / "dagster.yaml").write_text(text, encoding="utf-8")
        with dg.DagsterInstance.from_config(str(history.directory)) as instance:
            assert History(instance, history.directory).indexed().page().total == 1
    finally:
        server.execute("drop owned by reader", "reads")
        server.execute("drop role reader")
