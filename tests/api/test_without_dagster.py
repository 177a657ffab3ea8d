"""The front while Dagster's webserver does not answer: what needs it says so, the rest goes on."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from deploy_project.runs.model.tags import run_number
from tests.support.api.callers import Answer, Caller
from tests.support.history.past_front import ALL, PastFront, past_front
from tests.support.ports import free_port


def post(front: PastFront, path: str, body: Mapping[str, Any] | None) -> Answer:
    whole = f"/api/v2/accounts/7/{path}"
    return Caller(front.url).call("POST", whole, body, Authorization=f"Token {ALL}")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastFront]:
    url = f"http://127.0.0.1:{free_port()}"
    with past_front(tmp_path_factory.mktemp("alone"), dagster_url=url) as front:
        yield front


@pytest.fixture(scope="module")
def ended(alone: PastFront) -> int:
    run = alone.history.add(status=dg.DagsterRunStatus.FAILURE)
    return run_number(run)


@pytest.fixture(scope="module")
def queued(alone: PastFront) -> int:
    return run_number(alone.history.add(status=dg.DagsterRunStatus.QUEUED))


def test_what_only_reads_goes_on(alone: PastFront, ended: int, queued: int):
    for number, status in ((ended, 20), (queued, 1)):
        assert alone.get(f"runs/{number}/").data["status"] == status
    for path in ("runs/", "jobs/", "projects/", "environments/", f"runs/{ended}/artifacts/"):
        assert alone.get(path).status == 200, path


def test_what_needs_dagster_is_503_with_the_reason(alone: PastFront, queued: int):
    for path, body in ((f"runs/{queued}/cancel", None), ("jobs/1/run", {"cause": "x"})):
        answer = post(alone, path, body)
        assert answer.status == 503, answer
        assert answer.message.startswith("What this needs does not answer: Dagster at http://127")
        assert str(alone.history.directory) not in answer.text


def test_a_run_that_has_ended_is_cancelled_all_the_same(alone: PastFront, ended: int):
    assert post(alone, f"runs/{ended}/cancel", None).status == 200
