"""Jobs that fail again and again, in a real Dagster instance (JOB-12)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from deploy_project.config.values.deployment import Off
from deploy_project.orchestration.triggers.schedules import schedule
from deploy_project.runs.instance.deactivation import (
    BANNER,
    deactivated,
    deactivated_by,
    reactivates,
    startable,
)
from deploy_project.runs.model import tags
from deploy_project.runs.model.tags import Category, Trigger
from tests.orchestration.jobs.daily_job import JOB, run
from tests.support.deployments.dagster_jobs import daily

FAILED, SUCCEEDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_a_job_is_deactivated_by_its_last_failures_in_a_row(instance: dg.DagsterInstance):
    for status in (FAILED, FAILED, SUCCEEDED, FAILED, FAILED):
        run(instance, status)
    assert deactivated(instance, JOB) is None
    run(instance, job=replace(JOB, name="prod__other"))
    assert deactivated(instance, JOB) is None
    run(instance)
    why = deactivated(instance, JOB)
    assert why is not None
    assert why.startswith(
        "Job has been deactivated due to repeated run failures. To reactivate, verify the job is "
        "configured properly and run manually or reenable any trigger. Its last 3 runs have failed."
    )
    assert "`deploy-project run prod__daily`" in why


def test_many_failures_are_counted_page_by_page(instance: dg.DagsterInstance):
    patient = replace(JOB, deactivate_after=110)
    for _ in range(109):
        run(instance, job=patient)
    assert deactivated(instance, patient) is None
    run(instance, job=patient)
    assert deactivated(instance, patient) is not None


def test_zero_turns_it_off(instance: dg.DagsterInstance):
    never = replace(JOB, deactivate_after=0)
    for _ in range(5):
        run(instance, job=never)
    assert deactivated(instance, never) is None


def test_a_commit_that_is_not_of_the_branch_deactivates_no_job(instance: dg.DagsterInstance):
    """Whoever may run one could have stopped production's job."""
    others = [run(instance, own={tags.STRANGER: "true"}) for _ in range(5)]
    assert deactivated(instance, JOB) is None
    assert deactivated_by(instance, JOB, others[-1]) is None
    run(instance)
    run(instance)
    last = run(instance)
    assert deactivated_by(instance, JOB, last) is not None
    run(instance, SUCCEEDED, own={tags.STRANGER: "true"})
    assert deactivated(instance, JOB) is not None, "nor does it activate one"


def test_a_ci_job_counts_its_pull_requests(instance: dg.DagsterInstance):
    for _ in range(3):
        run(instance, own={tags.STRANGER: "true", tags.PULL_REQUEST: "7"})
    assert deactivated(instance, JOB) is not None


def test_saving_the_job_reactivates_it(instance: dg.DagsterInstance):
    for _ in range(3):
        run(instance)
    assert deactivated(instance, JOB) is not None
    assert deactivated(instance, replace(JOB, commands=("dbt run",))) is None


def test_running_it_by_hand_reactivates_it(instance: dg.DagsterInstance):
    for _ in range(3):
        run(instance)
    by_hand = run(instance, STARTED)
    assert deactivated(instance, JOB) is not None, "until it starts"
    instance.add_run_tags(by_hand.run_id, {tags.REACTIVATES: by_hand.run_id})
    assert deactivated(instance, JOB) is None
    run(instance)
    run(instance)
    assert deactivated(instance, JOB) is None
    # A rerun has the tags of its parent, and is no reason by itself.
    run(instance, own={tags.REACTIVATES: by_hand.run_id})
    assert deactivated(instance, JOB) is not None


@pytest.mark.parametrize(
    ("category", "others", "expected"),
    [
        ("ui", {}, True),
        ("api", {}, True),
        ("rerun", {}, True),
        ("rerun", {tags.RETRY_NUMBER: "1"}, False),  # Dagster's own automatic retry
        ("scheduled", {}, False),
        ("ci", {}, False),
        ("merge", {}, False),
        ("job completion", {}, False),
    ],
)
def test_only_what_somebody_asks_for_reactivates(
    instance: dg.DagsterInstance, category: Category, others: dict[str, str], expected: bool
):
    def asks() -> bool:
        return reactivates(instance, JOB, starting, Trigger(category, ""))

    starting = run(instance, STARTED, own=others)
    assert not asks(), "nothing is deactivated"
    for _ in range(3):
        run(instance)
    assert asks() is expected


def test_the_run_that_fails_once_too_often_is_told(instance: dg.DagsterInstance):
    attempts = [run(instance) for _ in range(2)]
    last = run(instance, STARTED)  # it tells before Dagster calls it failed
    assert [deactivated_by(instance, JOB, each) for each in attempts] == [None, None]
    assert (deactivated_by(instance, JOB, last) or "").startswith(BANNER)


def test_requests_for_deactivated_jobs_are_not_made(instance: dg.DagsterInstance):
    for _ in range(3):
        run(instance)
    other = replace(JOB, name="prod__other")
    wanted = [dg.RunRequest(job_name=name) for name in (JOB.name, other.name, JOB.name)]
    requests, refused = startable(instance, {each.name: each for each in (JOB, other)}, wanted)
    assert requests == [wanted[1]]
    assert refused == [f"prod__daily: {deactivated(instance, JOB)}"]


def tick(made: dg.ScheduleDefinition | None, instance: dg.DagsterInstance) -> str | None:
    """Why a tick starts no run; None when it starts one."""
    assert made is not None
    time = datetime(2026, 3, 2, 6, tzinfo=UTC)
    context = dg.build_schedule_context(instance, scheduled_execution_time=time)
    data = made.evaluate_tick(context)
    return None if data.run_requests else data.skip_message


def test_a_deactivated_job_is_not_scheduled():
    made = schedule(JOB, daily)
    with dg.instance_for_test() as instance:
        assert tick(made, instance) is None
        for _ in range(3):
            run(instance)
        assert tick(made, instance) == deactivated(instance, JOB)


OFF = replace(JOB, off=(Off("job", "jobs.daily.execute_steps.0: is wrong; correct it"),))


def test_no_trigger_starts_a_job_that_is_off(instance: dg.DagsterInstance):
    wanted = [dg.RunRequest(job_name=JOB.name)]
    requests, refused = startable(instance, {OFF.name: OFF}, wanted)
    why = "The job is off: jobs.daily.execute_steps.0: is wrong; correct it"
    assert (requests, refused) == ([], [f"prod__daily: {why}"])
    with dg.instance_for_test() as served:
        assert tick(schedule(OFF, daily), served) == why


def test_a_part_that_is_off_leaves_the_other_triggers_on(instance: dg.DagsterInstance):
    partly = replace(JOB, off=(Off("deferral", "x"), Off("trigger", "y"), Off("parent", "z")))
    wanted = [dg.RunRequest(job_name=JOB.name)]
    assert startable(instance, {JOB.name: partly}, wanted) == (wanted, [])


def test_a_run_by_hand_does_not_reactivate_a_job_that_is_off(instance: dg.DagsterInstance):
    assert not reactivates(instance, OFF, run(instance), Trigger("ui", "By hand"))
