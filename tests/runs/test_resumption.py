"""Whether a failed command is resumed or runs whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.runs.plan import steps
from deploy_project.runs.resumption import obstacle
from deploy_project.runs.run import Run
from deploy_project.runs.tags import Trigger
from tests.runs.test_plan import job
from tests.runs.test_retry import record
from tests.runs.test_run import DEPLOYMENT


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
        *("an interrupted compile", "an interrupted operation", "no results", "unsupported"),
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
