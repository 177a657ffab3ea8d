"""The storage with kept connections: the files, the events and the wakings are Dagster's."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, Pool, event

from deploy_project.orchestration.internals import events
from deploy_project.orchestration.internals.connections import keep_connections
from deploy_project.orchestration.processes import storage
from tests.support.waiting import PATIENCE, ended, wait

PROGRAM = """
import os, signal, sys
import dagster as dg
from deploy_project.orchestration.internals import events
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    run = instance.get_run_by_id(sys.argv[2])
    for number in range(int(sys.argv[3])):
        key = dg.AssetKey(f"model_{number}")
        events.report_materialization(instance, run, dg.AssetMaterialization(key))
    if len(sys.argv) > 4:
        os.kill(os.getpid(), signal.SIGKILL)
"""
EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
TABLES = """
    select name from sqlite_master
    where type = 'table' and name not like 'alembic%' and name <> 'secondary_indexes'
"""
OURS = "{custom: {module: deploy_project.instance, class: SqliteStorage, config: HERE}}"
DAGSTERS = "{sqlite: HERE}"


def configured(directory: Path, wanted: str) -> dg.DagsterInstance:
    here = wanted.replace("HERE", f"{{base_dir: {directory / 'history'}}}")
    text = f"telemetry: {{enabled: false}}\nstorage: {here}\n"
    (directory / "dagster.yaml").write_text(text, encoding="utf-8")
    return dg.DagsterInstance.from_config(str(directory))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with configured(tmp_path, OURS) as made:
        assert isinstance(made.event_log_storage, storage.EventLog)
        yield made


def run_of(instance: dg.DagsterInstance) -> dg.DagsterRun:
    @dg.job
    def nothing() -> None:
        pass

    return instance.create_run_for_job(nothing)


def report(instance: dg.DagsterInstance, run: dg.DagsterRun, *names: str) -> None:
    for name in names:
        built = dg.AssetMaterialization(dg.AssetKey(name))
        events.report_materialization(instance, run, built)


def told(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """The assets that the events of a run name; each is in the index of all runs, too."""
    events = instance.all_logs(run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    keys = [each.dagster_event.asset_key for each in events if each.dagster_event]
    names = [key.to_user_string() for key in keys if key is not None]
    for name in names:
        latest = instance.get_latest_materialization_event(dg.AssetKey(name))
        assert latest is not None
    return names


def alongside(directory: Path, run: dg.DagsterRun, count: int, *more: str) -> subprocess.Popen[str]:
    """Another process that reports `count` models of `run`."""
    command = [sys.executable, "-c", PROGRAM, str(directory), run.run_id, str(count), *more]
    return subprocess.Popen(command, text=True)


def test_dagsters_own_class_reads_and_goes_on_with_what_was_stored(tmp_path: Path):
    with configured(tmp_path, DAGSTERS) as before:
        run = run_of(before)
        report(before, run, "first")
    with configured(tmp_path, OURS) as between:
        report(between, run, "second")
        assert told(between, run) == ["first", "second"]
    with configured(tmp_path, DAGSTERS) as after:
        report(after, run, "third")
        assert told(after, run) == ["first", "second", "third"]


def test_a_file_that_is_made_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Dagster reads its migrations to find that out, a tenth of a second of each process."""
    with configured(tmp_path, OURS) as before:
        run = run_of(before)
        report(before, run, "first")
        database = next((tmp_path / "history" / "history" / "runs").glob(f"{run.run_id}*.db"))
        (database.with_name("half-made.db")).touch()
    made: list[Path] = []

    def make(_: storage.EventLog, engine: Engine) -> None:
        made.append(Path(str(engine.url.database)))

    monkeypatch.setattr(storage.EventLog, "_initdb", make)
    with configured(tmp_path, OURS) as after:
        report(after, run, "second")
        assert told(after, run) == ["first", "second"]
        assert made == []
        log: Any = after.event_log_storage
        with log.run_connection("half-made"):
            assert [each.name for each in made] == ["half-made.db"]


def test_as_many_runs_as_there_are_may_be_open(instance: dg.DagsterInstance):
    runs = [run_of(instance) for _ in range(20)]
    for number, run in enumerate(runs):
        report(instance, run, f"model_{number}")
    assert [told(instance, run) for run in runs] == [[f"model_{n}"] for n in range(20)]


@pytest.mark.slow
def test_processes_and_threads_write_at_the_same_time(instance: dg.DagsterInstance, tmp_path: Path):
    run, others = run_of(instance), [run_of(instance) for _ in range(2)]
    processes = [alongside(tmp_path, each, 30) for each in (run, *others)]
    threads = [
        threading.Thread(target=report, args=(instance, run, *(f"own_{t}_{n}" for n in range(10))))
        for t in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [ended(process) for process in processes] == [0, 0, 0]
    assert len(told(instance, run)) == 60
    assert [len(told(instance, each)) for each in others] == [30, 30]


@pytest.mark.slow
def test_a_process_that_is_killed_loses_no_event(instance: dg.DagsterInstance, tmp_path: Path):
    run = run_of(instance)
    assert ended(alongside(tmp_path, run, 20, "kill")) == -9
    assert told(instance, run) == [f"model_{number}" for number in range(20)]


@pytest.mark.slow
def test_whoever_watches_a_run_is_woken_while_it_writes(
    instance: dg.DagsterInstance, tmp_path: Path
):
    """The webserver watches the file, which an open connection leaves as it is."""
    run, heard = run_of(instance), list[str]()

    def hear(event: dg.EventLogEntry, cursor: str) -> None:
        if event.dagster_event is not None and event.dagster_event.asset_key is not None:
            heard.append(event.dagster_event.asset_key.to_user_string())

    with configured(tmp_path, DAGSTERS) as webserver:
        log: Any = webserver.event_log_storage
        log.watch(run.run_id, None, hear)
        report(instance, run, "first")
        wait(lambda: heard == ["first"])
        time.sleep(1)  # what comes from making the file has come by then
        report(instance, run, "second")
        wait(lambda: heard == ["first", "second"])
        log.end_watch(run.run_id, hear)


def test_wiping_deletes_everything_and_leaves_a_storage_that_works(instance: dg.DagsterInstance):
    run = run_of(instance)
    report(instance, run, "before")
    instance.event_log_storage.wipe()
    assert told(instance, run) == []
    report(instance, run, "after")
    assert told(instance, run) == ["after"]


def entries(run: dg.DagsterRun) -> list[dg.EventLogEntry]:
    """Events of assets and checks in a step, some of them twice."""
    orders, items = dg.AssetKey(["prod", "orders"]), dg.AssetKey("it'ems")
    built = dg.AssetMaterialization(orders, metadata={"rows": 7, "sql": "select 'é'"})
    tagged = dg.AssetMaterialization(items, tags={"dagster/data_version": "1"})
    passed = dg.AssetCheckEvaluation(orders, "not_null", True, metadata={"failures": 0})
    failed = dg.AssetCheckEvaluation(orders, "not_null", False, description="Got 2")
    seen = dg.AssetObservation(items, "skipped", metadata={"status": "skipped"})
    told: list[dg.EventLogEntry] = []

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        with events.Batch(context) as reported:
            for each in (built, tagged, passed, failed, seen, built):
                if isinstance(each, dg.AssetMaterialization):
                    reported.planned(each.asset_key)
                reported.add(each)

    @dg.job
    def nothing() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as somewhere:
        nothing.execute_in_process(instance=somewhere, run_id=run.run_id)
        told += somewhere.all_logs(run.run_id, EVENTS)
    assert len(told) == 9
    return told


def rows_of(directory: Path) -> dict[str, list[Any]]:
    """All rows of events, assets and checks in all files, but for the times when they were made."""
    found: dict[str, list[Any]] = {}
    for file in sorted((directory / "history" / "history" / "runs").glob("*.db")):
        with closing(sqlite3.connect(file)) as connection:
            for (table,) in connection.execute(TABLES).fetchall():
                columns = [each[1] for each in connection.execute(f"pragma table_info({table})")]
                wanted = ", ".join(f'"{each}"' for each in columns if each != "create_timestamp")
                rows = connection.execute(f"select {wanted} from {table} order by 1").fetchall()
                found[f"{file.name} {table}"] = rows
    return found


def test_events_that_are_stored_together_are_those_that_dagster_stores(tmp_path: Path):
    """Each of its four transactions for an event, and its three texts of it, took time."""
    for name in ("dagsters", "ours", "again"):
        (tmp_path / name).mkdir()
    with (
        configured(tmp_path / "dagsters", DAGSTERS) as dagsters,
        configured(tmp_path / "ours", OURS) as ours,
        configured(tmp_path / "again", OURS) as again,
    ):
        told = entries(run_of(dagsters))
        for each in told:
            dagsters.event_log_storage.store_event(each)
        ours.event_log_storage.store_event_batch(told)
        for part in (told[:1], told[1:4], told[4:]):
            again.event_log_storage.store_event_batch(part)
    wanted = rows_of(tmp_path / "dagsters")
    assert sum(map(len, wanted.values())) > 9 + 9 + 2 + 1
    assert rows_of(tmp_path / "ours") == wanted
    assert rows_of(tmp_path / "again") == wanted


def test_events_of_other_kinds_and_of_several_runs_are_stored_one_by_one(
    instance: dg.DagsterInstance,
):
    runs = [run_of(instance) for _ in range(2)]
    told = [each for run in runs for each in entries(run)]
    instance.event_log_storage.store_event_batch(told)
    failed = dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="A word",
        run_id=runs[0].run_id,
        timestamp=1.0,
    )
    instance.event_log_storage.store_event_batch([*told[:9], failed])
    assert len(instance.all_logs(runs[0].run_id)) == 19
    assert len(instance.all_logs(runs[1].run_id)) == 9


def test_only_the_first_event_asks_which_columns_there_are(instance: dg.DagsterInstance):
    """Dagster's own storage asks it anew for each, a quarter of what an event costs then."""
    run, said = run_of(instance), list[str]()
    report(instance, run, "first")

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        report(instance, run, "second")
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert any(statement.startswith("INSERT INTO asset_keys") for statement in said)
    assert not [statement for statement in said if "table_" in statement]
    assert told(instance, run) == ["first", "second"]


def test_a_file_is_never_asked_whether_it_is_still_there(instance: dg.DagsterInstance):
    """A server is, since it may have been started anew; for a file that is a statement too much."""
    keep_connections(instance)
    run, said = run_of(instance), list[str]()

    def hear(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(said.append)

    event.listen(Pool, "checkout", hear)
    try:
        report(instance, run, "first")
        report(instance, run, "second")
    finally:
        event.remove(Pool, "checkout", hear)
    assert any(statement.startswith("INSERT INTO event_logs") for statement in said)
    assert "select 1" not in said
