import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.cli.commands.runs import against, listed
from deploy_project.config.values.deployment import Environment, Project
from deploy_project.example.demo.production import counted
from deploy_project.runs.instance.launching import Dagster
from deploy_project.runs.model import tags
from deploy_project.runs.model.run_facts import NodeFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.reads.past_run import PastRun
from tests.cli.configure import Configure
from tests.support.history.past_runs import BEGAN as STARTED_AT
from tests.support.history.past_runs import History, facts_of, on_sqlite

DEPLOY = "{projects: {shop: {repository: /nowhere}}, environments: {prod: {branch: main}}}"
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
    queued = replace(RUN, status=Status.QUEUED, started_at=None, ended_at=None, commit="")
    without_docs = replace(RUN, failed_steps="docs", warnings=1)
    head, first, second, third = listed([RUN, queued, without_docs], {}).splitlines()
    assert head.split() == [
        *("RUN", "NUMBER", "JOB", "TRIGGER", "STATUS", "COMMIT"),
        *("BRANCH", "STARTED", "DURATION", "MEDIAN", "DOCS", "CAUSE"),
    ]
    assert first.split() == [
        *("3f2a0c1e", str(tags.run_number(RUN.id)), "prod__daily", "scheduled", "Success"),
        *("aaaaaaa", "main", *f"{BEGAN.astimezone():%Y-%m-%d %H:%M:%S}".split()),
        *("1", "min", "05", "s", "Scheduled"),
    ]
    assert second.split()[3:] == ["scheduled", "Queued", "main", "Scheduled"]
    status = third[head.index("STATUS") : head.index("COMMIT")].strip()
    assert status == "Success (1 warning, docs failed)"


@pytest.mark.parametrize(
    ("median", "run", "expected"),
    [
        (None, RUN, ""),
        (50.0, RUN, "50.0 s (+30 %)"),
        (130.0, RUN, "2 min 10 s (-50 %)"),
        (65.0, RUN, "1 min 05 s (+0 %)"),
        (0.0, RUN, "0 ms"),
        (50.0, replace(RUN, status=Status.RUNNING, ended_at=None), "50.0 s"),
        (50.0, replace(RUN, status=Status.CANCELLED), "50.0 s"),
        (50.0, replace(RUN, status=Status.ERROR), "50.0 s"),
        (50.0, replace(RUN, unpublished="its steps are others"), "50.0 s"),
    ],
)
def test_a_duration_stands_against_the_median_of_its_job(
    median: float | None, run: PastRun, expected: str
):
    assert against(run, median) == expected


@pytest.fixture
def history(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """Three runs of one job; the first has facts."""
    here = configure(DEPLOY, "jobs: {daily: {environment: prod}, hourly: {environment: prod}}")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with on_sqlite(here) as instance:
        made = History(instance, here / ".deploy")
        done = made.add(full_commit="a" * 40, commit="aaaaaaa", branch="main", trigger="merge")
        made.keep(facts_of(done, docs="published", warnings=2, commit="a" * 40))
        made.add(status=dg.DagsterRunStatus.FAILURE, pull_request="7", trigger="ci")
        made.add("prod__hourly", dg.DagsterRunStatus.QUEUED, created=STARTED_AT + timedelta(days=1))
        yield made


Say = Callable[..., str]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def said(*words: str) -> str:
        assert main(list(words)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [0, 1, 2]),
        (["--job", "daily"], [0, 1]),
        (["--job", "hourly", "--status", "error"], []),
        (["--status", "error", "--status", "queued"], [1, 2]),
        (["--trigger", "merge", "--environment", "prod", "--project", "shop"], [0]),
        (["--commit", "A" * 40, "--branch", "main"], [0]),
        (["--pull-request", "7"], [1]),
        (["--created-after", "2026-03-03"], [2]),
        (["--created-before", "2026-03-02T06:00+00:00"], [0, 1]),
        (["--finished-before", "2026-03-01"], []),
        (["--warnings"], [0]),
        (["--no-warnings", "--job", "daily"], [1]),
        (["--docs", "--dbt-version", "1.11.2"], [0]),
        (["--no-docs"], [1, 2]),
        (["--deferred-to", "nothing"], []),
    ],
)
def test_the_filters_of_the_command_line(
    history: History, say: Say, options: list[str], expected: list[int]
):
    found = json.loads(say("runs", "--json", *options))
    assert {each["id"] for each in found["runs"]} == {history.added[each] for each in expected}
    assert found["total"] == len(expected)


def test_a_run_in_json_has_all_that_is_known(history: History, say: Say):
    say("index")
    number = tags.run_number(history.added[0])
    (found,) = json.loads(say("runs", "--json", "--number", str(number)))["runs"]
    ended = found.pop("finished_at")
    assert datetime.fromisoformat(ended) > STARTED_AT
    assert found == {
        "id": history.added[0],
        "number": number,
        "job": "prod__daily",
        "job_id": 1,
        "environment": "prod",
        "project": "shop",
        "status": "Success",
        "trigger": "merge",
        "cause": "Triggered: merge",
        "who": "",
        "commit": "a" * 40,
        "branch": "main",
        "pull_request": None,
        "created_at": STARTED_AT.isoformat(),
        "started_at": None,
        "seconds": None,
        "median_seconds": None,
        "warnings": 2,
        "failed_steps": "",
        "docs": "published",
        "dbt_version": "1.11.2",
        "deferred_to": "",
        "url": f"http://127.0.0.1:3000/runs/{history.added[0]}",
    }


def test_a_table_tells_how_many_more_there_are(history: History, say: Say):
    assert "2 more: --offset 1, or --limit" in say("runs", "--limit", "1")
    assert "more" not in say("runs", "--limit", "1", "--offset", "2")
    assert "Success (2 warnings)" in say("runs", "--job", "daily")
    assert say("runs", "--offset", "3") == "No runs.\n"


def test_the_index_is_made_by_a_command(history: History, say: Say):
    assert say("index") == "The index of runs has 2 runs.\n"
    assert history.index.ids() == {*history.added[:2]}
    assert say("index") == "The index of runs has 2 runs.\n"


def test_an_unknown_name_is_told(history: History, capsys: pytest.CaptureFixture[str]):
    assert main(["runs", "--project", "shpo"]) == 1
    assert "there is no project 'shpo'; did you mean 'shop'? known: shop" in capsys.readouterr().err


def node(unique_id: str, status: str) -> NodeFacts:
    return NodeFacts(unique_id, "", "", 4, status)


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
