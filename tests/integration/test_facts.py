"""The facts of real runs: one of everything, and ones that have failed in different ways."""

import json

import pytest

from deploy_project.cli import main
from deploy_project.orchestration.internals.run_storage import index_beside
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run_facts import CountedTests, RunFacts
from deploy_project.runs.model.status import Status
from tests.integration.daily import STEPS, DailyRun
from tests.support.deployments.site import PROJECT, Site, make_site

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daily run")]


def kept(site: Site, run_id: str) -> RunFacts:
    found = run_facts.kept(site.artifacts, run_id)
    assert found is not None
    return found


def test_the_facts_of_a_success(daily: DailyRun):
    found = kept(daily.site, daily.run_id)
    assert (found.status, found.reason, found.failures) == (Status.SUCCESS, "", ())
    assert (found.trigger, found.job, found.job_id) == ("api", "prod__daily", 17)
    assert found.number == tags.run_number(daily.run_id)
    assert found.code is not None
    assert (found.code.commit, found.code.branch) == (daily.commit, "main")
    subject, author = daily.site.git("log", "-1", "--format=%s%n%an").splitlines()
    assert (found.code.subject, found.code.author) == (subject, author)
    assert [each.name for each in found.steps] == list(STEPS.values())
    assert {each.name for each in found.nodes} == {
        *("countries", "orders", "revenue", "variables", "not_null_orders_id"),
        *("orders_are_positive", "accepted_values_orders_amount__False__10"),
        "revenue.revenue_adds_up",
    }
    assert all(each.started_at is not None for each in found.nodes)
    assert found.tests == CountedTests(passed=3, warned=1)
    (payments,) = found.freshness
    assert (payments.name, payments.status) == ("raw.payments", "pass")
    assert payments.age_seconds == pytest.approx(3600, abs=300)
    assert (found.warnings, found.docs, found.target) == (1, "published", "live")


def test_every_artifact_is_listed_with_its_size(daily: DailyRun):
    place = daily.site.directory(daily.run_id)
    files = (each for each in place.rglob("*") if each.is_file() and each.name != "run.json")
    expected = {each.relative_to(place).as_posix(): each.stat().st_size for each in files}
    found = kept(daily.site, daily.run_id).artifacts
    assert {each.path: each.size for each in found} == expected


def test_the_run_is_in_the_index_at_once(daily: DailyRun):
    with daily.site.instance() as instance:
        index = index_beside(instance)
        assert index is not None
        run = index.run(daily.run_id)
        nodes = index.node_runs("model.shop.revenue", limit=9)
    assert run is not None
    assert (run.status, run.warnings, run.docs) == ("Success", 1, "published")
    assert (run.commit, run.environment, run.project) == (daily.commit, "prod", "shop")
    assert daily.run_id in {each.run_id for each in nodes}


def test_the_command_line_lists_it(
    daily: DailyRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(daily.site.root)
    monkeypatch.setenv("DEPLOY_CONFIG", "deploy.yaml")
    monkeypatch.setenv("DEPLOY_STATE", str(daily.site.state.root))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["runs", "--json", "--docs", "--commit", daily.commit]) == 0
    (found,) = json.loads(capsys.readouterr().out)["runs"]
    assert (found["id"], found["warnings"], found["docs"]) == (daily.run_id, 1, "published")
    assert found["median_seconds"] is not None
    assert main(["logs", str(found["number"])]) == 0


FILES = {
    **PROJECT,
    "models/broken.sql": "select 1 as id\nform nowhere",
    "models/below.sql": "select * from {{ ref('broken') }}",
    "models/below_that.sql": "select * from {{ ref('below') }}",
}
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build]}
      wrong: {environment: prod, execute_steps: [dbt build --no-such-option]}
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("failing"), FILES)
    made.configure(jobs=JOBS)
    return made


def test_the_reason_of_a_failure_is_a_node_a_file_and_a_line(failing: Site):
    run = failing.run("prod__daily")
    found = kept(failing, run.run_id)
    (failure,) = found.failures
    assert (failure.step, failure.unique_id) == (4, "model.tiny.broken")
    assert failure.file == "models/broken.sql"
    assert f"LINE {failure.line}: form nowhere" in failure.message, "of the SQL that DuckDB got"
    assert failure.skipped == ("model.tiny.below", "model.tiny.below_that")
    assert found.status is Status.ERROR
    assert found.reason == found.steps[3].message


def test_the_reason_of_a_failure_without_a_node_is_the_steps(failing: Site):
    run = failing.run("prod__wrong")
    (failure,) = kept(failing, run.run_id).failures
    assert (failure.step, failure.unique_id, failure.skipped) == (4, "", ())
    assert "--no-such-option" in failure.message
