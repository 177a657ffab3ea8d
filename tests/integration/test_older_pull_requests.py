"""Pull requests with the oldest dbt that is supported: guard, copy, clean-up."""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from deploy_project.ci.schemas.ledger import entries
from deploy_project.orchestration.triggers.clean_up import Sweeps, job_name
from tests.integration.hosting import Hosting
from tests.integration.pull_request_files import ASTRAY, CHANGED, MODELS
from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    projects:
      tiny: {repository: REMOTE, pull_requests: {refs: pr/*}}
    environments:
      prod: {type: production, branch: main, target: prod, dbt_version: "1.10.*"}
      staging: {type: staging, branch: main, target: prod, dbt_version: "1.10.*"}
"""
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt run]}
      checks:
        id: 23
        environment: staging
        job_type: ci
        execute_steps: ["dbt run --select state:modified+"]
"""


@dataclass(frozen=True)
class Story:
    """Production, a pull request that was built, and one with a macro that goes astray."""

    site: Site
    changed: Result
    astray: Result

    def step(self, run: Result) -> Path:
        return self.site.directory(run.run_id, "04-dbt-run")

    def copy(self, number: int) -> Path:
        return self.site.state.pull_request("staging", 23, number) / "warehouse.duckdb"


def pushed(site: Site, number: int, files: dict[str, str]) -> Result:
    site.git("checkout", "--quiet", "-B", f"pr-{number}", "origin/main")
    commit = site.push(files, ref=f"pr/{number}")
    tags = {"deploy/pull_request": str(number), "deploy/commit": commit}
    return site.run("staging__checks", tags)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, older_dbt: Path) -> Story:
    site = make_site(tmp_path_factory.mktemp("older_pulls"), MODELS)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    site.state.root.mkdir()
    (site.state.root / "dbt").symlink_to(older_dbt)
    assert site.run("prod__nightly").success
    changed = pushed(site, 7, {"models/revenue.sql": CHANGED})
    astray = pushed(site, 8, {"models/revenue.sql": CHANGED, "macros/schemas.sql": ASTRAY})
    return Story(site, changed, astray)


def test_what_has_changed_is_built_in_a_copy_and_defers(story: Story):
    assert story.changed.success, story.site.console(story.changed.run_id, "04-dbt-run")
    assert story.site.steps(story.changed.run_id)["04-dbt-run"]["dbt_version"].startswith("1.10.")
    results = json.loads((story.step(story.changed) / "target" / "run_results.json").read_bytes())
    built = {each["unique_id"] for each in results["results"]}
    assert built == {"model.tiny.revenue", "model.tiny.report"}
    with duckdb.connect(str(story.copy(7)), read_only=True) as connection:
        found = connection.execute("select revenue from dbt_cloud_pr_23_7_mart.report").fetchall()
    assert found == [(20,)]
    assert story.site.query("select revenue from main_mart.report") == [(10,)]


def test_what_goes_astray_is_not_built(story: Story):
    assert not story.astray.success
    said = story.site.steps(story.astray.run_id)["04-dbt-run"]["message"]
    assert "would be outside the schemas of pull request 8" in said
    assert "report (in 'mart')" in said


def test_clean_up_deletes_the_copy_of_what_is_closed(story: Story):
    site = story.site
    (before,) = entries(site.artifacts)
    assert before.entry.schemas == {
        ("warehouse", "dbt_cloud_pr_23_7"),
        ("warehouse", "dbt_cloud_pr_23_7_mart"),
    }
    sweeps = Sweeps(site.deployment, site.state, lambda _: Hosting(()))
    with site.instance() as instance:
        assert sweeps.jobs()[job_name("staging")].execute_in_process(instance=instance).success
    assert entries(site.artifacts) == []
    assert not story.copy(7).exists()
