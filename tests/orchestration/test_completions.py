"""Completion triggers, against runs that have really ended in a Dagster instance."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.deployment import Account, Deployment
from deploy_project.orchestration.completions import completion_sensor
from deploy_project.runs import tags
from tests.runs.test_completions import ENVIRONMENT, JOBS

DEPLOYMENT = Deployment(
    source=Path("deploy.yaml"),
    account=Account(1, "test"),
    projects={"shop": ENVIRONMENT.project},
    environments={"prod": ENVIRONMENT},
    jobs={job.name: job for job in JOBS},
)


def dagster_job(name: str, *, fails: bool = False) -> dg.JobDefinition:
    @dg.op(name=f"{name}_op")
    def work() -> None:
        if fails:
            raise dg.Failure("as wanted")

    @dg.job(name=name, tags={tags.JOB: name})
    def made() -> None:
        work()

    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def sensor() -> dg.SensorDefinition:
    made = completion_sensor(DEPLOYMENT, {job.name: dagster_job(job.name) for job in JOBS})
    assert made is not None
    return made


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[dg.RunRequest], str | None]:
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or []), result.cursor


def end(instance: dg.DagsterInstance, *, fails: bool = False) -> str:
    job = dagster_job("parent", fails=fails)
    return job.execute_in_process(instance=instance, raise_on_error=False).run_id


def test_what_ended_before_the_first_tick_starts_nothing(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance
):
    end(instance)
    requests, cursor = tick(sensor, instance, None)
    assert requests == []
    assert tick(sensor, instance, cursor)[0] == []


def test_the_end_of_a_run_is_asked_for_again_under_the_same_key(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance
):
    """A daemon that was killed after the parent's end found it behind its cursor."""
    _, born = tick(sensor, instance, None)
    failed, succeeded = end(instance, fails=True), end(instance)
    requests, cursor = tick(sensor, instance, born)
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
    again, _ = tick(sensor, instance, cursor)
    assert {each.run_key for each in again} == {each.run_key for each in requests}


def test_a_deployment_without_completion_triggers_has_no_sensor():
    assert completion_sensor(replace(DEPLOYMENT, jobs={}), {}) is None
