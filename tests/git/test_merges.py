"""A pull request merged with its base in the mirror, as its hosting site would merge it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import ConflictError, GitError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.command import git
from deploy_project.git.merges import merged
from tests.support.deployments.git_repositories import Repository, files, project
from tests.support.scripts import first_on_path, script
from tests.support.waiting import PATIENCE

MERGE = """
import sys
from pathlib import Path
from deploy_project.config.values.deployment import Project
from deploy_project.config.state import StateDirectory
from deploy_project.git.merges import merged
print(merged(Project("shop", 1, sys.argv[1]), StateDirectory(Path(sys.argv[2])),
             base=sys.argv[3], head=sys.argv[4]))
"""


def apart(remote: Repository, ours: dict[str, str], theirs: dict[str, str]) -> tuple[str, str]:
    """Return the heads of `main` and of a branch that has left it before its last commit."""
    remote.git("checkout", "--quiet", "-b", "change")
    head = remote.commit(dict(theirs))
    remote.git("checkout", "--quiet", "main")
    return remote.commit(dict(ours)), head


def test_what_is_checked_out_has_the_changes_of_both(remote: Repository, state: StateDirectory):
    base, head = apart(remote, {"new.sql": "select 1"}, {"changed.sql": "select 2"})
    shop = project(remote)
    commit = merged(shop, state, base=base, head=head)
    tree = files(ensure_checkout(shop, state, commit).tree)
    assert tree == {
        "dbt_project.yml": "name: shop\n",
        "new.sql": "select 1",
        "changed.sql": "select 2",
    }
    parents = git("--git-dir=.", "log", "-1", "--format=%P", commit, cwd=state.mirror("shop"))
    assert parents.split() == [base, head]


def test_the_same_two_make_the_same_commit_anywhere_at_any_time(
    remote: Repository, state: StateDirectory, tmp_path: Path, user_config: Path
):
    base, head = apart(remote, {"new.sql": "select 1"}, {"changed.sql": "select 2"})
    first = merged(project(remote), state, base=base, head=head)
    user_config.write_text(
        "[user]\n name = Bea\n[commit]\n gpgSign = true\n[i18n]\n commitEncoding = latin1\n"
    )
    other = StateDirectory(tmp_path / "other machine")
    assert merged(project(remote), other, base=base, head=head) == first
    assert merged(project(remote), state, base=head, head=base) != first


def test_many_at_once_find_the_same(remote: Repository, state: StateDirectory):
    base, head = apart(remote, {"new.sql": "select 1"}, {"changed.sql": "select 2"})
    command = [sys.executable, "-c", MERGE, str(remote.path), str(state.root), base, head]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {each.communicate(timeout=PATIENCE)[0] for each in started}
    assert said == {merged(project(remote), state, base=base, head=head) + "\n"}


def test_what_git_has_thrown_away_is_made_again(remote: Repository, state: StateDirectory):
    base, head = apart(remote, {"new.sql": "select 1"}, {"changed.sql": "select 2"})
    commit = merged(project(remote), state, base=base, head=head)
    shutil.rmtree(state.mirror("shop"))
    assert merged(project(remote), state, base=base, head=head) == commit
    assert ensure_checkout(project(remote), state, commit).tree.is_dir()


def test_a_conflict_names_the_files(remote: Repository, state: StateDirectory):
    names = ("a b.sql", "-x.sql", "two\nlines.sql")
    base, head = apart(remote, dict.fromkeys(names, "1"), dict.fromkeys(names, "2"))
    with pytest.raises(ConflictError) as raised:
        merged(project(remote), state, base=base, head=head)
    assert str(raised.value) == (
        f"commit {head[:12]} can't be merged with its base, commit {base[:12]}: both have changed "
        r"'-x.sql', 'a b.sql', 'two\nlines.sql'; merge the base branch into this one, or rebase "
        "it, and push"
    )


def test_only_twenty_files_of_a_conflict_are_named(remote: Repository, state: StateDirectory):
    names = [f"{number}.sql" for number in range(22)]
    base, head = apart(remote, dict.fromkeys(names, "1"), dict.fromkeys(names, "2"))
    with pytest.raises(ConflictError, match=r"'\d+\.sql' and 2 more; merge the base"):
        merged(project(remote), state, base=base, head=head)


def test_branches_without_a_common_past_are_refused_in_gits_words(
    remote: Repository, state: StateDirectory
):
    base = remote.git("rev-parse", "HEAD")
    remote.git("checkout", "--quiet", "--orphan", "elsewhere")
    head = remote.commit({"other.sql": "select 1"})
    with pytest.raises(GitError, match="refusing to merge unrelated histories"):
        merged(project(remote), state, base=base, head=head)


def test_a_git_that_can_t_merge_without_a_work_tree_is_told_from_a_conflict(
    remote: Repository, state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base, head = apart(remote, {"new.sql": "select 1"}, {"changed.sql": "select 2"})
    old = 'case "$*" in *merge-tree*) exit 129;; version) echo git version 2.31.0; exit;; esac'
    script(tmp_path / "bin" / "git", f'{old}\nexec {shutil.which("git")} "$@"')
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    with pytest.raises(GitError) as raised:
        merged(project(remote), state, base=base, head=head)
    assert str(raised.value) == (
        "merging with the base branch needs git 2.38 or newer, and this is git version 2.31.0; "
        "install a newer one, or set `pull_requests.build: head` of project 'shop'"
    )
