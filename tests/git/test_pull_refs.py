"""Pull requests told from the references of a real repository."""

from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project, PullRequestRules
from deploy_project.errors import RemoteError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.pull_refs import PullRequestReferences, number
from deploy_project.git.pulls import OpenPullRequests, PullRequest
from tests.support.deployments.git_repositories import Repository, project
from tests.support.scripts import first_on_path, log_git

MAIN = frozenset({"refs/heads/main"})


def of(remote: Repository, refs: str | None = None) -> Project:
    made = project(remote)
    return Project(
        name=made.name, id=1, repository=made.repository, pull_requests=PullRequestRules(refs=refs)
    )


def listed(
    remote: Repository, state: StateDirectory, cursor: str = "", refs: str | None = None
) -> OpenPullRequests:
    found = PullRequestReferences(state, MAIN).listed(of(remote, refs), cursor)
    assert found is not None
    return found


def opened(remote: Repository, ref: str, *, branch: str = "", path: str = "a") -> str:
    """Commit beside main under `ref`, and under a branch of the repository."""
    remote.git("checkout", "--quiet", "--detach", "main")
    commit = remote.commit({path: ref})
    remote.git("update-ref", ref, commit)
    if not ref.startswith("refs/heads/"):
        remote.git("branch", "--force", branch or f"feature-{path}", commit)
    remote.git("checkout", "--quiet", "main")
    return commit


@pytest.mark.parametrize("kind", ["pull", "merge-requests"])
def test_the_sites_references_tell_number_and_head(
    remote: Repository, state: StateDirectory, kind: str
):
    first = opened(remote, f"refs/{kind}/7/head", branch="one")
    second = opened(remote, f"refs/{kind}/12/head", branch="two")
    opened(remote, f"refs/{kind}/12/merge")
    remote.git("branch", f"refs/{kind}/9/head", first)  # only ends like one
    assert set(listed(remote, state).pull_requests) == {
        PullRequest(7, first, branch=f"refs/{kind}/9/head"),
        PullRequest(12, second, branch="two"),
    }


def test_a_pattern_of_branches_tells_the_branch_too(remote: Repository, state: StateDirectory):
    commit = opened(remote, "refs/heads/pr/12")
    named = opened(remote, "refs/heads/pr/größe")
    opened(remote, "refs/pull/1/head")
    assert set(listed(remote, state, refs="refs/heads/pr/*").pull_requests) == {
        PullRequest(12, commit, branch="pr/12"),
        PullRequest(number("größe"), named, branch="pr/größe"),
    }


def test_a_base_is_no_pull_request(remote: Repository, state: StateDirectory):
    commit = opened(remote, "refs/heads/12")
    found = listed(remote, state, refs="refs/heads/*").pull_requests
    assert [pull.head for pull in found] == [commit]


def test_what_is_merged_or_gone_is_not_open(remote: Repository, state: StateDirectory):
    merged, gone = opened(remote, "refs/pull/1/head"), opened(remote, "refs/pull/2/head", path="b")
    stays = opened(remote, "refs/pull/3/head", path="c")
    before = listed(remote, state)
    assert {pull.number for pull in before.pull_requests} == {1, 2, 3}
    remote.git("merge", "--quiet", "--no-ff", "-m", "Merge", merged)
    remote.git("update-ref", "-d", "refs/pull/2/head", gone)
    after = listed(remote, state, before.cursor)
    assert after.pull_requests == (PullRequest(3, stays, branch="feature-c"),)


def test_without_its_branch_a_pull_request_is_closed_or_from_a_fork(
    remote: Repository, state: StateDirectory
):
    """GitHub keeps the references of closed ones for ever; squashing leaves no other trace."""
    opened(remote, "refs/pull/1/head")
    assert len(listed(remote, state).pull_requests) == 1
    remote.git("branch", "-D", "feature-a")
    assert listed(remote, state).pull_requests == ()


def test_a_site_may_move_its_reference_after_the_branch(remote: Repository, state: StateDirectory):
    """Taken for closed in between, its run would be cancelled and its schemas be dropped."""
    first = opened(remote, "refs/pull/1/head")
    ensure_checkout(of(remote), state, first)
    remote.git("checkout", "--quiet", "feature-a")
    remote.commit({"a": "more"})
    remote.git("checkout", "--quiet", "main")
    assert [pull.head for pull in listed(remote, state).pull_requests] == [first]


def test_no_news_costs_one_question(
    remote: Repository, state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened(remote, "refs/pull/1/head")
    before = listed(remote, state)
    log = log_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    finder = PullRequestReferences(state, MAIN)
    assert finder.listed(of(remote), before.cursor) is None
    calls = log.read_text().splitlines()
    assert [line.split()[0] for line in calls if "config" not in line] == ["ls-remote"]


def test_an_outage_is_no_answer(remote: Repository, state: StateDirectory):
    finder = PullRequestReferences(state, MAIN)
    with pytest.raises(RemoteError):
        finder.listed(project("/nowhere"), "")
    with pytest.raises(RemoteError, match="refs/heads/gone does not exist on the remote"):
        PullRequestReferences(state, MAIN | {"refs/heads/gone"}).listed(of(remote), "")


def test_the_head_of_a_fork_can_be_checked_out(remote: Repository, state: StateDirectory):
    commit = opened(remote, "refs/pull/7/head")
    remote.git("branch", "-D", "feature-a")
    assert (ensure_checkout(of(remote), state, commit).tree / "a").read_text() == "refs/pull/7/head"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7", 7),
        ("123456789", 123456789),
        ("007", None),
        ("1234567890", None),
        ("7-fix", None),
        ("feature/x", None),
    ],
)
def test_a_name_that_is_a_number_is_its_own(name: str, expected: int | None):
    found = number(name)
    assert found == expected if expected else len(str(found)) == 10
    assert found == number(name)


def test_no_two_names_share_a_number():
    names = [f"{prefix}{each}" for prefix in ("", "0", "x/") for each in range(2000)]
    assert len({number(each) for each in names[1:]}) == len(names) - 1
