"""Completion triggers, against runs and assets that a Dagster instance really has."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from deploy_project.config.values.deployment import (
    Account,
    AssetParent,
    Deployment,
    Environment,
    Job,
    JobParent,
    Project,
)
from deploy_project.orchestration.triggers.completion_sensor import completion_sensor
from deploy_project.runs.model import tags
from tests.orchestration.triggers.completion_jobs import ENVIRONMENT, JOBS, job, of

ELSEWHERE = Environment("staging", 2, Project("sales", 2, "/sales.git"), "staging")


def deployment(jobs: Sequence[Job]) -> Deployment:
    return Deployment(
        source=Path("deploy.yaml"),
        account=Account(1, "test"),
        projects={each.name: each for each in (ENVIRONMENT.project, ELSEWHERE.project)},
        environments={each.name: each for each in (ENVIRONMENT, ELSEWHERE)},
        jobs={each.name: each for each in jobs},
    )


def dagster_job(name: str, *, fails: bool = False, makes: str | None = None) -> dg.JobDefinition:
    @dg.op(name=f"{name}_op")
    def work(context: dg.OpExecutionContext) -> None:
        if fails:
            raise dg.Failure("as wanted")
        if makes:
            context.log_event(dg.AssetMaterialization(makes.split("/")))

    @dg.job(name=name, tags={tags.JOB: name})
    def made() -> None:
        work()

    return made


@dataclass
class CompletionDaemon:
    """Ticks as Dagster's daemon does; one that is killed leaves the old cursor."""

    instance: dg.DagsterInstance
    sensor: dg.SensorDefinition
    cursor: str | None = None

    def tick(self, *, killed: bool = False) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        result = self.sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = self.cursor if killed else result.cursor
        return list(result.run_requests or [])

    def keys(self, *, killed: bool = False) -> list[str | None]:
        return [request.run_key for request in self.tick(killed=killed)]

    def end(self, name: str, *, fails: bool = False, makes: str | None = None) -> str:
        made = dagster_job(name, fails=fails, makes=makes)
        return made.execute_in_process(instance=self.instance, raise_on_error=False).run_id

    def cancel(self, name: str, *, location: str | None = None) -> str:
        """Cancel a run of a job of ours, or of another code location."""
        origin = RegisteredCodeLocationOrigin(location) if location else None
        run = dg.DagsterRun(
            job_name=name,
            run_id=str(uuid.uuid4()),
            tags={} if location else {tags.JOB: name},
            remote_job_origin=origin
            and RemoteJobOrigin(RemoteRepositoryOrigin(origin, "__repository__"), name),
        )
        self.instance.add_run(run)
        self.instance.report_run_canceled(run)
        return run.run_id


def daemon_of(instance: dg.DagsterInstance, jobs: Sequence[Job]) -> CompletionDaemon:
    sensor = completion_sensor(
        deployment(jobs), {each.name: dagster_job(each.name) for each in jobs}
    )
    assert sensor is not None
    return CompletionDaemon(instance, sensor)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def daemon(instance: dg.DagsterInstance) -> CompletionDaemon:
    return daemon_of(instance, JOBS)


def test_what_ended_before_the_first_tick_starts_nothing(daemon: CompletionDaemon):
    daemon.end("parent")
    assert daemon.tick() == []
    assert daemon.tick() == []


def test_the_end_of_a_run_is_asked_for_again_under_the_same_key(daemon: CompletionDaemon):
    """A daemon that was killed before the children's start finds the ends again."""
    daemon.tick()
    failed, succeeded = daemon.end("parent", fails=True), daemon.end("parent")
    requests = daemon.tick(killed=True)
    assert [(each.job_name, each.run_key) for each in requests] == [
        ("on_error", f"on_error:{failed}"),
        ("always", f"always:{failed}"),
        ("on_success", f"on_success:{succeeded}"),
        ("always", f"always:{succeeded}"),
    ]
    assert requests[0].tags == {
        tags.TRIGGER: "job completion",
        tags.CAUSE: f"Job parent failed in run {failed}",
        tags.UPSTREAM_RUN: failed,
    }
    cancelled = daemon.cancel("parent")
    again = daemon.keys()
    assert again[:4] == [each.run_key for each in requests]
    assert again[4:] == [f"on_cancel:{cancelled}", f"always:{cancelled}"]
    assert daemon.keys() == []


def test_tags_that_are_added_long_after_the_end_start_nothing_again(
    daemon: CompletionDaemon, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("deploy_project.orchestration.triggers.completions.OVERLAP_SECONDS", 0)
    daemon.tick()
    run = daemon.end("parent")
    assert len(daemon.tick()) == 2
    assert daemon.tick() == []
    daemon.instance.add_run_tags(run, {"mine": "x"})
    assert daemon.tick() == []


def test_jobs_of_other_projects_and_environments_are_parents(instance: dg.DagsterInstance):
    parent = replace(job("staging__load"), environment=ELSEWHERE)
    child = job("prod__build", of("staging__load", 10), of("prod__other"), needs_all=True)
    daemon = daemon_of(instance, [parent, job("prod__other"), child])
    daemon.tick()
    daemon.end("staging__load", fails=True)
    daemon.end("prod__other")
    first, last = daemon.end("prod__other", fails=True), daemon.end("staging__load")
    (request,) = daemon.tick()
    assert request.job_name == "prod__build"
    assert request.tags[tags.CAUSE] == (
        f"Job prod__other failed in run {first[:8]}; Job staging__load succeeded in run {last[:8]}"
    )
    assert request.tags[tags.UPSTREAM_RUN] == last


def test_the_other_parent_is_waited_for_through_ticks_and_crashes(instance: dg.DagsterInstance):
    jobs = [job("a"), job("b"), job("child", of("a"), of("b"), needs_all=True)]
    daemon = daemon_of(instance, jobs)
    daemon.tick()
    daemon.end("a")
    assert daemon.tick() == []
    daemon = replace(daemon_of(instance, jobs), cursor=daemon.cursor)
    last = daemon.end("b")
    (request,) = daemon.tick(killed=True)
    assert (request.job_name, request.tags[tags.UPSTREAM_RUN]) == ("child", last)
    assert daemon.keys() == [request.run_key]
    assert daemon.keys() == []
    daemon.end("b")
    assert daemon.keys() == []


def test_an_asset_of_whatever_code_location_is_a_parent(instance: dg.DagsterInstance):
    child = job("child", AssetParent(("raw", "orders")))
    daemon = daemon_of(instance, [child])
    instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "orders"]))
    assert daemon.tick() == []
    instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "orders"]))
    instance.report_runless_asset_event(dg.AssetMaterialization(["orders"]))
    instance.report_runless_asset_event(dg.AssetObservation(["raw", "orders"]))
    (outside,) = daemon.tick(killed=True)
    assert outside.tags == {
        tags.TRIGGER: "job completion",
        tags.CAUSE: "Asset raw/orders was materialized",
    }
    run = daemon.end("ingest", makes="raw/orders")
    assert daemon.end("child", makes="raw/orders"), "its own work must not start it"
    again, inside = daemon.tick()
    assert again.run_key == outside.run_key
    assert inside.run_key == f"child:asset raw/orders {run}"
    assert inside.tags[tags.UPSTREAM_RUN] == run
    assert daemon.tick() == []


def test_more_materializations_than_one_page_has(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("deploy_project.orchestration.triggers.completion_sensor._PAGE", 2)
    daemon = daemon_of(instance, [job("child", AssetParent(("orders",)))])
    daemon.tick()
    for _ in range(5):
        instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    assert len(set(daemon.keys())) == 5


def test_a_job_of_another_code_location_is_a_parent(instance: dg.DagsterInstance):
    child = job("child", JobParent("load_orders", (30,), "ingest"), of("load_orders"))
    daemon = daemon_of(instance, [child])
    daemon.tick()
    daemon.cancel("load_orders", location="other")
    daemon.cancel("load_customers", location="ingest")
    run = daemon.cancel("load_orders", location="ingest")
    (request,) = daemon.tick()
    assert request.run_key == f"child:{run}"
    assert request.tags[tags.CAUSE] == f"Job load_orders of ingest was cancelled in run {run}"


def test_a_cursor_that_can_not_be_read_starts_anew(daemon: CompletionDaemon):
    daemon.cursor = "2026-11-21T10:00:00+00:00 2026-11-21T10:00:00+00:00"
    daemon.end("parent")
    assert daemon.tick() == []
    run = daemon.end("parent", fails=True)
    assert daemon.keys() == [f"on_error:{run}", f"always:{run}"]


def test_the_run_of_a_pull_request_starts_nothing(daemon: CompletionDaemon):
    daemon.tick()
    made = dagster_job(JOBS[0].name)
    made.execute_in_process(instance=daemon.instance, tags={tags.PULL_REQUEST: "7"})
    assert daemon.tick() == []


def test_a_deployment_without_completion_triggers_has_no_sensor():
    assert completion_sensor(deployment([]), {}) is None


def test_a_deactivated_job_is_not_started_and_the_tick_says_why(instance: dg.DagsterInstance):
    child = replace(job("child", of("parent", 10)), deactivate_after=1)
    daemon = daemon_of(instance, [job("parent"), child])
    daemon.tick()
    instance.create_run_for_job(
        dagster_job("child"),
        status=dg.DagsterRunStatus.FAILURE,
        tags=tags.of_job(child, run_slots=None),
    )
    daemon.end("parent")
    result = daemon.sensor(dg.build_sensor_context(instance=instance, cursor=daemon.cursor))
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    assert isinstance(result.skip_reason, dg.SkipReason)
    assert "child: Job has been deactivated" in (result.skip_reason.skip_message or "")
