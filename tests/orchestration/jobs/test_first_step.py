"""What the first step of a run says and notes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Off
from deploy_project.orchestration.jobs.first_step import first_lines
from deploy_project.runs.model import tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.streak import fingerprint
from tests.orchestration.jobs.daily_job import JOB, run
from tests.support.deployments.dagster_jobs import daily
from tests.support.deployments.jobs import DEPLOYMENT


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def begin(instance: dg.DagsterInstance, begun: dg.DagsterRun) -> tuple[list[str], dict[str, str]]:
    """What the run's console says first, and the run's tags then."""
    said = first_lines(
        instance, begun, Run.of(begun, JOB, DEPLOYMENT, StateDirectory(Path("/nowhere")))
    )
    known = instance.get_run_by_id(begun.run_id)
    assert known is not None
    return said, dict(known.tags)


def test_a_run_by_hand_of_a_deactivated_job_reactivates_it_and_says_so(
    instance: dg.DagsterInstance,
):
    for _ in range(3):
        run(instance)
    by_hand = run(instance, dg.DagsterRunStatus.STARTED)
    said, noted = begin(instance, by_hand)
    assert said == ["This run reactivates the job: its triggers start it again."]
    assert noted[tags.REACTIVATES] == by_hand.run_id
    said, noted = begin(instance, run(instance, dg.DagsterRunStatus.STARTED))
    assert (said, tags.REACTIVATES in noted) == ([], False)


def test_a_run_notes_the_definition_that_it_goes_by(instance: dg.DagsterInstance):
    """A rerun had that of its parent, and failed for a job that was changed since."""
    before = run(instance, job=replace(JOB, timeout_seconds=1))
    assert before.tags[tags.DEFINITION] != fingerprint(JOB)
    assert begin(instance, before)[1][tags.DEFINITION] == fingerprint(JOB)


def test_a_run_that_nothing_holds_back_says_so(instance: dg.DagsterInstance):
    alone = instance.create_run_for_job(daily, tags=tags.of_job(JOB, run_slots=1))
    assert begin(instance, alone)[0] == [
        "This Dagster has no run queue: runs of one job may overlap, and `concurrency` and "
        "`run_slots` limit nothing. Take `concurrency:` from the dagster.yaml that "
        "`deploy-project init` writes."
    ]


def test_a_run_says_what_of_its_job_is_off(instance: dg.DagsterInstance):
    parts = (Off("deferral", "jobs.daily.x: is wrong"), Off("job", "told when the step fails"))
    begun = run(instance, dg.DagsterRunStatus.STARTED)
    off = replace(JOB, off=parts)
    asked = Run.of(begun, off, DEPLOYMENT, StateDirectory(Path("/nowhere")))
    assert first_lines(instance, begun, asked) == ["The deferral is off: jobs.daily.x: is wrong"]
