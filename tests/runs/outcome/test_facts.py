"""The facts of a run, from what dbt has left: the files of two of its versions are recorded."""

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import DeferToEnvironment
from deploy_project.errors import ArtifactError
from deploy_project.git.mirror import branches, ensure_commit
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts, from_json, to_json
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.outcome.command_results import command_results, timing_of
from deploy_project.runs.outcome.facts import gathered
from deploy_project.runs.outcome.finished_run import FinishedRun
from tests.support.deployments.git_repositories import create, environment, project
from tests.support.deployments.jobs import DEPLOYMENT, job
from tests.support.paths import RECORDED

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
RUN_ID = "7d3c1f0a-9b2e-4c55-8a11-000000000000"
BROKEN, UNCOMPILABLE = "model.shop.broken", "model.shop.uncompilable"


def step(index: int, key: str, kind: str, status: Status, **more: Any) -> StepRecord:
    return StepRecord(index, key, key, kind, status, NOW, NOW + timedelta(seconds=5), **more)


STEPS = (
    step(1, "clone_git_repository", "clone", Status.SUCCESS),
    step(2, "source_freshness", "freshness", Status.ERROR, arguments=("source", "freshness")),
    step(
        *(3, "dbt_build", "command", Status.ERROR),
        arguments=("build",),
        message="`dbt build` failed",
        dbt_version="1.11.16",
        deferred_to="the run before",
    ),
    step(4, "generate_docs", "docs", Status.SKIPPED, arguments=("docs", "generate")),
)


@pytest.fixture(params=["1.10", "1.11"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """A run that has failed, with all that its steps have left."""
    remote = create(tmp_path / "remote")
    remote.commit({"a.sql": "1"}, "Add \x1b[31mred\x07 things " + "x" * 300 + "\n\nBecause.")
    state = StateDirectory(tmp_path / "state")
    of = replace(
        job("dbt build", deferral=DeferToEnvironment("prod")),
        environment=environment(project(remote)),
        run_generate_sources=True,
    )
    ensure_commit(of.environment.project, state, remote.git("rev-parse", "HEAD"))
    made = Run(RUN_ID, of, DEPLOYMENT, state, Trigger("scheduled", "Scheduled"))
    recorded = RECORDED / f"dbt-{request.param}"
    for each, names in (
        (STEPS[1], ["sources.json"]),
        (STEPS[2], ["manifest.json", "run_results.json"]),
    ):
        target = Path(str(made.artifacts.run(RUN_ID))) / each.directory / "target"
        target.mkdir(parents=True)
        for name in names:
            shutil.copy(recorded / name, target / name)
    return made


def ended(run: Run, **more: Any) -> FinishedRun:
    results = command_results(run, STEPS)
    return FinishedRun(
        run=run,
        outcome=Status.ERROR,
        source=Code(head(run), "main", is_head=True),
        created_at=NOW - timedelta(seconds=2),
        started_at=NOW,
        ended_at=NOW + timedelta(minutes=1),
        steps=STEPS,
        timing=timing_of(results),
        results=results,
        **more,
    )


def head(run: Run) -> str:
    return branches(run.state.mirror("shop"))["refs/heads/main"]


def facts(run: Run, **more: Any) -> RunFacts:
    return gathered(ended(replace(run, who="ana on lap\x1b[2Jtop"), **more))


def test_the_facts_say_what_ran_why_and_on_which_code(run: Run):
    found = facts(run)
    assert (found.job, found.environment, found.project) == ("prod__daily", "production", "shop")
    assert (found.status, found.reason) == (Status.ERROR, "`dbt build` failed")
    assert (found.trigger, found.cause, found.who) == (
        "scheduled",
        "Scheduled",
        "ana on lap [2Jtop",
    )
    assert (found.number, found.dbt_version) == (tags.run_number(RUN_ID), "1.11.16")
    assert found.code is not None
    assert found.code.commit == head(run)
    assert (found.code.branch, found.code.author) == ("main", "Ana")
    assert found.code.subject.startswith("Add [31mred things xxx")
    assert len(found.code.subject) == 200
    assert found.deferral == run_facts.Deferral("environment 'prod'", "the run before")
    assert found.failed_steps == ("source freshness",)
    assert (found.docs, found.has_docs) == ("skipped", False)
    assert [each.name for each in found.steps] == [each.name for each in STEPS]


def test_what_a_run_was_asked_for_is_short_and_without_secrets(
    run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DBT_ENV_SECRET_KEY", "s3cr3t-of-ana")
    monkeypatch.setenv("SNOWFLAKE_TOKEN", "s3cr3t-of-ana")
    asked = {"steps": ["dbt run --vars 'key: s3cr3t-of-ana'", "x" * 20_000], "threads": 0}
    found = facts(replace(run, refused_overrides=asked)).overrides
    assert found["threads"] == 0
    told, long = found["steps"]
    assert told == "dbt run --vars 'key: *****'"
    assert len(long) == 2000
    valid = replace(run, overrides=Overrides(steps=("dbt run --vars 'key: s3cr3t-of-ana'",)))
    assert facts(valid).overrides == {"steps": ["dbt run --vars 'key: *****'"]}


def test_the_text_of_a_commit_tells_no_secret(run: Run, monkeypatch: pytest.MonkeyPatch):
    """It was plain in `run.json` and in Dagster's history."""
    monkeypatch.setenv("SNOWFLAKE_TOKEN", "red things")
    found = facts(run)
    assert found.code is not None
    assert found.code.subject.startswith("Add [31m***** xxx")


def test_each_node_has_its_timing_and_dbts_message(run: Run):
    found = {each.unique_id: each for each in facts(run).nodes}
    orders, skipped = found["model.shop.stg_orders"], found["model.shop.after_broken"]
    assert (orders.resource_type, orders.name, orders.step) == ("model", "stg_orders", 3)
    assert (orders.status, orders.message) == ("success", "OK")
    assert orders.started_at is not None
    assert orders.finished_at is not None
    assert orders.seconds > 0
    assert (skipped.status, skipped.started_at, skipped.queue_seconds) == ("skipped", None, 0.0)
    assert any(each.is_critical for each in found.values())


def test_tests_are_counted_and_sources_measured(run: Run):
    found = facts(run)
    assert found.tests == run_facts.CountedTests(passed=2, warned=1, failed=1)
    late, orders, recent = found.freshness
    assert (late.name, late.status, late.age_seconds) == ("raw.raw_late", "warn", 172800.0)
    assert (orders.status, orders.warn_after_seconds, orders.error_after_seconds) == (
        *("error", 43200.0, 86400.0),
    )
    assert recent.status == "pass"
    assert found.warnings == 2


def test_each_failure_has_its_file_and_what_was_skipped_for_it(run: Run):
    uncompilable, broken, test, freshness = facts(run).failures
    assert (uncompilable.unique_id, uncompilable.file) == (UNCOMPILABLE, "models/uncompilable.sql")
    assert (broken.name, broken.file) == ("broken", "models/broken.sql")
    assert "Could not convert string 'ada'" in broken.message
    assert (broken.skipped, uncompilable.skipped) == (("model.shop.after_broken",), ())
    assert test.name == "accepted_values_customers_customer__ada"
    assert test.message == "Got 1 result, configured to fail if != 0"
    assert (freshness.step, freshness.unique_id) == (2, "")


def test_artifacts_are_listed_with_their_sizes(run: Run):
    found = {each.path: each.size for each in facts(run).artifacts}
    sources = Path(str(run.artifacts.run(RUN_ID))) / "02-source-freshness/target/sources.json"
    assert found["02-source-freshness/target/sources.json"] == sources.stat().st_size
    assert len(found) == 3


def test_a_file_with_any_name_is_listed(run: Run):
    """A pull request's dbt may leave one whose name is no text, and that ended its run badly."""
    place = Path(str(run.artifacts.run(RUN_ID))) / "03-dbt-build" / "target"
    (place / os.fsdecode(b"caf\xe9.sql")).write_text("")
    found = facts(run)
    assert "03-dbt-build/target/caf?.sql" in {each.path for each in found.artifacts}
    assert from_json(to_json(found), where="here") == found


def test_facts_are_read_as_they_were_written(run: Run):
    found = facts(run)
    assert from_json(to_json(found), where="here") == found
    assert run_facts.kept(run.artifacts, RUN_ID) is None
    run_facts.keep(run.artifacts, found)
    assert run_facts.kept(run.artifacts, RUN_ID) == found
    assert facts(run).artifacts == found.artifacts, "they are no artifact of the run themselves"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "does not hold the facts of a run"),
        ("[]", "does not hold the facts of a run"),
        ('{"version": 2}', "has version 2, and this deploy_project reads version 1"),
        ('{"version": 1}', "run_id: Field required"),
        ("[" * 200_000, "does not hold the facts of a run"),
    ],
)
def test_facts_of_another_form_are_told(content: str, said: str):
    with pytest.raises(ArtifactError, match=said):
        from_json(content.encode(), where="run.json")


def test_numbers_that_are_none_are_left_out(run: Run):
    """A pull request may write any `sources.json`, and what is kept must be readable again."""
    file = Path(str(run.artifacts.run(RUN_ID))) / "02-source-freshness/target/sources.json"
    forged = json.loads(file.read_text(encoding="utf-8"))
    for each, age in zip(forged["results"], ("soon", float("inf"), True), strict=True):
        each["max_loaded_at_time_ago_in_s"] = age
    file.write_text(json.dumps(forged), encoding="utf-8")
    found = facts(run)
    assert [each.age_seconds for each in found.freshness] == [None, None, None]
    assert from_json(to_json(found), where="here") == found


def test_a_run_that_could_not_publish_says_so(run: Run):
    found = facts(run, problem="publishing failed: no space")
    assert found.failures[-1].message == "publishing failed: no space"
    assert found.reason == "publishing failed: no space"
