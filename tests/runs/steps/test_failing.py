"""The nodes that have failed so far: written while the run goes on, not too often."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from upath import UPath

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.runs.model.step_context import CommandContext
from deploy_project.runs.steps.failing import FILE, FailureNotes, failures_so_far
from deploy_project.runs.store.artifacts import Artifacts

Clock = list[float]


def finished(name: str, status: str, message: str = "no such column") -> NodeFinished:
    return NodeFinished(
        *(f"model.shop.{name}", "model", name, status, message),
        materialized="table",
        relation="",
        thread="Thread-1",
        execution_seconds=1.0,
        failures=0,
        started_at=None,
        finished_at=None,
        compile_seconds=None,
    )


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(UPath(tmp_path))


@pytest.fixture
def now() -> Clock:
    return [100.0]


def context(artifacts: Artifacts, say: Callable[[str], None] = print) -> CommandContext:
    run = SimpleNamespace(id="run-1", artifacts=artifacts)
    workspace = SimpleNamespace(scrubber=Scrubber(["hunter2-secret"]))
    step = SimpleNamespace(index=4)
    return cast(Any, SimpleNamespace(run=run, workspace=workspace, step=step, say=say))


@pytest.fixture
def notes(artifacts: Artifacts, now: Clock) -> FailureNotes:
    made = FailureNotes(clock=lambda: now[0])
    made.opened(context(artifacts))
    return made


def names(artifacts: Artifacts) -> list[str]:
    return [each.name for each in failures_so_far(artifacts, "run-1")]


def test_the_first_failure_is_written_at_once(notes: FailureNotes, artifacts: Artifacts):
    notes.heard(finished("orders", "success"))
    assert not (artifacts.run("run-1") / FILE).exists()
    message = "Database Error in model orders (models/orders.sql)\n  hunter2-secret"
    notes.heard(finished("orders", "error", message))
    [failure] = failures_so_far(artifacts, "run-1")
    assert (failure.unique_id, failure.step) == ("model.shop.orders", 4)
    assert failure.file == "models/orders.sql"
    assert "hunter2" not in failure.message


def test_others_follow_some_seconds_apart(notes: FailureNotes, artifacts: Artifacts, now: Clock):
    notes.heard(finished("a", "error"))
    now[0] += 1
    notes.heard(finished("b", "fail"))
    assert names(artifacts) == ["a"]
    now[0] += 10
    notes.heard(finished("c", "success"))
    assert names(artifacts) == ["a", "b"]


def test_the_end_of_a_command_writes_the_rest(notes: FailureNotes, artifacts: Artifacts):
    notes.heard(finished("a", "error"))
    notes.heard(finished("b", "runtime error"))
    notes.closed()
    assert names(artifacts) == ["a", "b"]


def test_there_is_an_end_to_failures(notes: FailureNotes, artifacts: Artifacts):
    for number in range(300):
        notes.heard(finished(f"m{number}", "error"))
    notes.closed()
    assert len(names(artifacts)) == 100


def test_a_file_that_can_not_be_written_is_told_in_the_log(tmp_path: Path):
    said: list[str] = []
    (tmp_path / "runs").touch()
    made = FailureNotes()
    made.opened(context(Artifacts(UPath(tmp_path)), said.append))
    made.heard(finished("a", "error"))
    assert len(said) == 1
    assert "can't be told before the end" in said[0]


@pytest.mark.parametrize("content", ["", "[", "{}", json.dumps([{"step": "x"}])])
def test_a_damaged_file_tells_nothing(artifacts: Artifacts, content: str):
    artifacts.write_text(artifacts.run("run-1") / FILE, content)
    assert failures_so_far(artifacts, "run-1") == ()
