from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_project.config.values.deployment import Job
from deploy_project.runs.model.plan import failed_boxes, steps
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from tests.support.deployments.jobs import job


def record(kind: str, status: Status, **more: Any) -> StepRecord:
    now = datetime.now(UTC)
    return StepRecord(1, kind, kind, kind, status, now, now, **more)


IMPLICIT = [
    "Clone git repository",
    "Create profile from connection production",
    "Invoke dbt with `dbt deps`",
]


@pytest.mark.parametrize(
    ("wanted", "after_the_implicit"),
    [
        (job("dbt build"), ["Invoke dbt with `dbt build`"]),
        (
            job("dbt seed", "dbt run", "dbt test", run_generate_sources=True, generate_docs=True),
            [
                "Invoke dbt with `dbt source freshness`",
                "Invoke dbt with `dbt seed`",
                "Invoke dbt with `dbt run`",
                "Invoke dbt with `dbt test`",
                "Invoke dbt with `dbt docs generate`",
            ],
        ),
        (
            job("dbt build", run_generate_sources=True, run_lint=True),
            [
                "Lint SQL",
                "Invoke dbt with `dbt source freshness`",
                "Invoke dbt with `dbt build`",
            ],
        ),
        (
            job("dbt build --select  tag:a"),
            ["Invoke dbt with `dbt build --select  tag:a`"],
        ),
    ],
    ids=["one command", "both check-boxes", "lint", "as written"],
)
def test_the_steps_have_dbt_clouds_order_and_names(wanted: Job, after_the_implicit: list[str]):
    planned = steps(wanted)
    assert [step.name for step in planned] == IMPLICIT + after_the_implicit
    assert [step.index for step in planned] == list(range(1, len(planned) + 1))


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({"job_type": "ci"}, ["command", "compare", "docs"]),
        ({"on_pull_request": True}, ["command", "compare", "docs"]),
        ({}, ["command", "docs"]),
    ],
    ids=["a CI job", "an old job with a webhook", "a job of no pull requests"],
)
def test_a_job_of_pull_requests_compares_before_docs(settings: Any, kinds: list[str]):
    wanted = replace(job("dbt build", run_compare_changes=True, generate_docs=True), **settings)
    planned = steps(wanted)[3:]
    assert [step.kind for step in planned] == kinds
    assert [step.name for step in planned if step.kind == "compare"] in ([], ["Compare changes"])
    assert not any(step.breaks_the_run for step in planned if step.kind == "compare")


def test_without_a_target_the_connection_has_the_environments_name():
    assert steps(job("dbt build", target=None))[1].name == "Create profile from connection prod"


def test_only_the_check_boxes_may_fail_without_ending_the_run():
    planned = steps(
        job(
            "dbt source freshness",
            "dbt docs generate",
            run_generate_sources=True,
            generate_docs=True,
        )
    )
    assert [(step.kind, step.breaks_the_run) for step in planned] == [
        ("clone", True),
        ("profile", True),
        ("deps", True),
        ("freshness", False),
        ("command", True),
        ("command", True),
        ("docs", False),
    ]


def test_keys_are_unique_and_directories_sort_in_order():
    planned = steps(job("dbt run", "dbt --quiet run", "dbt run-operation x", "dbt ls", "dbt deps"))
    assert [step.directory for step in planned] == [
        "01-clone-git-repository",
        "02-create-profile",
        "03-dbt-deps",
        "04-dbt-run",
        "05-dbt-run-2",
        "06-dbt-run-operation",
        "07-dbt-ls",
        "08-dbt-deps-2",
    ]


def test_a_command_keeps_its_arguments():
    planned = steps(job("dbt build --select state:modified+"))
    assert planned[-1].arguments == ("build", "--select", "state:modified+")
    assert planned[0].arguments == ()


@pytest.mark.parametrize("stop", [True, False])
def test_a_violation_ends_the_run_when_the_job_wants_it_to(stop: bool):
    planned = steps(job("dbt build", run_lint=True, errors_on_lint_failure=stop))
    assert [step.breaks_the_run for step in planned if step.kind == "lint"] == [stop]


BOXES = ("lint", "freshness", "compare", "docs")
_ALL = ("lint", "source freshness", "compare changes", "docs")


@pytest.mark.parametrize(
    ("fails_of_lint", "ended", "expected"),
    [
        (False, {}, []),
        (False, {"docs": Status.ERROR}, ["docs"]),
        (False, dict.fromkeys(BOXES, Status.ERROR), [*_ALL]),
        (True, dict.fromkeys(BOXES, Status.ERROR), [*_ALL[1:]]),
        (False, {"docs": Status.CANCELLED, "freshness": Status.SKIPPED}, []),
        (False, {"command": Status.ERROR}, []),
    ],
    ids=["none", "one", "all", "lint fails the run", "not failed", "a command"],
)
def test_check_boxes_that_fail_are_named_when_they_do_not_fail_the_run(
    fails_of_lint: bool, ended: dict[str, Any], expected: list[str]
):
    records = [record(kind, ended.get(kind, Status.SUCCESS)) for kind in (*BOXES, "command")]
    assert failed_boxes(job("dbt build", errors_on_lint_failure=fails_of_lint), records) == expected


def test_a_check_box_that_failed_in_the_run_before_has_failed():
    left_out = [record("freshness", Status.SKIPPED, done_by="r", exit_code=code) for code in (0, 1)]
    assert failed_boxes(job("dbt build"), left_out) == ["source freshness"]
