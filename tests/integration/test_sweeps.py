"""Cleaning up after pull requests on DuckDB, where each has a copy of production's file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from deploy_project.ci.pulls.finders import Finders
from deploy_project.ci.schemas.ledger import Entry, enter, entries
from deploy_project.cli.commands.sweep import sweep
from deploy_project.orchestration.triggers.clean_up import Sweeps, job_name, requests
from tests.integration.hosting import Hosting
from tests.support.deployments.site import DEPLOY, Result, Site, make_site

pytestmark = pytest.mark.slow
JOBS = """
    jobs:
      checks:
        id: 23
        environment: prod
        job_type: ci
        execute_steps: [dbt run --select revenue]
"""


@dataclass(frozen=True)
class Story:
    site: Site
    run: Result

    def copy(self, number: int) -> Path:
        return self.site.state.pull_request("prod", 23, number) / "warehouse.duckdb"

    def ask(self, number: int, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.copy(number)), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def entered(self) -> list[int]:
        return [each.entry.pull_request for each in entries(self.site.artifacts)]

    def sweep(self, hosting: Hosting) -> Any:
        sweeps = Sweeps(self.site.deployment, self.site.state, lambda _: hosting)
        job = sweeps.jobs()[job_name("prod")]
        with self.site.instance() as instance:
            return job.execute_in_process(instance=instance, raise_on_error=False)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("sweeps"))
    deploy = DEPLOY.replace("}\n", ", pull_requests: {without_state: build_all}}\n", 1)
    site.configure(jobs=JOBS, deploy=deploy)
    site.change("create table main.orders as select 1 as id, 10 as amount")
    revenue = "select sum(amount) as revenue from main.orders"
    commit = site.push({"models/revenue.sql": revenue}, ref="change")
    tags = {"deploy/pull_request": "1", "deploy/commit": commit}
    made = Story(site, site.run("prod__checks", tags))
    for number in (1, 12):
        schemas = frozenset({("warehouse", f"dbt_cloud_pr_23_{number}")})
        enter(site.artifacts, Entry("tiny", "prod", 23, number, schemas))
        made.copy(number).parent.mkdir(parents=True, exist_ok=True)
    made.copy(12).touch()
    return made


def test_a_pull_request_builds_in_a_copy_and_never_opens_productions_file(story: Story):
    assert story.run.success
    assert story.ask(1, "select revenue from warehouse.dbt_cloud_pr_23_1.revenue") == [(10,)]
    tables = "select table_schema, table_name from information_schema.tables"
    assert story.site.query(tables) == [("main", "orders")]
    (step,) = story.site.directory(story.run.run_id).glob("02-*")
    console = story.site.console(story.run.run_id, step.name)
    production = story.site.state.root / "warehouse.duckdb"
    assert f"Building in {story.copy(1)}, a copy of {production}" in console


def test_while_nobody_can_be_asked_nothing_goes(story: Story):
    assert story.sweep(Hosting(None)).success
    assert story.entered() == [1, 12]


def test_a_run_in_progress_is_waited_for(story: Story, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy_project.orchestration.triggers.clean_up.PATIENCE_SECONDS", 0)
    tags = {
        ".dagster/deploy_environment": "prod",
        ".dagster/deploy_job_id": "23",
        "deploy/pull_request": "1",
    }
    with story.site.instance() as instance:
        run = dg.DagsterRun("prod__checks", tags=tags, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        assert story.sweep(Hosting((12,))).success
        assert story.entered() == [1, 12]
        instance.delete_run(run.run_id)


def test_a_dry_run_of_the_command_shows_what_would_go_and_changes_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name in ("DEPLOY_CONFIG", "DEPLOY_STATE"):
        monkeypatch.setenv(name, story.site.environment[name])
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    def found(*_: object) -> Finders:
        return lambda _: Hosting((12,))

    monkeypatch.setattr("deploy_project.cli.commands.sweep.finders", found)
    with story.site.working_directory():
        assert sweep("prod", dry_run=True) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [" ".join(words) for words in said] == [
        "prod: 1 to drop, nothing was changed",
        "WHAT SCHEMA WHY",
        "drop warehouse.dbt_cloud_pr_23_1 pull request 1 is closed",
        "keep warehouse.dbt_cloud_pr_23_12 pull request 12 is open",
    ]
    assert story.entered() == [1, 12]
    assert story.copy(1).exists()


def test_a_closed_pull_request_leaves_nothing_and_1_is_not_12(story: Story):
    forgotten = story.copy(99).parent
    forgotten.mkdir()
    done = story.sweep(Hosting((12,)))
    assert done.success
    assert not story.copy(1).parent.exists()
    assert story.copy(12).exists()
    assert story.entered() == [12]
    assert forgotten.exists(), "a run may just have begun there"
    (output,) = [each for each in done.all_events if each.is_successful_output]
    metadata = output.step_output_data.metadata
    assert metadata["schemas"].value == "'warehouse.dbt_cloud_pr_23_1'"
    assert metadata["decisions"].value.splitlines() == [
        "drop 'warehouse.dbt_cloud_pr_23_1': pull request 1 is closed",
        "keep 'warehouse.dbt_cloud_pr_23_12': pull request 12 is open",
    ]


def test_what_was_closed_is_swept_once_for_each_environment(story: Story):
    deployment = story.site.deployment
    (request,) = requests(deployment, [("prod__checks", 9), ("prod__checks", 7)])
    assert request.job_name == "prod__ci_sweep"
    assert request.tags[".dagster/deploy_cause"] == "Pull requests 7, 9 closed"
    assert requests(deployment, []) == []
