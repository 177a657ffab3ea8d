"""The outlook of a retry, from a run's facts: dbt Cloud's reason against it, or none (RTY-3)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploy_project.config.values.deployment import Deployment
from deploy_project.runs.model.run_facts import ArtifactFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.reads.past_run import Asked, PastRun
from deploy_project.runs.retry.outlook import may_be_retried, why_not
from tests.support.deployments.jobs import DEPLOYMENT, job
from tests.support.history.past_runs import BEGAN, facts_of
from tests.support.history.retries import FRESHNESS, STEPS, record, records

JOB = job("dbt seed", "dbt build", "dbt test", run_generate_sources=True, generate_docs=True)
KNOWN = replace(DEPLOYMENT, jobs={JOB.name: JOB})
RUN = PastRun(
    id="r",
    job=JOB.name,
    status=Status.ERROR,
    trigger=Trigger("api", "x"),
    commit="",
    branch="",
    created_at=BEGAN,
    started_at=BEGAN,
    ended_at=BEGAN,
    is_latest=True,
)
RESULTS = (ArtifactFacts("06-dbt-build/target/run_results.json", 1),)


def reason(
    steps: Sequence[StepRecord],
    run: PastRun = RUN,
    files: tuple[ArtifactFacts, ...] = RESULTS,
    known: Deployment = KNOWN,
) -> str | None:
    facts = facts_of("4b2f0c1e-aaaa-4000-8000-000000000000", Status.ERROR)
    return why_not(run, replace(facts, steps=tuple(steps), artifacts=files), known)


FAILED = records("+++++!..")


def test_a_failed_build_with_results_can_be_retried():
    assert STEPS[5].name == "Invoke dbt with `dbt build`"
    assert reason(FAILED) is None


@pytest.mark.parametrize(
    ("status", "is_latest", "wanted"),
    [
        (Status.SUCCESS, True, "RETRY_NOT_FAILED_RUN"),
        (Status.RUNNING, True, "RETRY_NOT_FAILED_RUN"),
        (Status.QUEUED, False, "RETRY_NOT_FAILED_RUN"),
        (Status.ERROR, False, "RETRY_NOT_LATEST_RUN"),
        (Status.CANCELLED, True, "RETRY_NOT_FAILED_RUN"),
    ],
)
def test_only_the_latest_failure_is_looked_at(status: Status, is_latest: bool, wanted: str | None):
    run = replace(RUN, status=status, is_latest=is_latest)
    assert reason(FAILED, run) == wanted
    assert may_be_retried(run) is (is_latest and status is Status.ERROR)


def test_without_results_nothing_can_be_gone_on_from():
    assert reason(FAILED, files=()) == "RETRY_NO_RUN_RESULTS"
    other = (ArtifactFacts("05-dbt-seed/target/run_results.json", 1),)
    assert reason(FAILED, files=other) == "RETRY_NO_RUN_RESULTS"
    before = (ArtifactFacts("06-dbt-build/previous/run_results.json", 1),)
    assert reason(FAILED, files=before) is None
    assert why_not(RUN, None, KNOWN) == "RETRY_NO_RUN_RESULTS"
    assert reason(FAILED, known=DEPLOYMENT) == "RETRY_NO_RUN_RESULTS"


def test_commands_and_versions_that_dbt_can_not_go_on_with():
    old = [*FAILED[:5], record(STEPS[5], "!", dbt_version="1.5.0"), *FAILED[6:]]
    assert reason(old) == "RETRY_UNSUPPORTED_VERSION"
    only = job("dbt source freshness")
    failed = [record(step, sign) for step, sign in zip(FRESHNESS, "+++!", strict=True)]
    known = replace(DEPLOYMENT, jobs={only.name: only})
    assert reason(failed, known=known) == "RETRY_UNSUPPORTED_CMD"


def test_the_steps_that_were_asked_for_count():
    asked = Asked(overrides={"steps": ["dbt build -s orders"], "generate_docs": False})
    assert reason(FAILED, replace(RUN, asked=asked)) == "RETRY_NO_RUN_RESULTS"
    wrong = Asked(overrides={"no_such": 1})
    assert reason(FAILED, replace(RUN, asked=wrong)) == "RETRY_NO_RUN_RESULTS"
