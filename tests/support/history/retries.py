"""Runs that are retried: the records of their steps, and the tags of a retry."""

from datetime import UTC, datetime
from typing import Any

from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.retry.refusal import Past
from tests.support.deployments.jobs import job

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STEPS = steps(
    job("dbt seed", "dbt build", "dbt test", run_generate_sources=True, generate_docs=True)
)
FRESHNESS = steps(job("dbt source freshness"))
LINT = steps(job("dbt build", run_lint=True))
WORDS: dict[str, Status] = {
    "+": Status.SUCCESS,
    "!": Status.ERROR,
    "x": Status.CANCELLED,
    ".": Status.SKIPPED,
    "=": Status.SKIPPED,
}


def record(step: Step, sign: str, **more: Any) -> StepRecord:
    """How a step has ended: `+` success, `!` error, `x` cancelled, `.` never, `=` done before."""
    known: dict[str, Any] = {} if sign == "." else {"arguments": step.arguments}
    if sign == "=":
        known["done_by"] = "an older run"
    return StepRecord(
        step.index, step.key, step.name, step.kind, WORDS[sign], NOW, NOW, **{**known, **more}
    )


def records(signs: str) -> list[StepRecord]:
    """The records of `STEPS`, a sign for each."""
    return [record(step, sign) for step, sign in zip(STEPS, signs, strict=True)]


FAILED = Past("r", Status.ERROR, STEPS, records("+++++!.."), has_results=True, latest="r")


def whole_plan(parent: str, **more: str) -> dict[str, str]:
    """The tags that `deploy-project retry` gives to a run."""
    return {
        "dagster/parent_run_id": parent,
        "dagster/root_run_id": parent,
        "deploy/resumed_run": parent,
        **{f"deploy/{name}": value for name, value in more.items()},
    }
