"""At most one run of a kind waits (Q-4, Q-6)."""

from collections.abc import Iterator, Mapping

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from deploy_project.orchestration.queue import supersede
from deploy_project.runs import tags

# Dagster queues only what it can find again.
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("deploy_project"), "__repository__"),
    "daily",
)

NEW = {"dagster/scheduled_execution_time": "2026-11-21T06:00:00+00:00"}


@dg.op
def nothing() -> None: ...


@dg.job
def daily() -> None:
    nothing()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(
    instance: dg.DagsterInstance,
    trigger: str,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
    job: str = "prod__daily",
    also: Mapping[str, str] = {},
) -> str:
    made = {tags.JOB: job, tags.TRIGGER: trigger, **also}
    made_run = instance.create_run_for_job(
        daily, status=status, tags=made, remote_job_origin=ORIGIN
    )
    return made_run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


def test_only_the_same_trigger_of_the_same_job_gives_way(instance: dg.DagsterInstance):
    waiting = run(instance, "scheduled")
    others = [
        run(instance, "api"),
        run(instance, "ui"),
        run(instance, "merge"),
        run(instance, "scheduled", job="prod__hourly"),
    ]
    started = run(instance, "scheduled", dg.DagsterRunStatus.STARTED)
    assert supersede(instance, "prod__daily", "scheduled", by=NEW) == [waiting]
    assert status(instance, waiting) is dg.DagsterRunStatus.CANCELED
    assert {status(instance, each) for each in others} == {dg.DagsterRunStatus.QUEUED}
    assert status(instance, started) is dg.DagsterRunStatus.STARTED


def test_the_cancelled_run_says_why(instance: dg.DagsterInstance):
    waiting = run(instance, "merge")
    supersede(instance, "prod__daily", "merge", by=NEW)
    said = [entry.user_message or entry.message for entry in instance.all_logs(waiting)]
    assert any("a newer merge of job 'prod__daily' takes its place" in each for each in said)


def test_nothing_waits(instance: dg.DagsterInstance):
    assert supersede(instance, "prod__daily", "scheduled", by=NEW) == []


def test_a_tick_that_is_asked_for_again_does_not_cancel_its_own_run(instance: dg.DagsterInstance):
    """A daemon was killed after it had queued the run and before it had noted the tick."""
    older = run(instance, "scheduled", also=dict.fromkeys(NEW, "yesterday"))
    own = run(instance, "scheduled", also=NEW)
    assert supersede(instance, "prod__daily", "scheduled", by=NEW) == [older]
    assert status(instance, own) is dg.DagsterRunStatus.QUEUED
