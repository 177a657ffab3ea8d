"""What a pull request hears of runs that are not the newest any more, over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Environment, Job
from deploy_project.orchestration.jobs.pull_request_comment import tell_end
from deploy_project.runs.model import tags
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.timing.model_timing import timing
from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve

OLD, NEW = "a" * 40, "b" * 40
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostingSite]:
    monkeypatch.setenv("HOSTING_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve("github") as found:
        yield found


def job_of(hub: HostingSite) -> Job:
    return Job(
        name="prod__checks",
        identifier="checks",
        id=23,
        title="Checks",
        environment=Environment("prod", 2, hub.project, "production"),
        description="",
        job_type="ci",
        steps=(("build",),),
        commands=("dbt build",),
    )


def started(instance: dg.DagsterInstance, number: int, commit: str) -> dg.DagsterRun:
    wanted = {tags.JOB: "prod__checks", tags.PULL_REQUEST: str(number), tags.COMMIT: commit}
    return instance.add_run(dg.DagsterRun("prod__checks", tags=wanted))


def cancelled(hub: HostingSite, run: dg.DagsterRun, state: Path) -> FinishedRun:
    deployment = Deployment(Path("/nowhere"), Account(7, "Shop"), {}, {}, {})
    return FinishedRun(
        run=Run.of(run, job_of(hub), deployment, StateDirectory(state)),
        outcome=Status.CANCELLED,
        source=Code(run.tags[tags.COMMIT], "", is_head=False),
        created_at=NOW,
        started_at=NOW,
        ended_at=NOW,
        steps=(),
        timing=timing([]),
        reason="Cancelled: pull request 7 has moved on",
    )


def test_a_stale_run_ends_the_status_of_its_commit_and_leaves_the_comment(
    hub: HostingSite, tmp_path: Path
):
    with dg.DagsterInstance.ephemeral() as instance:
        stale = started(instance, 7, OLD)
        started(instance, 7, NEW)
        started(instance, 8, OLD)
        assert tell_end(instance, cancelled(hub, stale, tmp_path)) == []
    (status,) = hub.statuses
    assert (status["sha"], status["state"]) == (OLD, "error")
    assert status["description"] == "Cancelled: pull request 7 has moved on"
    assert hub.notes == []


def test_of_two_runs_of_one_commit_the_newer_one_reports(hub: HostingSite, tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        first, second = started(instance, 7, OLD), started(instance, 7, OLD)
        assert tell_end(instance, cancelled(hub, first, tmp_path)) == []
        assert hub.requests == []
        assert tell_end(instance, cancelled(hub, second, tmp_path)) == []
    assert len(hub.statuses) == len(hub.notes) == 1


def test_a_run_of_no_pull_request_tells_nobody(hub: HostingSite, tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        found = cancelled(hub, started(instance, 7, OLD), tmp_path)
        by_hand = replace(found, run=replace(found.run, pull_request=None))
        assert tell_end(instance, by_hand) == []
    assert hub.requests == []
