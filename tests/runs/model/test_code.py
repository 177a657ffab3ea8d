"""Which code a run and its retries build, with a real remote."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Job
from deploy_project.errors import GitError
from deploy_project.runs.model.run import Run, source
from deploy_project.runs.requests.by_hand import Wish, code
from deploy_project.runs.requests.retries import retry
from tests.support.deployments.git_repositories import create, environment, project
from tests.support.deployments.jobs import DEPLOYMENT

pytestmark = pytest.mark.slow

REMOTE = "remote"


def run_of(directory: Path, tags: Mapping[str, str]) -> Run:
    job = Job(
        name="prod__daily",
        identifier="daily",
        id=17,
        title="Daily",
        environment=environment(project(str(directory / REMOTE)), branch="main"),
        description="",
        job_type="scheduled",
        steps=(("build",),),
        commands=("dbt build",),
    )
    run = dg.DagsterRun(job_name="prod__daily", tags=tags)
    return Run.of(run, *(job, DEPLOYMENT, StateDirectory(directory / "state")))


def taken(directory: Path, tags: Mapping[str, str]) -> tuple[str, str, bool]:
    found = source(run_of(directory, tags))
    return found.commit, found.branch, found.is_head


def test_a_retry_builds_the_branch_that_was_asked_for_again(tmp_path: Path):
    """It built the branch of the environment."""
    remote = create(tmp_path / REMOTE)
    main = remote.git("rev-parse", "HEAD")
    remote.git("checkout", "--quiet", "-b", "feature")
    first = remote.commit({"a": "1"})
    prod = run_of(tmp_path, {}).environment
    asked = code(prod, Wish(branch="feature"))
    assert taken(tmp_path, asked) == (first, "feature", False)
    then = remote.commit({"a": "2"})

    @dg.job
    def prod__daily() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        parent = prod__daily.execute_in_process(instance=instance, tags=asked).run_id
        for from_start in (False, True):
            found = retry(instance, parent, from_start=from_start).tags
            assert taken(tmp_path, found) == (then, "feature", False)
        stays = retry(instance, parent, same_commit=True).tags
    by_the_ui = {**asked, "dagster/parent_run_id": parent}
    assert taken(tmp_path, by_the_ui) == (then, "feature", False)
    assert taken(tmp_path, stays) == (first, "feature", False)
    plain = {"deploy/commit": first, "deploy/branch": "old", "dagster/parent_run_id": parent}
    assert taken(tmp_path, plain) == (main, "main", True), "the environment's branch, as it is now"


@pytest.mark.parametrize("branch", ["gone", "", "*", "main\n", "a\0b", "--upload-pack=/bin/x"])
def test_a_branch_that_is_not_there_is_an_error_at_the_first_step(tmp_path: Path, branch: str):
    create(tmp_path / REMOTE)
    with pytest.raises(GitError):
        taken(tmp_path, {"deploy/branch_override": branch})


def test_the_environments_own_branch_is_its_head(tmp_path: Path):
    head = create(tmp_path / REMOTE).git("rev-parse", "HEAD")
    assert taken(tmp_path, {"deploy/branch_override": "main"}) == (head, "main", True)
