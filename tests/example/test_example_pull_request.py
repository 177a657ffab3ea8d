from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.example.pull_request import follow, merge, open_pull_request
from deploy_project.example.remote import make_remote, working_copy
from deploy_project.git.command import git
from tests.support.deployments.git_repositories import heads

MODEL = "models/marts/core/customers.sql"


def test_pull_requests_can_be_made_again_and_again(state: StateDirectory):
    remote = make_remote(state)
    contents = [git("show", f"main:{MODEL}", cwd=remote)]
    for number in (1, 2, 3):
        pull = open_pull_request(state)
        assert (pull.number, pull.branch) == (number, f"pr/{number}")
        assert heads(remote)[f"refs/heads/pr/{number}"] == pull.head
        assert heads(remote)["refs/heads/main"] != pull.head
        assert MODEL in pull.stat
        merged = merge(pull, state)
        assert heads(remote)["refs/heads/main"] == merged
        assert git("show", "--no-patch", "--format=%P", merged, cwd=remote).endswith(pull.head)
        contents.append(git("show", f"main:{MODEL}", cwd=remote))
    assert len(set(contents)) == 3
    assert contents[1] == contents[3]
    assert list((state.root / "example").glob(".cloning-*")) == []


def test_a_number_is_free_when_no_branch_has_a_higher_one(state: StateDirectory):
    remote = make_remote(state)
    for name in ("7", "fix", "2", "99999999999999999999"):
        git("update-ref", f"refs/heads/pr/{name}", "main", cwd=remote)
    assert open_pull_request(state).number == 8


def test_what_was_changed_in_the_working_copy_is_neither_taken_nor_lost(state: StateDirectory):
    copy = working_copy(state)
    (copy / MODEL).write_text("select 1 as mine")
    pull = open_pull_request(state)
    merge(pull, state)
    assert not follow(state)
    assert (copy / MODEL).read_text() == "select 1 as mine"
    assert "mine" not in git("show", f"main:{MODEL}", cwd=make_remote(state))
    git("restore", ".", cwd=copy)
    assert follow(state)
    assert git("rev-parse", "HEAD", cwd=copy) == heads(make_remote(state))["refs/heads/main"]


def test_what_was_pushed_to_main_is_in_the_pull_request(state: StateDirectory):
    copy = working_copy(state)
    (copy / MODEL).write_text("select 1 as customer_id")
    (copy / "README.md").write_text("# ours\n")
    git("commit", "--quiet", "--all", "--message", "Make it ours", cwd=copy)
    git("push", "--quiet", cwd=copy)
    pull = open_pull_request(state)
    assert git("show", f"{pull.head}:README.md", cwd=make_remote(state)) == "# ours"
    assert "average_amount" in git("show", f"{pull.head}:{MODEL}", cwd=make_remote(state))


def test_the_users_own_git_configuration_does_not_matter(
    state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    options = f"[core]\nautocrlf = true\nhooksPath = {hooks}\n[commit]\ngpgSign = true\n"
    (home / ".gitconfig").write_text(options)
    monkeypatch.setenv("HOME", str(home))
    for number in (1, 2, 3):
        pull = open_pull_request(state)
        assert pull.number == number
        merge(pull, state)
