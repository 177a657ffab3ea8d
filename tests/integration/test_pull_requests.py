"""Pull requests beside production, in copies of its DuckDB file, from the sensor to clean-up."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from deploy_project.ci.schemas.ledger import entries
from tests.integration.pull_request_files import ASTRAY, CHANGED, MODELS
from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve
from tests.support.deployments.site import Result, Site, make_site
from tests.support.running.daemon import Daemon

pytestmark = pytest.mark.slow

OPTION = "pull_requests: {refs: pr/*, without_state: build_all}"
DEPLOY = """
    projects:
      tiny:
        repository: REMOTE
        hosting: {kind: github, url: HUB/acme/shop, api_url: HUB/api/v3, token: {env: HUB_TOKEN}}
        pull_requests: {refs: pr/*}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: main, target: prod, schema: staging}
"""
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      checks: {id: 23, environment: staging, job_type: ci}
"""
FOUND = """
    select revenue, null as reason, 'a|b' as remark from {{ ref('report') }} where revenue < 100
"""


@dataclass(frozen=True)
class Story:
    """Pull request 7 before and after production was built; 8 with a macro that goes astray."""

    site: Site
    hub: HostingSite
    daemon: Daemon
    too_early: Result
    everything: Result
    nightly: Result
    changed: Result
    astray: Result

    def built(self, run: Result) -> list[str]:
        file = self.site.directory(run.run_id, "04-dbt-build") / "target" / "run_results.json"
        return sorted(each["unique_id"] for each in json.loads(file.read_bytes())["results"])

    def copy(self, number: int) -> Path:
        return self.site.state.pull_request("staging", 23, number) / "warehouse.duckdb"

    def ask(self, number: int, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse of a pull request."""
        with duckdb.connect(str(self.copy(number)), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def statuses(self, run: Result) -> list[tuple[str, str]]:
        """The states and descriptions that the commit of a run was given, in order."""
        commit = self.commit(run)
        found = [each for each in self.hub.statuses if each["sha"] == commit]
        assert {each["context"] for each in found} == {"dbt/staging/checks"}
        return [(each["state"], each["description"]) for each in found]

    def commit(self, run: Result) -> str:
        return str(self.site.record(run.run_id)["commit"])

    def comment(self, number: int) -> str:
        (note,) = [each for each in self.hub.notes if each.pull == number]
        return note.body

    def schemas(self, number: int) -> set[str]:
        found = self.ask(number, "select distinct schema_name from information_schema.schemata")
        return {str(name) for (name,) in found}


def pushed(site: Site, daemon: Daemon, number: int, files: Mapping[str, str]) -> Result:
    """Push a pull request, and run what the sensor asks for."""
    site.git("checkout", "--quiet", "-B", f"pr-{number}", "origin/main")
    site.push(files, ref=f"pr/{number}")
    (request,) = daemon.tick("tiny_pull_requests").requests
    return site.run(request.job_name or "", request.tags)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    site = make_site(tmp_path_factory.mktemp("pulls"), MODELS)
    with (
        serve("github") as hub,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        patch.setenv("HUB_TOKEN", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        deploy = DEPLOY.replace("HUB/", f"{hub.url}/")
        site.configure(jobs=JOBS, deploy=deploy)
        daemon = Daemon(site, instance)
        assert daemon.tick("tiny_pull_requests").requests == []
        too_early = pushed(site, daemon, 7, {"models/revenue.sql": CHANGED})
        site.configure(jobs=JOBS, deploy=deploy.replace("pull_requests: {refs: pr/*}", OPTION))
        everything = pushed(site, daemon, 9, {"tests/too_little.sql": FOUND})
        site.configure(jobs=JOBS, deploy=deploy)
        nightly = site.run("prod__nightly")
        changed = pushed(site, daemon, 7, {"models/revenue.sql": CHANGED, "notes.md": "New"})
        astray = pushed(
            site, daemon, 8, {"models/revenue.sql": CHANGED, "macros/schemas.sql": ASTRAY}
        )
        yield Story(site, hub, daemon, too_early, everything, nightly, changed, astray)


def test_without_a_baseline_a_pull_request_builds_nothing_and_says_why(story: Story):
    assert not story.too_early.success
    said = story.site.steps(story.too_early.run_id)["04-dbt-build"]["message"]
    assert said.startswith(
        "Nothing to defer to: environment 'prod' has had no successful run yet, and deferral "
        "needs one. Run one of its jobs once, `dbt compile` is enough"
    )


def test_an_option_lets_it_build_everything_until_there_is_one(story: Story):
    assert story.built(story.everything) == [
        "model.tiny.orders",
        "model.tiny.report",
        "model.tiny.revenue",
        "test.tiny.too_little",
    ]
    assert "deferred to" not in story.comment(9)


def test_a_failed_test_fails_the_run_and_shows_what_it_has_found(story: Story):
    assert not story.everything.success
    assert story.statuses(story.everything)[-1][0] == "failure"
    told = story.comment(9)
    assert "**Failed test** `too_little`: 1 rows" in told
    assert "| `revenue` | `reason` | `remark` |\n|---|---|---|\n| `10` | NULL | `a│b` |" in told


def test_only_what_has_changed_and_its_children_are_built_beside_production(story: Story):
    site = story.site
    assert story.changed.success, site.console(story.changed.run_id, "04-dbt-build")
    assert story.built(story.changed) == ["model.tiny.report", "model.tiny.revenue"]
    assert story.ask(7, "select revenue from dbt_cloud_pr_23_7.revenue") == [(20,)]
    assert story.ask(7, "select revenue from dbt_cloud_pr_23_7_mart.report") == [(20,)]
    assert site.query("select revenue from main_mart.report") == [(10,)]
    there = "select table_schema from information_schema.tables where table_name = 'orders'"
    assert story.ask(7, f"{there} and table_schema like '%_7%'") == [], "read from production"
    schemas = "select schema_name from information_schema.schemata"
    assert site.query(f"{schemas} where schema_name like 'dbt_cloud_pr%'") == []


def test_the_run_shows_among_the_pull_requests_and_leaves_production_alone(story: Story):
    site, run_id = story.site, story.changed.run_id
    (event,) = site.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert site.checked(run_id) == []
    assert event.materialization.asset_key.path == ["staging", "ci", "checks"]
    assert event.materialization.partition == "7"
    assert event.materialization.metadata["status"].value == "Success"
    artifacts = site.artifacts
    state = artifacts.published(artifacts.environment("prod"), "state")
    assert state is not None
    assert state.name == story.nightly.run_id
    assert artifacts.published(artifacts.environment("staging"), "state") is None
    with site.instance() as instance:
        assert set(instance.get_dynamic_partitions("tiny_pull_requests")) == {"7", "8", "9"}


def test_a_macro_that_ignores_the_target_schema_is_stopped_before_it_builds(story: Story):
    assert not story.astray.success
    said = story.site.steps(story.astray.run_id)["04-dbt-build"]["message"]
    assert "nothing was built: these nodes would be outside the schemas of pull request 8" in said
    assert "report (in 'mart')" in said
    assert "revenue (in" not in said
    assert not any(name == "mart" or "_23_8" in name for name in story.schemas(8))


def test_what_a_command_selects_is_asked_without_another_parse(story: Story):
    log = story.site.directory(story.changed.run_id, "04-dbt-build") / "dbt.log"
    said = log.read_text(encoding="utf-8")
    assert said.count("Running with dbt=") == 3  # parse, ls, build
    assert said.count("checksum: ") == 1


def test_what_is_built_is_in_the_ledger_first(story: Story):
    found = {each.entry.pull_request: each.entry for each in entries(story.site.artifacts)}
    assert set(found) == {7, 9}
    assert {schema for _, schema in found[7].schemas} == {
        "dbt_cloud_pr_23_7",
        "dbt_cloud_pr_23_7_mart",
    }
    assert {schema for _, schema in found[7].schemas} <= story.schemas(7)


def test_the_commit_has_a_status_and_the_pull_request_one_comment(story: Story):
    assert story.statuses(story.too_early) == [
        ("pending", "Is running"),
        ("failure", story.site.record(story.too_early.run_id)["message"][:139] + "…"),
    ]
    assert story.statuses(story.changed) == [("pending", "Is running"), ("success", "2 built")]
    told = story.comment(7)
    kept = story.site.artifacts.run(story.changed.run_id) / "comment.md"
    assert told.endswith(kept.read_text(encoding="utf-8"))
    assert "`dbt/staging/checks` succeeded" in told
    assert f"[`{story.commit(story.changed)[:12]}`]({story.hub.url}/acme/shop/commit/" in told
    assert f"http://127.0.0.1:3000/runs/{story.changed.run_id}" in told
    there = f"[run `{story.nightly.run_id[:8]}`](http://127.0.0.1:3000/runs/{story.nightly.run_id})"
    assert f"schema `dbt_cloud_pr_23_7` · deferred to `prod`, {there} · 2 built" in told
    assert "| `revenue` |" in told
    assert "<details><summary>Deferred: 1</summary>\n\n- `orders`\n" in told
    assert "Deployed" not in told
    assert "would be outside the schemas of pull request 8" in story.comment(8)


def test_merging_it_deletes_what_it_has_built_and_tells_which_run_has_deployed_it(story: Story):
    site, hub = story.site, story.hub
    before = story.comment(7)
    hub.open(7, 8, head=story.commit(story.changed))
    merge = squashed(site, 7)
    hub.close(7, squashed=merge)
    (request,) = story.daemon.tick("tiny_pull_requests").requests
    assert request.job_name == "staging__ci_sweep"
    assert request.tags[".dagster/deploy_cause"] == "Pull request 7 closed"
    assert site.run(request.job_name, request.tags).success
    assert not story.copy(7).exists()
    assert story.copy(9).exists()
    assert [each.entry.pull_request for each in entries(site.artifacts)] == [9]
    assert site.query("select revenue from main_mart.report") == [(10,)], "production's is kept"
    hub.requests.clear()
    deploying = site.run("prod__nightly")
    assert site.query("select revenue from main_mart.report") == [(20,)]
    title, rest = before.split("\n\n", 1)
    run = f"[run `{deploying.run_id[:8]}`](http://127.0.0.1:3000/runs/{deploying.run_id})"
    commit = f"[`{merge[:12]}`]({hub.url}/acme/shop/commit/{merge})"
    said = f"🚀 **Deployed** to `prod` by {run}, commit {commit}"
    assert story.comment(7) == f"{title}\n\n{said}\n\n{rest}"
    assert "Deployed" not in story.comment(8)
    assert [each.query.get("state") for each in hub.requests].count("closed") == 1


def squashed(site: Site, number: int) -> str:
    """Merge a pull request as one commit, delete its branch, and return the commit."""
    site.git("checkout", "--quiet", "-B", "main", "origin/main")
    site.git("merge", "--quiet", "--squash", f"origin/pr/{number}")
    merge = site.push({})
    site.git("push", "--quiet", "--delete", "origin", f"pr/{number}")
    return merge
