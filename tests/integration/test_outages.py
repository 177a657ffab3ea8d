"""dbt Cloud's git cache: a run while the remote is away (JOB-13)."""

from pathlib import Path

import dagster as dg
import pytest

from deploy_project.git.known import recall
from deploy_project.releases import pointer
from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    dagster_url: http://127.0.0.1:9
    projects:
      tiny: {repository: REMOTE, git_repo_cache: true}
    environments:
      prod: {type: production, branch: main, target: prod}
      other: {branch: main, target: prod}
"""
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt run --select orders]}
      review: {environment: prod, job_type: ci, execute_steps: [dbt run --select orders]}
      never_run: {environment: other, execute_steps: [dbt run --select orders]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("outages"))
    made.configure(deploy=DEPLOY, jobs=JOBS)
    return made


@pytest.fixture(scope="module")
def before(site: Site) -> str:
    """The commit that a run has built before the remote went away."""
    done = site.run("prod__daily")
    assert done.success
    assert "used_repo_cache" not in site.record(done.run_id)
    return site.git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def away(site: Site, before: str) -> Path:
    """The remote, which has moved on and away."""
    site.push({"models/unseen.sql": "select 1 as id"})
    return site.remote.rename(site.root / "away.git")


@pytest.fixture(scope="module")
def cached(site: Site, away: Path) -> Result:
    return site.run("prod__daily")


def test_the_last_known_commit_is_built(site: Site, before: str, cached: Result):
    assert cached.success
    record = site.record(cached.run_id)
    assert (record["commit"], record["branch"]) == (before, "main")
    deployed = pointer.deployed(site.state, "prod")
    assert deployed is not None
    assert deployed.commit == before


def test_everybody_is_told(site: Site, before: str, cached: Result):
    record = site.record(cached.run_id)
    assert record["used_repo_cache"] is True
    told = str(record["repo_cache"])
    assert f"The remote could not be asked, so this run builds commit {before}" in told
    assert "where 'main' was " in told
    assert "does not appear to be a git repository" in told
    console = site.console(cached.run_id, "01-clone-git-repository")
    assert "*** WARNING: THIS MAY BE AN OLD COMMIT ***" in console
    assert told in console
    with site.instance() as instance:
        logged = instance.all_logs(cached.run_id)
    warnings = [each.user_message for each in logged if each.level == 30]
    assert told in warnings


def test_what_nobody_has_seen_cannot_be_built(site: Site, away: Path):
    done = site.run("other__never_run")
    assert not done.success
    message = str(site.record(done.run_id)["message"])
    assert "does not appear to be a git repository" in message
    assert "`git_repo_cache:` can't help: no commit of 'refs/heads/main' is known" in message


def test_a_pull_request_is_not_built_from_the_cache(site: Site, away: Path):
    done = site.run("prod__review", {"deploy/pull_request": "7"})
    assert not done.success
    (step,) = site.steps(done.run_id).values()
    assert (step["key"], step["status"]) == ("clone_git_repository", "Error")


def test_without_the_option_the_run_fails(site: Site, away: Path):
    site.configure(deploy=DEPLOY.replace(", git_repo_cache: true", ""), jobs=JOBS)
    done = site.run("prod__daily")
    site.configure(deploy=DEPLOY, jobs=JOBS)
    assert not done.success
    message = str(site.record(done.run_id)["message"])
    assert message.endswith(
        "Check `repository:` of project 'tiny', and that this machine reaches it."
    )
    assert site.statuses(done.run_id)[0] == ("Clone git repository", "Error")


def test_when_the_remote_is_back_its_head_is_built(site: Site, away: Path, cached: Result):
    away.rename(site.remote)
    newest = site.push({"models/newest.sql": "select 1 as id"})
    done = site.run("prod__daily")
    assert done.success
    record = site.record(done.run_id)
    assert record["commit"] == newest
    assert not {"used_repo_cache", "repo_cache"} & set(record)


def test_the_merge_sensor_learns_it_too(site: Site, cached: Result):
    merged = site.push({"models/merged.sql": "select 1 as id"})
    sensor = site.definitions().get_repository_def().get_sensor_def("tiny_merges")
    with site.instance() as instance, site.working_directory():
        sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    found = recall(site.deployment.environments["prod"], site.state)
    assert found is not None
    assert found.commit == merged
