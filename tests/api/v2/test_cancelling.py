"""The cancelling of a run that is just starting, which Dagster can't end then."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.api.v2 import cancelling
from deploy_project.errors import LaunchError
from deploy_project.runs.instance.launching import Dagster
from deploy_project.runs.model.tags import run_number
from tests.support.api.callers import Answer, Caller
from tests.support.history.past_front import ALL, PastFront, past_front
from tests.support.waiting import wait


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PastFront]:
    monkeypatch.setattr(cancelling, "_CANCEL_SECONDS", 0.1)
    monkeypatch.setattr(cancelling, "_LOOK_SECONDS", 0.02)
    with past_front(tmp_path, indexed=False) as made:
        yield made


@pytest.fixture
def cancelled(front: PastFront, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that Dagster has cancelled: it refuses those that are starting, or have ended."""
    found: list[str] = []

    def cancel(_: Dagster, run_id: str) -> None:
        run = front.history.instance.get_run_by_id(run_id)
        assert run is not None
        if not run.is_cancelable:
            raise LaunchError(f"could not be terminated due to having status {run.status.value}")
        found.append(run_id)

    monkeypatch.setattr(Dagster, "cancel", cancel)
    return found


def cancel(front: PastFront, run_id: str) -> Answer:
    path = f"/api/v2/accounts/7/runs/{run_number(run_id)}/cancel/"
    return Caller(front.url).call("POST", path, Authorization=f"Token {ALL}")


def test_a_starting_run_is_cancelled_when_it_has_begun(front: PastFront, cancelled: list[str]):
    run_id = front.history.add(status=dg.DagsterRunStatus.STARTING)
    answer = cancel(front, run_id)
    assert (answer.status, answer.json["data"]["status"], cancelled) == (200, 2, [])
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "prod__daily")
    front.history.instance.report_dagster_event(event, run_id)
    wait(lambda: cancelled)
    assert cancelled == [run_id]


def test_one_that_ends_by_itself_is_left(front: PastFront, cancelled: list[str]):
    run_id = front.history.add(status=dg.DagsterRunStatus.STARTING)
    assert cancel(front, run_id).status == 200
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, "prod__daily")
    front.history.instance.report_dagster_event(event, run_id)
    assert cancel(front, run_id).status == 200
    time.sleep(0.2)
    assert cancelled == []


def test_one_that_begins_just_after_it_was_refused_is_cancelled(
    front: PastFront, monkeypatch: pytest.MonkeyPatch
):
    """The refusal was of a starting run; the look at its status then found one that had begun."""
    run_id = front.history.add(status=dg.DagsterRunStatus.STARTED)
    asked: list[str] = []

    def cancel_second(_: Dagster, run: str) -> None:
        asked.append(run)
        if len(asked) == 1:
            raise LaunchError("could not be terminated due to having status STARTING")

    monkeypatch.setattr(Dagster, "cancel", cancel_second)
    assert cancel(front, run_id).status == 200
    assert asked == [run_id, run_id]
