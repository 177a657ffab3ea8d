from dataclasses import replace

import pytest

from deploy_project.config.values.deployment import Environment, Job, Project, Secret
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.streak import Attempt, failures, fingerprint

NOW = "now"
FAILED, GOOD, CANCELLED = (
    Attempt(Status.ERROR, NOW),
    Attempt(Status.SUCCESS, NOW),
    Attempt(Status.CANCELLED, NOW),
)
RUNNING, QUEUED = Attempt(Status.RUNNING, NOW), Attempt(Status.QUEUED, NOW)
OTHER = Attempt(Status.ERROR, NOW, is_of_other_code=True)
BY_HAND = Attempt(Status.ERROR, NOW, reactivates=True)


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([], 0),
        ([FAILED], 1),
        ([FAILED, FAILED, GOOD, FAILED], 2),
        ([GOOD, FAILED, FAILED], 0),
        ([CANCELLED, FAILED, CANCELLED, FAILED, GOOD], 2),
        ([QUEUED, RUNNING, FAILED, FAILED], 2),
        # saving reactivates
        ([FAILED, Attempt(Status.ERROR, "before"), FAILED], 1),
        ([CANCELLED, Attempt(Status.CANCELLED, "before"), FAILED], 0),
        ([FAILED, Attempt(Status.ERROR, ""), FAILED], 1),
        # a rerun that waits still has its parent's definition
        ([Attempt(Status.QUEUED, "before"), FAILED, FAILED], 2),
        # so does running now
        ([BY_HAND, FAILED, FAILED], 1),
        ([FAILED, BY_HAND, FAILED], 2),
        ([Attempt(Status.RUNNING, NOW, reactivates=True), FAILED, FAILED], 0),
        ([Attempt(Status.CANCELLED, NOW, reactivates=True), FAILED, FAILED], 0),
        # other code tells nothing of the job, but whoever runs it by hand wants it to go on
        ([OTHER, FAILED, OTHER, OTHER, FAILED, GOOD], 2),
        ([replace(OTHER, status=Status.SUCCESS), FAILED, FAILED], 2),
        ([replace(OTHER, definition="before"), FAILED, FAILED], 2),
        ([replace(OTHER, reactivates=True), FAILED, FAILED], 0),
    ],
)
def test_failures_in_a_row(newest_first: list[Attempt], expected: int):
    assert failures(newest_first, definition=NOW, enough=100) == expected


def test_no_more_runs_are_read_than_needed():
    endless = iter(lambda: FAILED, None)
    assert failures(endless, definition=NOW, enough=3) == 3


PROJECT = Project("shop", 1, "/shop.git", token=Secret(env="TOKEN"))
PROD = Environment("prod", 2, PROJECT, "production", variables={"DBT_A": "1"})
JOB = Job("prod__daily", "daily", 3, "Daily", PROD, "", "scheduled", (), ("dbt build",))


@pytest.mark.parametrize(
    "changed",
    [
        replace(JOB, commands=("dbt run",)),
        replace(JOB, timeout_seconds=60),
        replace(JOB, cron=("0 6 * * *",)),
        replace(JOB, environment=replace(PROD, target="other")),
        replace(JOB, environment=replace(PROD, variables={"DBT_A": "2"})),
        replace(JOB, environment=replace(PROD, project=replace(PROJECT, repository="/b.git"))),
    ],
)
def test_a_job_that_is_configured_anew_has_another_fingerprint(changed: Job):
    assert fingerprint(changed) != fingerprint(JOB)
    assert fingerprint(replace(JOB)) == fingerprint(JOB)


def test_a_key_that_does_nothing_here_is_no_part_of_the_fingerprint():
    """Editing `cost_optimization_features` began the count of failures again."""
    changed = replace(JOB, cost_optimization_features=("state_aware_orchestration",))
    assert fingerprint(changed) == fingerprint(JOB)
