"""The storage with kept connections: the files, the events and the wakings are Dagster's."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
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
