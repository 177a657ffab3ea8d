"""What merged pull requests hear when a run of production has deployed them, over real HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.ci.comment.report import Report
from deploy_project.ci.telling.post import post
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Environment, Job
from deploy_project.git.mirror import ensure_commit
from deploy_project.orchestration.jobs.deployed_comment import tell_deployed
from deploy_project.runs.model import tags
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.timing.model_timing import timing
from tests.support.deployments.git_repositories import Repository, create
from tests.support.deployments.hosting_site import TOKEN, Canned, HostingSite, serve

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SUCCESS, STARTED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


@dataclass(frozen=True)
class World:
    """A repository, a hosting site, and a production that goes on from commit to commit."""

    hub: HostingSite
    repository: Repository
    state: StateDirectory
    instance: dg.DagsterInstance

    @property
    def deployment(self) -> Deployment:
        project = replace(self.hub.project, repository=str(self.repository.path))
        production = Environment("prod", 2, project, "production")
        staging = Environment("staging", 3, project, "staging")
        jobs = {
            "prod__nightly": _job("nightly", production),
            "staging__checks": _job("checks", staging, "ci"),
        }
        named = {each.name: each for each in (production, staging)}
        return Deployment(Path("/nowhere"), Account(7, "Shop"), {"shop": project}, named, jobs)

    def checked(self, number: int, head: str, **more: str) -> str:
        """A pull request was opened, built, and told of that; return the run."""
        self.hub.open(number, head=head)
        project = self.deployment.projects["shop"]
        assert post(project, number, Report("checks", "staging", "success", head)) == []
        wanted = {tags.PULL_REQUEST: str(number), tags.COMMIT: head, **more}
        return self.has_run("staging__checks", wanted)

    def has_run(self, job: str, more: dict[str, str], status: dg.DagsterRunStatus = SUCCESS) -> str:
        run = dg.DagsterRun(job, status=status, tags={tags.JOB: job, **more})
        return self.instance.add_run(run).run_id

    def deploys(self, commit: str, outcome: str = "Success", **more: str) -> tuple[str, list[str]]:
        """Production has built `commit`: return the run, and what went wrong with telling so."""
        ensure_commit(self.deployment.projects["shop"], self.state, commit)
        made = dg.DagsterRun("prod__nightly", tags={tags.COMMIT: commit, **more})
        job, deployment = self.deployment.jobs["prod__nightly"], self.deployment
        finished = FinishedRun(
            run=Run.of(made, job, deployment, self.state),
            outcome=Status(outcome),
            source=Code(commit, "main", is_head=True),
            created_at=NOW,
            started_at=NOW,
            ended_at=NOW,
            steps=(),
            timing=timing([]),
        )
        wrong = tell_deployed(self.instance, finished)
        if outcome == "Success":
            self.instance.add_run(
                replace_tags(made, {tags.JOB: "prod__nightly", **made.tags}, SUCCESS)
            )
        return made.run_id, wrong

    def told(self, number: int) -> str:
        """The line in the comment on a pull request; empty without one."""
        (note,) = [each for each in self.hub.notes if each.pull == number]
        return next((line for line in note.body.split("\n") if "Deployed" in line), "")


def replace_tags(
    run: dg.DagsterRun, wanted: dict[str, str], status: dg.DagsterRunStatus
) -> dg.DagsterRun:
    return dg.DagsterRun(run.job_name, run_id=run.run_id, status=status, tags=wanted)


def _job(name: str, environment: Environment, kind: str = "other") -> Job:
    return Job(
        name=f"{environment.name}__{name}",
        identifier=name,
        id=23,
        title=name,
        environment=environment,
        description="",
        job_type="ci" if kind == "ci" else "other",
        steps=(("build",),),
        commands=("dbt build",),
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    monkeypatch.setenv("HOSTING_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    repository, state = create(tmp_path / "remote"), StateDirectory(tmp_path / "state")
    with serve("github") as hub, dg.DagsterInstance.ephemeral() as instance:
        yield World(hub, repository, state, instance)


def branched(repository: Repository, name: str) -> str:
    repository.git("checkout", "--quiet", "-B", name, "main")
    head = repository.commit({f"{name}.sql": "select 1"})
    repository.git("checkout", "--quiet", "main")
    return head


def test_the_first_run_of_production_since_the_merge_is_told_once(world: World):
    head = branched(world.repository, "orders")
    checked = world.checked(7, head)
    assert world.deploys(world.repository.git("rev-parse", "main"))[1] == []
    assert world.told(7) == ""
    merge = world.repository.commit({"orders.sql": "select 1"}, "Squashed")
    world.hub.close(7, squashed=merge)
    assert world.deploys(merge, "Error")[1] == []
    assert world.told(7) == "", "it has failed"
    run_id, wrong = world.deploys(merge)
    assert wrong == []
    there = f"http://127.0.0.1:3000/runs/{run_id}"
    assert f"by [run `{run_id[:8]}`]({there}), commit [`{merge[:12]}`](" in world.told(7)
    run = world.instance.get_run_by_id(checked)
    assert run is not None
    assert run.tags[tags.DEPLOYED_BY] == run_id
    world.hub.requests.clear()
    world.deploys(world.repository.commit({"more.sql": "select 2"}))
    assert world.hub.requests == [], "nobody is left to be told"
    assert run_id[:8] in world.told(7)


def test_a_merge_commit_is_found_by_the_head_that_it_has_merged(world: World):
    head = branched(world.repository, "orders")
    world.checked(7, head)
    world.checked(8, branched(world.repository, "open"))
    world.checked(9, branched(world.repository, "refused"))
    world.hub.close(9)
    world.repository.git("merge", "--quiet", "--no-ff", "orders")
    world.hub.close(7, merged="f" * 40)
    run_id, _ = world.deploys(world.repository.git("rev-parse", "HEAD"))
    assert run_id[:8] in world.told(7)
    assert (world.told(8), world.told(9)) == ("", "")


def test_when_the_site_was_away_a_later_run_names_the_first(world: World):
    world.checked(7, branched(world.repository, "orders"))
    world.deploys(world.repository.git("rev-parse", "main"))
    merge = world.repository.commit({"orders.sql": "select 1"}, "Squashed")
    world.hub.close(7, squashed=merge)
    world.hub.canned.append(Canned(502))
    first, (wrong,) = world.deploys(merge)
    assert wrong.startswith(
        "merged pull requests could not be told that this run has deployed them: project 'shop': "
    )
    world.deploys(world.repository.commit({"more.sql": "select 2"}), **{tags.PULL_REQUEST: "5"})
    assert world.told(7) == "", "a pull request's run deploys nothing"
    _, wrong = world.deploys(world.repository.commit({"more.sql": "select 3"}))
    assert wrong == []
    assert first[:8] in world.told(7)


def test_a_commit_that_does_not_have_it_yet_is_not_told(world: World):
    head = branched(world.repository, "orders")
    before = world.repository.git("rev-parse", "main")
    world.checked(7, head)
    world.hub.close(7, merged=world.repository.commit({"orders.sql": "select 1"}))
    world.deploys(before)
    assert world.told(7) == ""


def test_a_run_that_is_in_progress_will_write_the_comment_anew(world: World):
    head = branched(world.repository, "orders")
    world.checked(7, head)
    merge = world.repository.commit({"orders.sql": "select 1"})
    world.hub.close(7, merged=merge)
    wanted = {tags.PULL_REQUEST: "7", tags.COMMIT: head}
    world.has_run("staging__checks", wanted, STARTED)
    world.deploys(merge)
    assert world.told(7) == ""


def test_without_pull_requests_nobody_is_asked(world: World):
    assert world.deploys(world.repository.git("rev-parse", "main"))[1] == []
    assert world.hub.requests == []
