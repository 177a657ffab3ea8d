"""Runs that can't be retried, or not so."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import pytest

from deploy_project.cli.retry import outlook
from deploy_project.errors import DeployError
from deploy_project.runs.listing import chosen, selected_words
from deploy_project.runs.retrying import retry_tags
from tests.bad_input.documented import Met
from tests.runs.test_retry import FAILED, FRESHNESS, record, records

DONE = {"args": {}, "results": [{"unique_id": "model.shop.a", "status": "error"}]}


def without_commit() -> None:
    @dg.job
    def prod__daily() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        run = prod__daily.execute_in_process(instance=instance)
        retry_tags(instance, run.run_id, same_commit=True)


OLD = replace(FAILED, records=[replace(each, dbt_version="1.5.2") for each in FAILED.records])
UNSUPPORTED = [record(step, sign) for step, sign in zip(FRESHNESS, "+++!", strict=True)]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: outlook(replace(FAILED, status="Success")),
        lambda: outlook(replace(FAILED, steps=FRESHNESS, records=UNSUPPORTED)),
        lambda: outlook(OLD),
        lambda: outlook(replace(FAILED, has_results=False)),
        lambda: outlook(replace(FAILED, records=records("+++++++!"))),
        without_commit,
        lambda: selected_words("--profiles-dir /x"),
        lambda: selected_words("'a"),
        lambda: chosen(DONE, [], words=["b"], resumed="r"),
    ],
    ids=[
        *("not failed", "unsupported command", "old dbt", "killed", "could not publish"),
        *("no commit", "an option", "an open quote", "nothing chosen"),
    ],
)
def test_a_retry_that_can_not_be_is_explained(attempt: Callable[[], object], met: Met):
    with pytest.raises(DeployError) as raised:
        attempt()
    met(str(raised.value))
