"""Runs that ended without a record: what is written about them afterwards, once."""

import json
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from deploy_project.cli.commands.index import make_index
from deploy_project.errors import ArtifactError
from deploy_project.orchestration.internals import events
from deploy_project.orchestration.internals.run_storage import index_beside
from deploy_project.orchestration.jobs import run_end
from deploy_project.orchestration.jobs.queue import supersede
from deploy_project.orchestration.jobs.run_end import has_record
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.triggers import lost
from deploy_project.orchestration.triggers.run_records import correct_waiting, ends_sensor
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.outcome.ends import Cursor
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.store import scratch
from deploy_project.runs.store.artifacts import Artifacts
from tests.support.deployments.site import DEPLOY, ENDLESS, PROJECT, Site, make_site
from tests.support.history.run_records import Watch
from tests.support.running.processes import processes_in
from tests.support.waiting import wait

JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt run, dbt test]}
      ci: {environment: prod, job_type: ci, execute_steps: [dbt build]}
"""
COMMIT = "a" * 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dg.DagsterInstance]]:
    site = make_site(tmp_path_factory.mktemp("ends"))
    site.state.prepare()
    with site.instance() as instance:
        yield site, instance


@pytest.fixture
def watch(place: tuple[Site, dg.DagsterInstance]) -> Watch:
    site, instance = place
    site.configure(jobs=JOBS)
    return Watch(site, instance)


def test_a_rerun_that_waits_says_that_it_is_one(watch: Watch):
    """It showed the trigger, the commit and the name of its parent until it began."""
    parent = {tags.PARENT: "b" * 8 + "-0000-4000-8000-000000000000", tags.WHO: "ada@laptop"}
    code = tags.of_code(COMMIT, "main", of_pull_request=False)
    rerun = watch.queued(**parent, **code, **{tags.UPSTREAM_RUN: "r1", "team": "shop"})
    stays = watch.queued(**parent, **code, **{tags.SAME_COMMIT: "true"})
    other = watch.queued(**code)
    correct_waiting(watch.site.deployment, watch.site.state, watch.instance)
    found = {
        each.run_id: dict(each.tags)
        for run in (rerun, stays, other)
        if (each := watch.instance.get_run_by_id(run.run_id))
    }
    shown = found[rerun.run_id]
    assert (shown[tags.TRIGGER], shown[tags.CAUSE]) == ("rerun", f"Rerun of {parent[tags.PARENT]}")
    emptied = (tags.COMMIT, tags.FULL_COMMIT, tags.WHO, tags.UPSTREAM_RUN)
    assert [shown[each] for each in emptied] == [""] * 4
    assert shown["team"] == "shop"
    assert found[stays.run_id][tags.COMMIT] == COMMIT[:7]
    assert found[other.run_id] == dict(other.tags)
    for run in (rerun, stays, other):
        watch.instance.delete_run(run.run_id)


def test_a_run_that_was_superseded_gets_its_record_once(watch: Watch):
    run = watch.queued(**{tags.COMMIT: COMMIT, tags.BRANCH: "main"})
    supersede(watch.instance, "prod__daily", "scheduled", own=(tags.RUN_KEY, ""))
    assert watch.tick(later=timedelta(0)) == [], "its own process might still be writing"
    assert watch.tick() == [f"Wrote the record of run {run.run_id} of prod__daily"]
    record = watch.site.record(run.run_id)
    assert record["status"] == "Cancelled"
    assert record["message"].startswith("Cancelled while it waited: a newer scheduled run of job")
    assert (record["trigger"], record["commit"], record["branch"]) == ("scheduled", COMMIT, "main")
    assert {status for _, status in watch.site.statuses(run.run_id)} == {"Skipped"}
    facts = run_facts.kept(watch.site.artifacts, run.run_id)
    assert facts is not None
    assert (facts.status, facts.reason) == (record["status"], record["message"])
    assert facts.code is not None
    assert facts.code.commit == COMMIT
    assert watch.tick() == []
    watch.cursor = Cursor(datetime.now(UTC) - timedelta(hours=1))  # forgotten, by whatever
    assert watch.tick() == []
    watch.site.record(run.run_id)


def test_a_run_that_a_person_has_cancelled_in_the_queue_says_so(watch: Watch):
    run = watch.queued()
    assert watch.instance.run_coordinator.cancel_run(run.run_id)
    watch.tick()
    assert watch.site.record(run.run_id)["message"] == "Cancelled by user."


def test_only_runs_of_jobs_with_records_get_one(watch: Watch):
    events.cancel_queued(watch.instance, watch.queued("prod__of_yesterday"), "as wanted")
    assert watch.tick() == []


def test_the_run_of_a_pull_request_gets_one_beside_the_environments_own(watch: Watch):
    run = watch.queued("prod__ci", **{tags.PULL_REQUEST: "7", tags.TRIGGER: "ci"})
    events.cancel(watch.instance, run, "Cancelled: pull request 7 was closed or merged.")
    assert len(watch.tick()) == 1
    built = dg.DagsterEventType.ASSET_MATERIALIZATION
    (event,) = watch.site.events(run.run_id, built)
    record = event.materialization
    assert (record.asset_key.path, record.partition) == (["prod", "ci", "ci"], "7")
    assert record.metadata["message"].value == "Cancelled: pull request 7 was closed or merged."
    assert watch.tick() == []


def test_a_run_whose_process_is_still_at_it_is_left_alone(watch: Watch):
    """Marked as cancelled by force, its worker went on and wrote a record of its own."""
    run = watch.queued()
    work = watch.site.state.work(run.run_id)
    work.mkdir(parents=True)
    scratch.hold(work)
    watch.instance.report_run_canceled(run, "By force")
    assert watch.tick() == []
    scratch.free(work)
    assert len(watch.tick()) == 1


def test_a_run_that_went_on_elsewhere_after_its_end_has_one_record(watch: Watch):
    """Its process on another machine built on, and wrote a second record."""
    run = watch.queued()
    watch.instance.report_run_canceled(run, "By force")
    assert len(watch.tick()) == 1
    materialization = dg.AssetMaterialization(["prod", "orders"])
    events.report_materialization(watch.instance, run, materialization)
    job = watch.site.deployment.jobs["prod__daily"]
    ended = Run.of(run, job, watch.site.deployment, watch.site.state)
    assert has_record(watch.instance, ended)


def test_listeners_hear_of_a_run_with_its_facts_before_its_record(watch: Watch):
    heard: list[FinishedRun] = []

    def dies(_: dg.DagsterInstance, finished: FinishedRun) -> Sequence[str]:
        heard.append(finished)
        assert not has_record(watch.instance, finished.run)
        assert run_facts.kept(finished.run.artifacts, finished.run.id) == finished.facts
        if len(heard) == 1:
            raise OSError("killed, as it were")
        return ["the chat could not be told"]

    watch.listeners = [dies]
    run = watch.queued()
    events.cancel_queued(watch.instance, run, "as wanted")
    assert watch.tick() == []
    assert len(watch.tick()) == 1, "so it is told of again"
    assert [each.run.id for each in heard] == [run.run_id] * 2
    assert watch.site.record(run.run_id)["not_posted"] == "the chat could not be told"


def test_facts_that_can_not_be_made_cost_no_record(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    def fails(_: FinishedRun) -> RunFacts:
        raise ValueError

    monkeypatch.setattr(run_end, "gathered", fails)
    run = watch.queued()
    events.cancel_queued(watch.instance, run, "as wanted")
    assert len(watch.tick()) == 1
    watch.site.record(run.run_id)
    said = [each.message for each in watch.instance.all_logs(run.run_id)]
    assert any("could not be kept: ValueError, which is our mistake" in each for each in said)


def test_what_can_not_be_written_now_is_written_later(watch: Watch):
    watch.site.configure(jobs=JOBS, deploy=DEPLOY + "    artifacts: '{state}/file/kept'\n")
    file = watch.site.state.root / "file"
    file.write_text("no directory")
    run = watch.queued()
    left = watch.site.state.work(run.run_id) / "steps" / "01-clone-git-repository"
    left.mkdir(parents=True)
    (left / "console.log").write_text("Cloning")
    watch.instance.report_run_failed(run)
    assert watch.tick() == []
    assert f"The record of run {run.run_id} can't be written yet" in watch.warnings[0]
    assert left.is_dir()
    file.unlink()
    assert len(watch.tick()) == 1
    assert watch.site.console(run.run_id, left.name) == "Cloning"
    assert not left.exists()


@pytest.fixture(scope="module")
def unkept(place: tuple[Site, dg.DagsterInstance]) -> tuple[str, RunFacts]:
    """A run at whose end the artifact root was full, and the facts that it could not keep."""
    site, _ = place
    site.configure(jobs=JOBS)
    lost_facts: list[RunFacts] = []

    def full(_: Artifacts, facts: RunFacts) -> None:
        lost_facts.append(facts)
        raise ArtifactError("No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_facts, "keep", full)
        run = site.run("prod__daily")
    assert run.success
    (facts,) = lost_facts
    return run.run_id, facts


@pytest.mark.slow
def test_facts_that_can_not_be_kept_now_are_kept_later(watch: Watch, unkept: tuple[str, RunFacts]):
    """A run whose process had written its record had no `run.json` for ever."""
    (run_id, facts), site = unkept, watch.site
    assert run_facts.kept(site.artifacts, run_id) is None
    said = [each.message for each in watch.instance.all_logs(run_id)]
    assert "The facts of the run could not be kept: No space left on device" in said
    index = index_beside(watch.instance)
    assert index is not None
    watch.cursor = Cursor(datetime.now(UTC) - timedelta(hours=1))

    file = Path(str(site.artifacts.run(run_id))) / "run.json"
    (file / "in-the-way").mkdir(parents=True)
    assert not any(run_id in line for line in watch.tick())
    assert any(f"of run {run_id} can't be written yet" in line for line in watch.warnings)
    shutil.rmtree(file)
    assert f"Wrote the facts of run {run_id} of prod__daily" in watch.tick()
    late = run_facts.kept(site.artifacts, run_id)
    assert late is not None
    # Dagster's times of a run are those of its whole process.
    late = replace(late, started_at=facts.started_at, finished_at=facts.finished_at)
    assert late == facts
    assert run_id not in index.ids(), "the tick goes on with writing it anew"
    assert watch.tick() == []


@pytest.mark.slow
def test_the_index_made_anew_has_late_facts_too(
    watch: Watch, unkept: tuple[str, RunFacts], capsys: pytest.CaptureFixture[str]
):
    """The sensor looks back a day."""
    (run_id, facts), site = unkept, watch.site
    (Path(str(site.artifacts.run(run_id))) / "run.json").unlink(missing_ok=True)
    watch.instance.add_run_tags(run_id, {tags.FACTS: tags.MISSING})
    with site.working_directory():
        assert make_index() == 0
    assert "Wrote `run.json` of 1 run, which could not before." in capsys.readouterr().out
    late = run_facts.kept(site.artifacts, run_id)
    assert late is not None
    assert late.nodes == facts.nodes
    index = index_beside(watch.instance)
    assert index is not None
    assert index.node_runs(facts.nodes[0].unique_id, limit=1)[0].run_id == run_id


def test_the_sensor_says_what_it_has_written(watch: Watch):
    run = watch.queued()
    events.cancel_queued(watch.instance, run, "as wanted")
    sensor = ends_sensor(watch.site.deployment, watch.site.state, LISTENERS)

    def tick(cursor: str | None) -> Any:
        return sensor(dg.build_sensor_context(instance=watch.instance, cursor=cursor))

    first = tick(None)
    index = index_beside(watch.instance)
    assert index is not None
    assert index.whole_until() is not None, "it has what had ended before, too"
    assert run.run_id in index.ids()
    assert first.skip_reason.skip_message == "No run has ended without its record"
    again = tick(first.cursor)
    assert run.run_id not in Cursor.read(again.cursor, now=datetime.now(UTC)).settled


def test_only_one_of_two_daemons_writes_records(watch: Watch):
    sensor = ends_sensor(watch.site.deployment, watch.site.state, LISTENERS)
    with FileLock(watch.site.state.records_lock):
        ticked: Any = sensor(dg.build_sensor_context(instance=watch.instance))
    assert ticked.skip_message == "Another process is writing records now"


def test_the_sensor_starts_runs_that_a_killed_daemon_had_taken(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    """It starts what it can; nothing says where the code of this one is."""
    monkeypatch.setattr(lost, "AFTER", timedelta(seconds=-60))
    run = watch.queued()
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_STARTING.value, run.job_name)
    watch.instance.report_dagster_event(event, run.run_id)
    sensor = ends_sensor(watch.site.deployment, watch.site.state, LISTENERS)
    ticked: Any = sensor(dg.build_sensor_context(instance=watch.instance))
    assert f"Run {run.run_id} could not be started: " in ticked.skip_reason.skip_message
    ended = watch.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE


@pytest.mark.slow
def test_a_run_whose_worker_was_killed_tells_how_far_it_came(watch: Watch):
    site = watch.site
    site.push({"models/endless.sql": ENDLESS})
    site.configure(jobs=JOBS, deploy=DEPLOY + "    defaults: {deactivate_after: 1}\n")
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__daily")
    process = site.start(*command)
    assert process.stdout is not None
    for line in process.stdout:
        if "OK created sql view model main.orders" in line:
            break
    run_id = site.run_ids()[0]
    work = site.state.work(run_id)
    assert scratch.is_held(work)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for each in processes_in(site.root):
        with suppress(ProcessLookupError):  # its parent's end may have ended it by now
            os.kill(each, signal.SIGKILL)
    run = watch.instance.get_run_by_id(run_id)
    assert run is not None
    watch.instance.report_engine_event("The worker is gone (exit code -9)", run)
    watch.instance.report_run_failed(run)

    assert len(watch.tick()) == 1
    record = site.record(run_id)
    message = "The run's process ended without a word: The worker is gone (exit code -9)"
    assert (record["status"], record["message"]) == ("Error", message)
    assert record["deactivated"].startswith("Job has been deactivated")
    assert record["commit"] == site.git("rev-parse", "HEAD")
    assert [status for _, status in site.statuses(run_id)] == [
        *("Success", "Success", "Success", "Error", "Skipped")
    ]
    assert "OK created sql view model main.orders" in site.console(run_id, "04-dbt-run")
    assert site.steps(run_id)["04-dbt-run"]["message"] == message
    assert not work.exists()
    assert watch.tick() == []


KILLER = """
def model(dbt, session):
    import os, signal, time
    found = dbt.ref("revenue")
    os.kill(int(open("PID").read()), signal.SIGKILL)
    time.sleep(600)
    return found
"""
"""A model that kills the process of its run the moment that all before it is done."""


@pytest.mark.slow
def test_what_dbt_has_done_is_reported_when_its_run_could_not(tmp_path: Path):
    """Events wait a moment for others, and the models of the last one looked as if never begun."""
    pid = tmp_path / "pid"
    files = {
        "models/killer.py": KILLER.replace("PID", str(pid)),
        "models/s.yml": "models: [{name: orders, columns: [{name: id, data_tests: [not_null]}]}]",
    }
    site = make_site(tmp_path, {**PROJECT, **files})
    site.state.prepare()
    site.configure(jobs="jobs: {daily: {environment: prod, execute_steps: [dbt build]}}")
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__daily")
    process = site.start(*command)
    pid.write_text(str(process.pid))
    process.communicate()
    wait(lambda: not processes_in(site.root))
    (run_id,) = site.run_ids()
    with site.instance() as instance, site.working_directory():
        watch, run = Watch(site, instance), instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_failed(run)
        written = watch.tick()
        assert len(written) == 1, watch.warnings
        assert watch.tick() == []
    assert sorted(site.materialized(run_id)) == ["prod/orders", "prod/revenue"]
    (checked,) = site.checked(run_id)
    assert (checked.asset_key.path, checked.passed) == (["prod", "orders"], True)
    (results,) = site.directory(run_id).glob("*/target/run_results.json")
    built = {each["unique_id"] for each in json.loads(results.read_bytes())["results"]}
    assert built >= {"model.tiny.orders", "model.tiny.revenue"}, "as dbt has it"
