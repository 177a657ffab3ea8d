"""Where the remote's branches and tags are, asked of real repositories."""

from pathlib import Path

import pytest

from deploy_project.errors import GitError
from deploy_project.git.remote import Head, head, heads
from tests.support.deployments.git_repositories import Repository, environment, project
from tests.support.scripts import first_on_path, log_git


def test_all_references_are_asked_for_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: Repository
):
    first = remote.git("rev-parse", "HEAD")
    remote.git("tag", "light")
    remote.git("tag", "-m", "annotated", "v1")
    remote.git("tag", "-m", "tag of a tag", "v1-again", "v1")
    remote.git("checkout", "--quiet", "-b", "größe/日本")
    second = remote.commit({"a": "1"})
    log = log_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    wanted = {
        "refs/heads/main": first,
        "refs/heads/größe/日本": second,
        "refs/tags/light": first,
        "refs/tags/v1": first,
        "refs/tags/v1-again": first,
        "HEAD": second,
    }
    assert heads(project(remote), [*wanted, "refs/heads/gone", "refs/tags/gone"]) == wanted
    calls = [line for line in log.read_text().splitlines() if line.startswith("ls-remote")]
    assert len(calls) == 1


def test_no_references_need_no_remote():
    assert heads(project("/nowhere"), []) == {}


def test_a_name_that_ends_like_another_is_not_taken_for_it(remote: Repository):
    """The pattern `refs/heads/x` of git matches the end of `refs/heads/refs/heads/x` too."""
    remote.git("branch", "refs/heads/x")
    remote.git("branch", "team/main")
    assert heads(project(remote), ["refs/heads/x"]) == {}


def test_a_branch_and_a_tag_of_one_name_are_two(remote: Repository):
    first = remote.git("rev-parse", "HEAD")
    remote.git("tag", "release")
    remote.git("checkout", "--quiet", "-b", "release")
    second = remote.commit({"a": "1"})
    assert head(environment(project(remote), branch="release")) == Head(second, "release")
    assert head(environment(project(remote), tag="release")) == Head(first, "release")


def test_the_default_branch_is_named(remote: Repository):
    remote.git("branch", "-m", "team/trunk")
    commit = remote.git("rev-parse", "HEAD")
    assert head(environment(project(remote))) == Head(commit, "team/trunk")


def test_a_remote_whose_head_is_no_branch(remote: Repository):
    remote.git("checkout", "--quiet", "--detach")
    commit = remote.git("rev-parse", "HEAD")
    assert head(environment(project(remote))) == Head(commit, "HEAD")


def test_a_force_push_moves_the_head(remote: Repository):
    old = remote.commit({"a": "1"})
    deployed = environment(project(remote), branch="main")
    assert head(deployed).commit == old
    remote.git("reset", "--quiet", "--hard", "HEAD~1")
    new = remote.commit({"a": "2"})
    assert head(deployed).commit == new != old


def test_a_missing_branch_names_the_known_ones(remote: Repository):
    remote.git("branch", "team/a")
    remote.git("tag", "v1")
    with pytest.raises(GitError) as raised:
        head(environment(project(remote), branch="mian"))
    assert str(raised.value) == (
        f"branch 'mian' does not exist on {remote.path}; known branches: main, team/a; "
        "set `branch:` of environment 'production'"
    )


def test_a_missing_tag_names_the_known_ones(remote: Repository):
    remote.git("tag", "-m", "one", "v1")
    with pytest.raises(
        GitError, match=r"tag 'v2' does not exist on .*; known tags: v1; set `tag:`"
    ):
        head(environment(project(remote), tag="v2"))


def test_a_deleted_branch_is_missing(remote: Repository):
    remote.git("branch", "feature")
    assert heads(project(remote), ["refs/heads/feature"])
    remote.git("branch", "-D", "feature")
    assert heads(project(remote), ["refs/heads/feature"]) == {}


def test_many_known_branches_are_cut_short(remote: Repository):
    for number in range(30):
        remote.git("branch", f"b{number:02}")
    with pytest.raises(GitError, match=r"known branches: b00, .*, b19 and 11 more;"):
        head(environment(project(remote), branch="x"))


def test_a_default_branch_without_commits(tmp_path: Path, remote: Repository):
    remote.git("symbolic-ref", "HEAD", "refs/heads/unborn")
    with pytest.raises(
        GitError, match=r"the default branch does not exist .*branches: main; set `b"
    ):
        head(environment(project(remote)))


@pytest.mark.parametrize(
    "name",
    [
        "--upload-pack=touch executed",
        "$(touch executed)",
        "`touch executed`",
        "x; touch executed",
        "*",
        "ma[i]n",
        "main\tx",
        "main\nHEAD",
        "",
    ],
)
def test_a_hostile_branch_name_only_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: Repository, name: str
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GitError, match="does not exist"):
        head(environment(project(remote), branch=name))
    assert not list(tmp_path.rglob("executed"))


def test_a_branch_name_that_git_allows_works_however_odd(remote: Repository):
    name = "-x$(touch${IFS}executed)'\"&\u2028ü"
    remote.git("update-ref", f"refs/heads/{name}", "HEAD")
    assert head(environment(project(remote), branch=name)).branch == name


def test_an_unreachable_remote_speaks_for_itself(tmp_path: Path):
    with pytest.raises(GitError, match=r"project 'shop': .*exit 128.*does not appear to be a git"):
        heads(project(str(tmp_path / "nowhere")), ["HEAD"])


def test_a_directory_that_is_no_repository(tmp_path: Path):
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        heads(project(str(tmp_path)), ["HEAD"])
