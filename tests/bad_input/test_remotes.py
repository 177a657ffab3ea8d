"""Repositories, branches and commits that are not there, or not what they say."""

import pytest

from deploy_project.cli import main
from deploy_project.errors import ConfigError
from deploy_project.git import credentials
from deploy_project.git.extraction import room
from tests.bad_input.deployed import DEPLOY, Deployed
from tests.support.documented_messages import Met
from tests.support.servers.hollow_server import mute, page, serve

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ("/no/such/path", "'/no/such/path' does not appear to be a git repository"),
        ("http://127.0.0.1:9/shop.git", "unable to access 'http://127.0.0.1:9/shop.git/'"),
    ],
    ids=["no path", "connection refused"],
)
def test_a_repository_that_is_not_there(
    deployed: Deployed,
    repository: str,
    words: str,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("GIT_TOKEN_OF_TINY", "token-12345")
    project = f"{{repository: {repository}, token: {{env: GIT_TOKEN_OF_TINY}}}}"
    deployed.reconfigure("{repository: REMOTE}", project)
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily")
        ticked = deployed.tick()
        capsys.readouterr()
        assert main(["check", "--online"]) == 1
    assert f"environments.prod: {ended.message}" in capsys.readouterr().err
    assert ended.step == "clone_git_repository"
    assert ended.message == ended.recorded
    assert words in ended.message
    met(ended.message)
    assert ticked.error.startswith("RemoteError: project 'tiny': ")
    assert words in ticked.error
    assert "Check `repository:` of project 'tiny'" in ticked.error
    assert "token-12345" not in ended.message + ticked.error


def test_a_cache_that_knows_nothing(deployed: Deployed, met: Met):
    project = "{repository: /no/such/path, git_repo_cache: true}"
    deployed.reconfigure("{repository: REMOTE}", project)
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily")
    assert ended.step == "clone_git_repository"
    assert ended.message == ended.recorded
    met(ended.message)


def test_a_token_that_is_not_there(deployed: Deployed, met: Met, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    project = "{repository: http://127.0.0.1:9/x.git, token: {env: NOT_SET_ANYWHERE}}"
    deployed.reconfigure("{repository: REMOTE}", project)
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily")
        ticked = deployed.tick()
    assert ended.message == ticked.error.removeprefix("ConfigError: ")
    met(ended.message)


@pytest.mark.parametrize(
    "branch",
    ["--upload-pack=touch ${IFS}pwned", "../../main", "a\\nb", "*"],
    ids=["an option", "a path", "two lines", "a pattern"],
)
def test_a_branch_that_there_can_not_be(
    deployed: Deployed, branch: str, capsys: pytest.CaptureFixture[str]
):
    """It went to git, which found no such branch; it is refused before that."""
    deployed.reconfigure("branch: main", f'branch: "{branch}"')
    before = deployed.kept()
    assert main(["check", "--online"]) == 1
    assert "environments.prod.branch: is a name that git refuses" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"deploy\.yaml:\d+: environments\.prod\.branch"):
        deployed.attempt("prod__daily")
    assert deployed.kept() == before
    assert not list(deployed.root.rglob("pwned"))


def test_a_branch_that_is_not_there(
    deployed: Deployed, met: Met, capsys: pytest.CaptureFixture[str]
):
    branch = "nope"
    deployed.reconfigure("branch: main", f'branch: "{branch}"')
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily")
        first = deployed.tick()
        second = deployed.tick(first.cursor)
        capsys.readouterr()
        assert main(["check", "--online"]) == 1
    assert f"environments.prod: {ended.message}" in capsys.readouterr().err
    assert ended.step == "clone_git_repository"
    assert f"branch '{branch}' does not exist" in ended.message
    assert "known branches: main, stable" in ended.message
    met(ended.message)
    assert f"'refs/heads/{branch}' does not exist" in first.said.splitlines()[-1]
    assert "to 'staging'" in first.said, "the other environment is deployed"
    met(second.error.removeprefix("DeployError: "))


def test_dagster_prints_the_message_before_its_traceback(deployed: Deployed):
    deployed.reconfigure("branch: main", "branch: nope")
    with deployed.unchanged():
        done = deployed.execute("prod__daily")
    assert not done.success
    assert 0 < done.output.index("branch 'nope' does not exist") < done.output.index("Stack Trace")


@pytest.mark.parametrize("commit", ["--help", "../../x", "main", "4ae5ef6"])
def test_a_commit_that_is_none(deployed: Deployed, commit: str, met: Met):
    """`deploy/commit` reaches git's command line and a path, so only a whole id is taken."""
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/commit": commit})
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    assert f"the tag 'deploy/commit' is {commit!r}" in ended.message
    met(ended.message)


def test_a_commit_that_nobody_has(deployed: Deployed, met: Met):
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/commit": "0" * 40})
    assert ended.step == "clone_git_repository"
    assert ended.message.startswith(f"commit {'0' * 40} is in no branch or tag of ")
    met(ended.message)


def test_files_that_are_kept_elsewhere(deployed: Deployed, met: Met):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    merged = deployed.merge({"seeds/big.csv": pointer})
    assert merged.ended.step == "clone_git_repository"
    assert "seeds/big.csv" in merged.ended.message
    met(merged.ended.message)


def test_a_commit_of_too_many_files(deployed: Deployed, met: Met, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "MOST_FILES", 20)
    merged = deployed.merge({f"models/m{number}.sql": "select 1" for number in range(20)})
    assert merged.ended.step == "clone_git_repository"
    assert "has more than 20 files and directories" in merged.ended.message
    met(merged.ended.message)


def test_a_ci_job_without_a_pull_request(deployed: Deployed, met: Met):
    """It must not build into the schema of production."""
    before = deployed.kept()
    job = "jobs: {review: {environment: prod, job_type: ci, execute_steps: [dbt build]}}"
    deployed.configure(deploy=DEPLOY, jobs=job)
    ended = deployed.attempt("prod__review")
    assert ended.step == "create_profile"
    assert deployed.kept() == before
    met(ended.message)


def test_a_cause_that_no_process_can_be_given(deployed: Deployed, met: Met):
    """NUL in a tag ended a run with a bare `ValueError: embedded null byte`."""
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/cause": "a\0b"})
    assert ended.message == ended.recorded
    met(ended.message)


@pytest.mark.parametrize(
    "content", [b"<html>\nLog in\n", b"<html>Log in</html>"], ids=["lines", "one line"]
)
def test_a_login_page_in_the_place_of_the_repository(
    deployed: Deployed, content: bytes, met: Met, monkeypatch: pytest.MonkeyPatch
):
    """It was told as "branch 'main' does not exist; known branches: none"."""
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL", raising=False)
    with serve(page(content)) as url, deployed.unchanged():
        deployed.reconfigure("{repository: REMOTE}", f"{{repository: '{url}'}}")
        ended = deployed.attempt("prod__daily")
        ticked = deployed.tick()
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    assert ticked.error == f"RemoteError: {ended.message}"
    assert "HTTP 200, text/html" in ended.message
    met(ended.message)


def test_a_remote_that_accepts_and_never_answers(
    deployed: Deployed, met: Met, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credentials, "SILENCE_SECONDS", 3)
    with mute() as url, deployed.unchanged():
        deployed.reconfigure("{repository: REMOTE}", f"{{repository: '{url}'}}")
        ended = deployed.attempt("prod__daily")
        ticked = deployed.tick()
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    for told in (ended.message, ticked.error):
        assert "failed to hear anything for 3 seconds, and was stopped" in told
    met(ended.message)
