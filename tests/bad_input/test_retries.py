"""Runs that can't be retried, or not so."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import pytest

from deploy_project.cli.commands.retry import outlook
from deploy_project.errors import DeployError
from deploy_project.runs.model import tags
from deploy_project.runs.requests.retries import retry
from deploy_project.runs.retry.remaining_nodes import chosen, selected_words
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met
from tests.support.history.retries import FAILED, FRESHNESS, LINT, record, records

DONE = {"args": {}, "results": [{"unique_id": "model.shop.a", "status": "error"}]}


def without_commit() -> None:
    @dg.job
    def prod__daily() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        run = prod__daily.execute_in_process(instance=instance)
        retry(instance, run.run_id, same_commit=True)


OLD = replace(FAILED, records=[replace(each, dbt_version="1.5.2") for each in FAILED.records])
UNSUPPORTED = [record(step, sign) for step, sign in zip(FRESHNESS, "+++!", strict=True)]


UNLINTED = [record(step, sign) for step, sign in zip(LINT, "+++!.", strict=True)]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: outlook(replace(FAILED, status="Success")),
        lambda: outlook(replace(FAILED, steps=FRESHNESS, records=UNSUPPORTED)),
        lambda: outlook(replace(FAILED, steps=LINT, records=UNLINTED)),
        lambda: outlook(OLD),
        lambda: outlook(replace(FAILED, has_results=False)),
        lambda: outlook(replace(FAILED, records=records("+++++++!"))),
        without_commit,
        lambda: selected_words("--profiles-dir /x"),
        lambda: selected_words("'a"),
        lambda: chosen(DONE, [], words=["b"], resumed="r"),
    ],
    ids=[
        *("not failed", "unsupported command", "lint", "old dbt", "killed", "could not publish"),
        *("no commit", "an option", "an open quote", "nothing chosen"),
    ],
)
def test_a_retry_that_can_not_be_is_explained(attempt: Callable[[], object], met: Met):
    with pytest.raises(DeployError) as raised:
        attempt()
    met(str(raised.value))


@pytest.mark.slow
def test_a_retry_of_a_run_that_the_history_does_not_know(deployed: Deployed, met: Met):
    """It took what another deployment's run had left at a shared artifact root for its own."""
    unknown = "0b1e5f2c-7c1d-4f43-9d0f-0a6a3c1c7a11"
    with deployed.unchanged():
        ended = deployed.attempt(
            "prod__daily", {tags.PARENT: unknown, tags.ROOT: unknown, tags.RESUMED_RUN: unknown}
        )
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    assert unknown in ended.message
    met(ended.message)
