"""The merge sensor against real remotes and dbt, tick by tick, as the daemon would evaluate it."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import dagster as dg
import pytest

from deploy_project.ci.pulls.bell import ring
from deploy_project.releases import pointer
from deploy_project.runs.model import tags
from deploy_project.runs.model.tags import of_job
from tests.support.deployments.dagster_jobs import nothing
from tests.support.deployments.site import PROJECT, Site
from tests.support.running.daemon import Daemon, Tick
from tests.support.running.processes import is_gone, nothing_is_left
from tests.support.running.started_processes import Process
from tests.support.scripts import first_on_path, log_git, script
from tests.support.servers.hollow_server import mute
from tests.support.waiting import wait

pytestmark = pytest.mark.slow

# Nothing listens there: the sensor must do its work when the webserver can't be asked to reload.
NOWHERE = "dagster_url: http://127.0.0.1:9"
ONE = f"""
    {NOWHERE}
    projects:
      tiny: {{repository: REMOTE}}
    environments:
      prod: {{type: production, branch: main, target: prod}}
"""
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build]}
      build: {environment: prod, execute_steps: [dbt build], triggers: {on_merge: true}}
      check: {environment: prod, execute_steps: [dbt compile], triggers: {on_merge: true}}
"""

NEW = "select 1 as id"


@pytest.fixture
def daemon(site: Site) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(site, instance)


def deployed(site: Site, environment: str = "prod") -> str:
    found = pointer.deployed(site.state, environment)
    return found.commit if found else ""


def models(site: Site, environment: str = "prod") -> set[str]:
    keys = site.definitions().resolve_all_asset_keys()
    return {key.path[-1] for key in keys if key.path[0] == environment and "jobs" not in key.path}


def commits(tick: Tick) -> dict[str | None, str]:
    """The commit that each requested job is to build."""
    return {request.job_name: tags.commit(request.tags) or "" for request in tick.requests}


def both(commit: str) -> Mapping[str | None, str]:
    return {"prod__build": commit, "prod__check": commit}


def test_new_commits_are_deployed_and_start_the_merge_jobs(
    site: Site, daemon: Daemon, started: list[Process]
):
    site.configure(deploy=ONE, jobs=JOBS)
    begin = site.git("rev-parse", "HEAD")

    assert models(site) == {"not_deployed_yet"}
    first = daemon.tick()
    assert not first.requests, "a new environment is deployed without running its merge jobs"
    assert first.skipped == f"prod: deployed {begin}"
    assert deployed(site) == begin
    assert models(site) == {"orders", "revenue"}

    started.clear()
    again = daemon.tick()
    assert (again.requests, again.skipped) == ([], f"prod: still at {begin}")
    assert again.cursor == first.cursor
    assert sum("ls-remote" in process for process in started) == 1
    assert {process[0] for process in started} == {"git"}, "an idle project starts no dbt"

    *_, newest = [site.push({f"models/new_{number}.sql": NEW}) for number in range(10)]
    started.clear()
    merged = daemon.tick()
    assert commits(merged) == both(newest), "one run of the newest commit for each merge job"
    assert deployed(site) == newest
    assert "new_9" in models(site)
    assert sum("ls-remote" in process for process in started) == 1
    build = merged.requests[0]
    assert build.run_key == f"prod__build:{newest}"
    assert (
        build.tags.items()
        >= {
            "deploy/commit": newest[:7],
            tags.FULL_COMMIT: newest,
            "deploy/branch": "main",
            "deploy/trigger": "merge",
            tags.CAUSE: f"Merge of {newest[:7]} into main",
        }.items()
    )

    daemon.cursors["tiny_merges"] = first.cursor
    repeated = [request.run_key for request in daemon.tick().requests]
    assert repeated == [request.run_key for request in merged.requests], (
        "a daemon that dies before it has kept the cursor must not start a merge's jobs twice"
    )
    assert not daemon.tick().requests

    site.git("reset", "--quiet", "--hard", begin)
    forced = site.push({"models/other.sql": "select 2 as id"})
    assert commits(daemon.tick()) == both(forced)
    assert models(site) == {"orders", "revenue", "other"}

    site.git("push", "--quiet", "--force", "origin", f"{newest}:refs/heads/main")
    back = daemon.tick()
    assert deployed(site) == newest
    assert {request.run_key for request in back.requests} == {
        request.run_key for request in merged.requests
    }, "Dagster drops a request whose key it has seen before: no commit is run twice"

    failing = site.deployment.jobs["prod__build"]
    for _ in range(100):
        daemon.instance.create_run_for_job(
            nothing,
            status=dg.DagsterRunStatus.FAILURE,
            tags=of_job(failing, run_slots=None),
        )
    more = site.push({"models/more.sql": NEW})
    deactivated = daemon.tick()
    assert commits(deactivated) == {"prod__check": more}
    assert deployed(site) == more


def test_a_ring_of_the_bell_has_the_remote_asked_at_once(site: Site, daemon: Daemon):
    """A hook of the site rings it; the sensor ticks often to hear it, and asks now and then."""
    deploy = ONE.replace("REMOTE}", "REMOTE, hooks: {secret: {env: HOOK}}}")
    site.configure(deploy=deploy, jobs=JOBS)
    found = site.definitions()
    sensor = found.get_repository_def().get_sensor_def("tiny_merges")
    assert sensor.minimum_interval_seconds == 5
    cursor: str | None = None

    def tick() -> tuple[int, str]:
        nonlocal cursor
        context = dg.build_sensor_context(
            instance=daemon.instance,
            cursor=cursor,
            definitions=found,
            sensor_name="tiny_merges",
        )
        done = sensor.evaluate_tick(context)
        cursor = done.cursor
        return len(done.run_requests or []), (done.skip_message or "").partition(":")[0]

    assert tick() == (0, "prod")
    site.push({"models/more.sql": NEW})
    quiet = "The bell has not rung since the remote was asked"
    assert tick() == (0, quiet)
    ring(site.state, "tiny")
    ring(site.state, "tiny")
    assert tick() == (2, "")
    assert tick() == (0, quiet)


def shown_jobs(site: Site, model: str) -> str:
    """What the page of an asset says of the jobs that build it."""
    graph = site.definitions().resolve_asset_graph()
    return graph.get(dg.AssetKey(["prod", model])).description or ""


def test_dbt_is_asked_again_when_the_jobs_have_changed(
    site: Site, daemon: Daemon, started: list[Process]
):
    """An asset names its jobs; without this, a new job was named with the next merge only."""
    site.configure(deploy=ONE, jobs=JOBS)
    daemon.tick()
    assert "`dbt build`" in shown_jobs(site, "orders")
    one = "      one: {environment: prod, execute_steps: [dbt run -s orders]}\n"
    site.configure(deploy=ONE, jobs=JOBS + one)
    assert "dbt has not told what this selects" in shown_jobs(site, "revenue")
    daemon.tick()
    assert "dbt run -s orders" in shown_jobs(site, "orders")
    assert "dbt run -s orders" not in shown_jobs(site, "revenue")
    started.clear()
    daemon.tick()
    assert {process[0] for process in started} == {"git"}, "dbt is asked once"


TWO = f"""
    {NOWHERE}
    projects:
      tiny: {{repository: REMOTE}}
    environments:
      prod: {{type: production, branch: main, target: prod}}
      staging: {{type: staging, branch: develop, target: prod}}
"""


def test_a_deleted_branch_fails_the_tick_and_its_siblings_go_on(site: Site, daemon: Daemon):
    site.configure(deploy=TWO, jobs=JOBS)
    begin = site.git("rev-parse", "HEAD")
    site.git("push", "--quiet", "origin", "HEAD:refs/heads/develop")
    daemon.tick()
    assert deployed(site, "staging") == begin

    site.git("push", "--quiet", "--delete", "origin", "develop")
    problem = daemon.fails()
    assert "environment 'staging': 'refs/heads/develop' does not exist" in problem
    assert "project 'tiny'" in problem
    assert deployed(site, "staging") == begin, "what is deployed stays"

    news = site.push({"models/new.sql": NEW})
    assert commits(daemon.tick()) == both(news)
    assert deployed(site) == news
    assert daemon.fails() == problem

    site.git("push", "--quiet", "origin", f"{begin}:refs/heads/develop")
    assert daemon.tick().skipped == f"prod: still at {news}\nstaging: still at {begin}"


def test_an_unreachable_remote_fails_only_its_own_sensor(site: Site, daemon: Daemon):
    other = site.root / "other.git"
    hidden = site.root / "hidden.git"
    site.configure(
        deploy=f"""
            {NOWHERE}
            projects:
              tiny: {{repository: REMOTE}}
              other: {{repository: {other}}}
            environments:
              prod: {{project: tiny, type: production, branch: main, target: prod}}
              other: {{project: other, type: production, branch: main, target: prod}}
        """,
        jobs=JOBS,
    )
    site.git("clone", "--quiet", "--bare", str(site.remote), str(other))
    commit = site.git("rev-parse", "HEAD")
    site.remote.rename(hidden)

    problem = daemon.fails()
    assert str(site.remote) in problem
    assert "does not appear to be a git repository" in problem, "git's own words"
    assert daemon.cursors == {}
    assert daemon.tick("other_merges").skipped == f"other: deployed {commit}"
    assert (deployed(site, "prod"), deployed(site, "other")) == ("", commit)

    hidden.rename(site.remote)
    assert daemon.tick().skipped == f"prod: deployed {commit}"
    assert deployed(site) == commit


def test_a_broken_commit_leaves_what_is_deployed(
    site: Site, daemon: Daemon, started: list[Process]
):
    site.configure(deploy=ONE, jobs=JOBS)
    unpackaged = site.push({"packages.yml": "packages: [{local: ./nowhere}]"})
    first = daemon.tick()
    assert deployed(site) == ""
    assert f"deployed {unpackaged}" not in first.skipped
    assert "`dbt deps` failed" in first.skipped
    assert "no dbt_project.yml found at expected path" in first.skipped.lower(), "dbt's message"
    assert daemon.fails() == first.skipped

    good = site.push({"packages.yml": None})
    assert commits(daemon.tick()) == both(good)
    assert deployed(site) == good

    broken = site.push({"models/revenue.sql": "select * from {{ ref('nowhere') }}"})
    assert commits(daemon.tick()) == both(broken), "the merge job shows the failure as a run"
    assert deployed(site) == good
    assert models(site) == {"orders", "revenue"}
    started.clear()
    for _ in range(2):
        problem = daemon.fails()
        assert broken[:12] in problem
        assert "depends on a node named 'nowhere' which was not found" in problem, "dbt's message"
    assert {process[0] for process in started} == {"git"}, "no dbt while the branch stays"

    fixed = site.push({"models/revenue.sql": PROJECT["models/revenue.sql"], "models/new.sql": NEW})
    assert commits(daemon.tick()) == both(fixed)
    assert deployed(site) == fixed
    assert models(site) == {"orders", "revenue", "new"}
    assert daemon.tick().skipped == f"prod: still at {fixed}"


@pytest.fixture
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Dagster give up a tick after twenty seconds."""
    monkeypatch.setenv("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "20")


def test_git_of_a_tick_ends_with_the_tick(site: Site, daemon: Daemon, short_ticks: None):
    """Dagster gives a tick up after a minute, and its git went on without it."""
    with mute() as url:
        site.configure(jobs=JOBS, deploy=ONE.replace("REMOTE", url))
        assert "failed to end before the time was up, and was stopped" in daemon.fails()
        assert nothing_is_left(url)


def test_a_fetch_that_takes_longer_than_its_tick_is_left_to_others(
    site: Site, daemon: Daemon, short_ticks: None, monkeypatch: pytest.MonkeyPatch
):
    site.configure(jobs=JOBS, deploy=ONE)
    bin_directory, pid = site.root / "bin", site.root / "pid"
    log_git(bin_directory)
    git = bin_directory / "git"
    hanging = f'case "$*" in *"fetch --quiet"*) echo $$ > {pid}; exec sleep 900;; esac'
    script(git, git.read_text().replace("#!/bin/sh", hanging, 1))
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", first_on_path(bin_directory))
    tick = daemon.tick()
    assert "failed to end before the time was up" in tick.skipped
    assert "`deploy-project deploy` fetches without that limit" in tick.skipped
    wait(lambda: is_gone(int(pid.read_text())))
    assert deployed(site) == ""
    monkeypatch.setenv("PATH", path)
    assert site.run("prod__daily").success, "nothing is left that would be in a run's way"


def _for_ever(_: float) -> AbstractContextManager[None]:
    return nullcontext()


def test_what_a_tick_has_no_time_for_is_the_next_one_s(
    site: Site, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    """It counted as tried, and was not tried again for ten minutes."""
    site.configure(jobs=JOBS, deploy=ONE)
    with monkeypatch.context() as patched:
        sensor = "deploy_project.orchestration.triggers.merges"
        patched.setattr(f"{sensor}.ending_at", _for_ever)
        patched.setattr(f"{sensor}.tick_ends", lambda: time.monotonic() - 1)
        assert daemon.tick().requests == []
    assert deployed(site) == ""
    daemon.tick()
    assert deployed(site) == site.git("rev-parse", "HEAD")
