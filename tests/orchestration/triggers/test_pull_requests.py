"""The sensor of pull requests against a real remote, tick by tick."""

from collections.abc import Iterator

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.errors import RemoteError
from deploy_project.runs.model import tags
from tests.support.deployments.site import Site
from tests.support.running.daemon import Daemon, Tick, run, status

pytestmark = pytest.mark.slow

SENSOR = "tiny_pull_requests"
DEPLOY = """
    account: {run_slots: 2}
    projects:
      tiny: {repository: REMOTE, pull_requests: {refs: refs/pull/*/head}}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: main, target: prod}
"""
JOBS = """
    jobs:
      checks: {id: 23, environment: staging, job_type: ci}
      both:
        id: 24
        environment: staging
        execute_steps: [dbt build]
        triggers: {github_webhook: true}
      nightly: {environment: prod, execute_steps: [dbt build]}
"""


@pytest.fixture
def daemon(site: Site) -> Iterator[Daemon]:
    site.configure(deploy=DEPLOY, jobs=JOBS)
    with dg.instance_for_test() as instance:
        yield Daemon(site, instance)


def push(site: Site, number: int, content: str) -> str:
    """Put a commit under a pull request's reference, and under a branch of its own."""
    site.git("checkout", "--quiet", "-B", f"feature-{number}", "origin/main")
    commit = site.push({"models/new.sql": content}, ref=f"feature-{number}")
    site.git("push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/head")
    return commit


def asked(tick: Tick) -> set[tuple[str | None, str, str]]:
    return {
        (each.job_name, each.tags[tags.PULL_REQUEST], each.tags[tags.FULL_COMMIT])
        for each in tick.requests
    }


def test_each_new_head_starts_the_ci_jobs_and_gives_up_the_stale_runs(site: Site, daemon: Daemon):
    before = push(site, 1, "select 1 as id")
    first = daemon.tick(SENSOR)
    assert first.requests == [], "what was open before the job was there is not built"
    assert daemon.tick(SENSOR).skipped == "No pull request has changed"

    head = push(site, 7, "select 2 as id")
    opened = daemon.tick(SENSOR)
    assert asked(opened) == {("staging__checks", "7", head), ("staging__both", "7", head)}
    checks, both = sorted(opened.requests, key=lambda each: each.tags[tags.QUEUE], reverse=True)
    assert checks.run_key == f"staging__checks:{head}"
    assert checks.tags == {
        tags.COMMIT: head[:7],
        tags.FULL_COMMIT: head,
        tags.HIDDEN_BRANCH: "feature-7",
        tags.PULL_REQUEST: "7",
        tags.SCHEMA_OVERRIDE: "dbt_cloud_pr_23_7",
        tags.TRIGGER: "ci",
        tags.CAUSE: f"Pull request 7 at commit {head[:7]}",
        tags.QUEUE: "staging__checks:7",
        "dagster/sensor_name": SENSOR,
    }
    assert both.tags[tags.SLOTS.format(2)] == "staging__both:7", "pull requests take no slot"
    assert daemon.tick(SENSOR).requests == []

    waiting, _ = run(daemon, checks, dg.DagsterRunStatus.QUEUED)
    other, _ = run(daemon, both, dg.DagsterRunStatus.SUCCESS)
    moved = push(site, 7, "select 3 as id")
    newer = daemon.tick(SENSOR)
    assert asked(newer) == {("staging__checks", "7", moved), ("staging__both", "7", moved)}
    assert status(daemon, waiting) == "CANCELED"
    assert status(daemon, other) == "SUCCESS"
    said = [each.user_message or each.message for each in daemon.instance.all_logs(waiting)]
    assert any("pull request 7 has moved on to commit" in each for each in said)

    site.git("push", "--quiet", "origin", f"{moved}:refs/pull/8/head")
    again = daemon.tick(SENSOR)
    assert {each.run_key for each in again.requests} == {each.run_key for each in newer.requests}, (
        "Dagster drops a request whose key it has seen: one commit runs once, whatever its number"
    )

    site.remote.rename(site.root / "hidden.git")
    cursor = daemon.cursors[SENSOR]
    with pytest.raises(RemoteError, match=r"remote\.git"):
        daemon.tick(SENSOR)
    assert daemon.cursors[SENSOR] == cursor
    (site.root / "hidden.git").rename(site.remote)

    waiting, _ = run(daemon, newer.requests[0], dg.DagsterRunStatus.QUEUED)
    unrelated, _ = run(daemon, opened.requests[0], dg.DagsterRunStatus.QUEUED)
    site.git("push", "--quiet", "origin", f"{before}:refs/heads/main", "--force")
    (cleaning,) = daemon.tick(SENSOR).requests
    assert cleaning.job_name == "staging__ci_sweep"
    assert cleaning.tags[tags.CAUSE] == "Pull request 1 closed"
    assert status(daemon, waiting) == "QUEUED"
    site.git("push", "--quiet", "origin", f"{moved}:refs/heads/main", "--force")
    again = [each for each in daemon.tick(SENSOR).requests if each.job_name == cleaning.job_name]
    assert [each.tags[tags.CAUSE] for each in again] == ["Pull requests 7, 8 closed"]
    assert {status(daemon, waiting), status(daemon, unrelated)} == {"CANCELED"}, "it was merged"


def test_the_bell_has_the_site_asked_between_the_questions(
    site: Site, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    found = site.definitions()
    sensor = found.get_repository_def().get_sensor_def(SENSOR)
    cursor: str | None = None

    def tick() -> tuple[list[dg.RunRequest], str]:
        nonlocal cursor
        context = dg.build_sensor_context(
            instance=daemon.instance, cursor=cursor, definitions=found, sensor_name=SENSOR
        )
        done = sensor.evaluate_tick(context)
        cursor = done.cursor
        return list(done.run_requests or []), done.skip_message or ""

    assert tick()[1] == "Open: 0; nothing to start"
    head = push(site, 7, "select 1 as id")
    assert tick() == ([], "The bell has not rung since the site was asked")
    monkeypatch.setenv("DEPLOY_CONFIG", str(site.root / "deploy.yaml"))
    monkeypatch.setenv("DEPLOY_STATE", str(site.state.root))
    assert main(["ci", "poll"]) == 0
    assert "tiny: Dagster's daemon asks for its pull requests" in capsys.readouterr().out
    assert {each.tags[tags.FULL_COMMIT] for each in tick()[0]} == {head}
    assert tick()[1] == "The bell has not rung since the site was asked"
    assert main(["ci", "poll", "--project", "tiny"]) == 0
    assert tick()[1] == "Open: 1; nothing to start", "it was asked for anew, and nothing is"


def test_a_job_that_comes_later_begins_with_the_next_commits(site: Site, daemon: Daemon):
    daemon.tick(SENSOR)
    push(site, 1, "select 1 as id")
    assert len(daemon.tick(SENSOR).requests) == 2
    site.configure(deploy=DEPLOY, jobs=JOBS + "      more: {environment: prod, job_type: ci}\n")
    assert daemon.tick(SENSOR).requests == []
    head = push(site, 1, "select 2 as id")
    assert ("prod__more", "1", head) in asked(daemon.tick(SENSOR))


def test_a_run_that_is_in_progress_is_asked_to_end_by_what_executes_it(
    site: Site, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    daemon.tick(SENSOR)
    push(site, 7, "select 1 as id")
    run_id, _ = run(daemon, daemon.tick(SENSOR).requests[0], dg.DagsterRunStatus.STARTED)
    ended: list[str] = []

    def terminate(_: object, run_id: str) -> None:
        ended.append(run_id)

    monkeypatch.setattr(type(daemon.instance.run_launcher), "terminate", terminate)
    push(site, 7, "select 2 as id")
    daemon.tick(SENSOR)
    assert ended == [run_id]
    assert status(daemon, run_id) == "CANCELING"


def test_without_ci_jobs_there_is_no_sensor(site: Site):
    site.configure(
        deploy=DEPLOY, jobs="jobs: {daily: {environment: prod, execute_steps: [dbt run]}}"
    )
    names = [each.name for each in site.definitions().get_repository_def().sensor_defs]
    assert SENSOR not in names
