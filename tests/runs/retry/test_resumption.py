"""Whether a failed command is resumed or runs whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.runs.model.plan import steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.retry.resumption import nothing_left, obstacle
from tests.support.deployments.jobs import DEPLOYMENT, job
from tests.support.history.retries import record


def results(which: str) -> list[dict[str, Any]]:
    return [{"args": {"which": which}, "results": []}]


@pytest.mark.parametrize(
    ("command", "sign", "more", "found", "why"),
    [
        ("dbt build", "!", {"exit_code": 1}, results("build"), None),
        ("dbt build", "x", {}, results("build"), None),
        ("dbt build", ".", {}, results("build"), None),
        ("dbt compile", "!", {"exit_code": 1}, results("compile"), None),
        ("dbt compile", "x", {}, results("compile"), "run p has not come to the end of it"),
        ("dbt run-operation x", "x", {}, results("run-operation"), "run p has not come to the end"),
        ("dbt build", "!", {"exit_code": 2}, [], "run p has left no results of it; it never began"),
        (
            "dbt build",
            "!",
            {"exit_code": 2, "invocation_id": "i"},
            [{**results("build")[0], "metadata": {"invocation_id": "of another step"}}],
            "run p has left no results of it",
        ),
        ("dbt ls", "!", {"exit_code": 2}, [], "`dbt ls` of run p can't be resumed: `dbt retry`"),
        (
            "dbt build",
            "!",
            {"arguments": ("build", "--select", "x")},
            results("build"),
            "in run p this step was `dbt build --select x`",
        ),
    ],
    ids=[
        *("failed", "interrupted", "killed after dbt had ended", "a compile that failed"),
        *("an interrupted compile", "an interrupted operation", "no results"),
        *("results of an earlier command", "unsupported"),
        "another command now",
    ],
)
def test_a_command_is_resumed_unless_something_stands_against_it(
    command: str, sign: str, more: dict[str, Any], found: Any, why: str | None
):
    made = job(command)
    before = Run("p", made, DEPLOYMENT, StateDirectory(Path("/nowhere")), Trigger("ui", ""))
    step = steps(made)[3]
    ended = replace(record(step, sign), **more)
    said = obstacle(before, step, ended, found, "1.11.16")
    assert said == why if why is None else str(said).startswith(why)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"model.shop.a": "error"}, None),
        ({"model.shop.a": "skipped", "operation.shop.hook": "error"}, None),
        ({"macro.shop.load": "error"}, None),
        (
            {"model.shop.a": "success", "operation.shop.hook": "error"},
            "in run p operation.shop.hook did not succeed, and `dbt retry` runs hooks only where",
        ),
        ({"model.shop.a": "success"}, "no node of it that run p has left to do is in this commit"),
        ({}, "no node of it that run p has left to do is in this commit"),
    ],
    ids=["a model", "and a hook", "an operation", "only a hook", "no failure", "all of it gone"],
)
def test_a_command_of_which_dbt_would_retry_nothing_runs_whole(
    found: dict[str, str], why: str | None
):
    """`dbt retry` had nothing to do, which counted as success, and a hook was left undone."""
    results = [{"unique_id": each, "status": status} for each, status in found.items()]
    said = nothing_left({"args": {}, "results": results}, run_id="p")
    assert said == why if why is None else str(said).startswith(why)
