from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.cli import main
from deploy_project.cli.commands.runs import listed
from deploy_project.config.values.deployment import Environment, Project
from deploy_project.dbt.artifacts.results import NodeResult
from deploy_project.example.demo.production import counted
from deploy_project.runs.instance.history import PastRun
from deploy_project.runs.instance.launching import Dagster
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Trigger
from tests.cli.configure import Configure

ENVIRONMENT = Environment("prod", 1, Project("shop", 1, "/nowhere"), "production", branch="main")
BEGAN = datetime(2026, 3, 2, 6, 0, 5, tzinfo=UTC)
RUN = PastRun(
    id="3f2a0c1e-aaaa-4000-8000-000000000000",
    job="prod__daily",
    status=Status.SUCCESS,
    trigger=Trigger("scheduled", "Scheduled"),
    commit="a" * 40,
    branch="main",
    created_at=BEGAN,
    started_at=BEGAN,
    ended_at=BEGAN + timedelta(seconds=65),
)


def test_a_run_is_one_line():
    queued = replace(RUN, status="Queued", started_at=None, ended_at=None, commit="")
    without_docs = replace(RUN, failed_steps="docs")
    head, first, second, third = listed([RUN, queued, without_docs]).splitlines()
    assert head.split() == [
        *("RUN", "NUMBER", "JOB", "TRIGGER", "STATUS", "COMMIT"),
        *("BRANCH", "STARTED", "DURATION", "CAUSE"),
    ]
    assert first.split() == [
        *("3f2a0c1e", str(tags.run_number(RUN.id)), "prod__daily", "scheduled", "Success"),
        *("aaaaaaa", "main", *f"{BEGAN.astimezone():%Y-%m-%d %H:%M:%S}".split()),
        *("1", "min", "05", "s", "Scheduled"),
    ]
    assert second.split()[3:] == ["scheduled", "Queued", "main", "Scheduled"]
    assert third[head.index("STATUS") : head.index("COMMIT")].strip() == "Success (docs failed)"


def node(unique_id: str, status: str) -> NodeResult:
    return NodeResult(unique_id, status, "", "", 0.0, None, None, None)


def test_the_demo_counts_what_was_built_and_tested():
    results = [
        node("model.shop.orders", "success"),
        node("model.shop.customers", "success"),
        node("seed.shop.countries", "success"),
        node("operation.shop.load", "success"),
        node("exposure.shop.report", "no-op"),
        node("test.shop.unique", "pass"),
        node("test.shop.fresh", "warn"),
        node("unit_test.shop.adds_up", "pass"),
    ]
    assert counted(results) == "2 models, 1 seed, 0 snapshots; 3 tests, 1 with a warning"


DEPLOY = "{projects: {shop: {repository: /nowhere}}, environments: {prod: {branch: main}}}"


def test_a_run_may_be_asked_to_build_into_another_schema(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A run of the command line had the trigger `ui`, although nobody had been there."""
    configure(DEPLOY, "jobs: {daily: {environment: prod}}")
    asked: list[dict[str, str]] = []

    def launch(dagster: Dagster, job: str, values: dict[str, str], config: object) -> str:
        asked.append(values)
        return RUN.id

    monkeypatch.setattr(Dagster, "launch", launch)
    assert main(["run", "daily", "--schema", "trial"]) == 0
    assert main(["run", "daily"]) == 0
    assert [each.get(tags.SCHEMA_OVERRIDE) for each in asked] == ["trial", None]
    assert {(each[tags.TRIGGER], each[tags.CAUSE]) for each in asked} == {
        ("api", "Kicked off from the command line")
    }
    assert main(["run", "daily", "--schema", "main; drop schema main"]) == 1
    assert "is no name for a schema to build into" in capsys.readouterr().err
    assert len(asked) == 2
