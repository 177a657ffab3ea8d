from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Hosting,
    Job,
    Project,
)
from deploy_project.dbt.artifacts.results import Interval, NodeResult
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import CodeFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.outcome.facts import facts
from deploy_project.runs.outcome.finish import record, verdict
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.outcome.overview import Metadata, Shown, overview, steps_table, warnings
from deploy_project.runs.timing.model_timing import Command, timing

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
PROJECT = Project(name="shop", id=1, repository="/nowhere")
PROD = Environment(name="prod", id=2, project=PROJECT, type="production", target="production")
DAILY = Job(
    name="prod__daily",
    identifier="daily",
    id=3,
    title="Daily",
    environment=PROD,
    description="",
    job_type="scheduled",
    steps=(("build",),),
    commands=("dbt build",),
)
DEPLOYMENT = Deployment(
    source=Path("/etc/deploy/deploy.yaml"),
    account=Account(1, "Shop"),
    projects={"shop": PROJECT},
    environments={"prod": PROD},
    jobs={DAILY.name: DAILY},
    docs_url="https://docs.example.com",
)
RUN = Run(
    id="7d3c1f0a-9b2e-4c55-8a11-000000000000",
    job=DAILY,
    deployment=DEPLOYMENT,
    state=StateDirectory(Path("/var/deploy")),
    trigger=Trigger("scheduled", "Scheduled"),
)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def step(
    index: int, name: str, status: Status, begun: float, ended: float, **more: Any
) -> StepRecord:
    key = name.replace(" ", "_").lower()
    return StepRecord(
        index, key, name, more.pop("kind", "command"), status, at(begun), at(ended), **more
    )


def node(name: str, begun: float, ended: float, status: str = "success") -> NodeResult:
    return NodeResult(
        unique_id=f"model.shop.{name}",
        status=status,
        message="",
        thread=f"Thread-{len(name)} (worker)",
        execution_seconds=ended - begun,
        compile=Interval(at(begun), at(begun)),
        execute=Interval(at(begun), at(ended)),
        failures=None,
    )


FAILED = FinishedRun(
    run=RUN,
    outcome=Status.ERROR,
    source=Code("0123456789abcdef", "main", is_head=True),
    created_at=at(-7.5),
    started_at=at(0),
    ended_at=at(75.25),
    steps=[
        step(1, "Clone git repository", Status.SUCCESS, 0, 0.4, kind="clone"),
        step(
            2,
            "Source freshness",
            Status.ERROR,
            1,
            3,
            kind="freshness",
            counts={"error": 1},
            message="stale",
        ),
        step(
            *(3, "Invoke dbt with `dbt build --select a|b`", Status.ERROR, 3, 75),
            counts={"success": 2, "error": 1, "no-op": 1},
            message="`dbt build` failed: 1 error\nc: Runtime Error",
            dbt_version="1.11.16",
        ),
        step(4, "Invoke dbt with `dbt docs generate`", Status.SKIPPED, 75, 75, kind="docs"),
    ],
    timing=timing(
        [
            Command(
                [node("orders", 5, 15), node("payments", 5, 65), node("c", 65, 70, "error")],
                {"model.shop.c": ["model.shop.orders", "model.shop.payments"]},
            )
        ]
    ),
)


def told(finished: FinishedRun, untold: Sequence[str] = ()) -> Metadata:
    """The overview that the record of a run has."""
    return overview(facts(finished), Shown(finished.run, finished.timing, finished.docs, untold))


def as_text(finished: FinishedRun) -> str:
    """The overview as text, pictures cut short."""
    lines: list[str] = []
    for name, value in told(finished).items():
        kind = type(value).__name__.removesuffix("MetadataValue")
        text = str(value.value).split("base64,")[0]
        lines.append(
            f"{name} ({kind}): {text}" if "\n" not in text else f"{name} ({kind}):\n{text}"
        )
    return "\n".join(lines) + "\n"


def test_the_overview_of_a_failed_run(golden: Callable[[str, str], None]):
    golden("run_overview.txt", as_text(FAILED))


def test_numbers_are_numbers_so_that_dagster_plots_them():
    plotted = {
        name
        for name, value in told(FAILED).items()
        if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue))
    }
    assert plotted == {
        *("run_seconds", "queue_seconds", "nodes_success", "nodes_error", "nodes_no_op"),
        *("critical_path_seconds", "critical_path_share", "average_active", "longest_seconds"),
        *("wall_clock_seconds", "peak_concurrency"),
    }


def test_the_message_is_that_of_the_step_that_ended_the_run():
    """A stale source of the check-box was named as the cause of a failure that came later."""
    message = told(FAILED)["message"]
    assert message.value.startswith("`dbt build` failed")


def test_a_run_that_succeeded_has_no_message():
    """A check-box that failed made a successful run look failed."""
    succeeded = replace(FAILED, outcome=Status.SUCCESS, steps=FAILED.steps[:2])
    assert "message" not in told(succeeded)


def test_a_run_that_never_began_has_little_to_tell():
    nothing = replace(
        FAILED, outcome=Status.CANCELLED, source=None, created_at=None, steps=[], timing=timing([])
    )
    assert set(told(nothing)) == {
        *("status", "trigger", "cause", "job", "environment", "target", "run", "run_url"),
        *("artifacts", "run_seconds", "steps", "duration", "number"),
    }


def test_a_run_of_the_last_known_commit_says_so():
    known = Code("0123456789abcdef", "main", is_head=False, outage="The remote is away")
    found = told(replace(FAILED, source=known))
    assert found["used_repo_cache"] == dg.MetadataValue.bool(True)
    assert found["repo_cache"].value == "The remote is away"
    assert "used_repo_cache" not in told(FAILED)


def test_a_run_elsewhere_says_where():
    elsewhere = replace(FAILED, run=replace(RUN, schema="trial"))
    assert told(elsewhere)["schema_override"].value == "trial"


def test_published_docs_are_linked_where_they_are_served():
    found = told(replace(FAILED, docs="/var/deploy/docs/index.html"))
    assert found["docs"].value == "/var/deploy/docs/index.html"
    assert found["docs_url"].value == "https://docs.example.com/docs/prod/"


def test_a_command_stays_inside_its_table_cell():
    table = steps_table(FAILED.steps)
    assert "`dbt build --select a\\|b`" in table
    assert table.splitlines()[-1] == "| 4 | Skipped |  | Invoke dbt with `dbt docs generate` |"


def test_a_run_that_others_have_started_links_to_the_one_that_came_last():
    started = replace(FAILED, run=replace(RUN, upstream_run="r1"))
    assert told(started)["upstream_run"] == dg.MetadataValue.dagster_run("r1")
    assert "upstream_run" not in told(FAILED)


def test_the_reason_keeps_its_lines_and_is_seen_without_a_click():
    reason = told(FAILED)["reason"].value
    assert reason.splitlines() == ["    `dbt build` failed: 1 error", "    c: Runtime Error"]
    build = FAILED.steps[2]
    long = replace(build, message="\n".join(f"line {number} " + "x" * 90 for number in range(40)))
    shortened = told(replace(FAILED, steps=[long]))
    assert len(shortened["reason"].value) < 1000
    assert shortened["reason"].value.splitlines()[0].startswith("    line 0 x")
    assert shortened["reason"].value.splitlines()[-1].endswith(" more lines, under `message`")
    assert "line 39" in shortened["message"].value


def test_the_code_is_a_link_where_the_project_has_a_page():
    hosting = Hosting("github", "https://github.com/acme/shop")
    project = replace(PROJECT, hosting=hosting)
    job = replace(DAILY, environment=replace(PROD, project=project))
    linked = told(replace(FAILED, run=replace(RUN, job=job)))["code"].value
    assert linked == ("[`0123456`](https://github.com/acme/shop/commit/0123456789abcdef) of `main`")


def test_the_code_has_the_subject_and_author_of_its_commit():
    """Both are anybody's text, so they are code."""
    known = CodeFacts("0123456789abcdef", "main", subject="Fix `a` [b](http://c)", author="Ana")
    found = overview(replace(facts(FAILED), code=known), Shown(RUN, FAILED.timing))
    assert found["code"].value == "`0123456` of `main`: ``Fix `a` [b](http://c)`` by `Ana`"


def test_what_is_slow_has_worked_and_the_longest_is_the_first_of_it():
    late = node("skipped_late", 0, 500, "skipped")
    finished = replace(FAILED, timing=timing([Command([node("orders", 5, 15), late], {})]))
    found = told(finished)
    assert "skipped_late" not in found["slowest_nodes"].value
    assert (found["longest"].value, found["longest_seconds"].value) == ("orders", 10.0)


def test_warnings_are_told_in_words():
    clone, stale, build, docs = FAILED.steps
    assert warnings(facts(FAILED)) == ["source freshness failed"]
    warned = [
        clone,
        replace(stale, status=Status.SUCCESS, counts={"warn": 1}),
        replace(build, status=Status.SUCCESS, counts={"success": 2, "warn": 2}),
        replace(docs, status=Status.ERROR),
    ]
    assert warnings(facts(replace(FAILED, steps=warned)), ["HTTP 502"]) == [
        "docs failed",
        "2 tests with a warning",
        "1 source with a warning",
        "others were not told",
    ]
    assert warnings(facts(replace(FAILED, steps=[clone]))) == []


def test_the_record_says_nothing_but_its_facts():
    """It was made of the same values a second time, and could have said something else."""
    other = replace(
        facts(FAILED),
        status=Status.CANCELLED,
        reason="Something else",
        code=CodeFacts("f" * 40, "next", outage="The remote is away"),
        steps=FAILED.steps[:1],
        overrides={"threads": 3},
        failed_steps=("docs",),
        dbt_version="1.10.1",
    )
    found = {name: each.value for name, each in overview(other, Shown(RUN, timing([]))).items()}
    expected = {"status": "Cancelled", "message": "Something else", "branch": "next"}
    expected |= {"commit": "f" * 40, "asked_for": "threads 3", "dbt_version": "1.10.1"}
    expected |= {"warnings": "docs failed, an older commit, for the remote did not answer"}
    assert {name: found[name] for name in expected} == expected
    assert str(found["steps"]).count("\n") == 2


@pytest.mark.parametrize(
    ("finished", "passed", "severity", "description"),
    [
        (FAILED, False, "ERROR", "Error (source freshness failed): `dbt build` failed: 1 error"),
        (
            replace(FAILED, outcome=Status.SUCCESS, steps=FAILED.steps[:2]),
            *(False, "WARN", "Success (source freshness failed): Scheduled"),
        ),
        (
            replace(FAILED, outcome=Status.SUCCESS, steps=FAILED.steps[:1]),
            *(True, "WARN", "Success: Scheduled"),
        ),
        (
            replace(FAILED, outcome=Status.CANCELLED, steps=(), reason="Cancelled by user."),
            *(False, "WARN", "Cancelled: Cancelled by user."),
        ),
    ],
    ids=["failed", "warned", "good", "cancelled"],
)
def test_a_record_is_judged_as_its_run_has_ended(
    finished: FinishedRun, passed: bool, severity: str, description: str
):
    made = record(facts(finished), Shown(finished.run, finished.timing))
    assert made.description == description
    found = verdict(made)
    assert (found.passed, found.description) == (passed, description)
    assert passed or found.severity.value == severity
    assert found.asset_key == made.asset_key == dg.AssetKey(["prod", "jobs", "daily"])
