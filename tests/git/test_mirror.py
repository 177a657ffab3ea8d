"""The mirror grows by what is missing, and survives everything that is done to it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.command import git
from deploy_project.git.mirror import between, described, ensure_commit, one_line
from tests.support.deployments.git_repositories import Repository, create, project
from tests.support.scripts import first_on_path, log_git, script, written

ENSURE = """
import sys
from pathlib import Path
from deploy_project.config.values.deployment import Project
from deploy_project.config.state import StateDirectory
from deploy_project.git.mirror import ensure_commit
ensure_commit(Project("shop", 1, sys.argv[1]), StateDirectory(Path(sys.argv[2])), sys.argv[3])
"""


def kind(mirror: Path, commit: str) -> str:
    return git("--git-dir=.", "cat-file", "-t", commit, cwd=mirror)


def config(mirror: Path) -> str:
    return (mirror / "config").read_text()


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Log every git command from now on; return the log."""
    log = log_git(tmp_path / "bin")
    log.touch()
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    return log


def count(log: Path) -> int:
    return sum(" fetch " in line for line in log.read_text().splitlines())


def test_a_commit_is_fetched_once(remote: Repository, state: StateDirectory, fetches: Path):
    first = remote.git("rev-parse", "HEAD")
    mirror = ensure_commit(project(remote), state, first)
    assert mirror == state.mirror("shop")
    assert ensure_commit(project(remote), state, first) == mirror
    assert count(fetches) == 1
    second = remote.commit({"a": "1"})
    ensure_commit(project(remote), state, second)
    assert kind(mirror, second) == "commit"
    assert count(fetches) == 2


def test_a_commit_that_is_there_needs_no_remote(remote: Repository, state: StateDirectory):
    commit = remote.git("rev-parse", "HEAD")
    ensure_commit(project(remote), state, commit)
    shutil.rmtree(remote.path)
    assert ensure_commit(project(remote), state, commit).is_dir()


def test_a_forced_push_leaves_the_old_commit(
    remote: Repository, state: StateDirectory, user_config: Path
):
    """Git's own housekeeping after a fetch removed commits that a run was about to build."""
    user_config.write_text(
        "[gc]\n auto = 1\n autoPackLimit = 1\n autoDetach = false\n pruneExpire = now\n"
        "[fetch]\n unpackLimit = 1\n"
    )
    old = remote.commit({"a": "1"})
    mirror = ensure_commit(project(remote), state, old)
    remote.git("reset", "--quiet", "--hard", "HEAD~1")
    for change in ("2", "3"):
        new = remote.commit({"a": change})
        ensure_commit(project(remote), state, new)
        assert kind(mirror, old) == kind(mirror, new) == "commit"


def test_a_branch_may_become_a_folder_of_branches(remote: Repository, state: StateDirectory):
    remote.git("branch", "team")
    mirror = ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    remote.git("branch", "-D", "team")
    remote.git("checkout", "--quiet", "-b", "team/ü")
    commit = remote.commit({"a": "1"})
    ensure_commit(project(remote), state, commit)
    branches = git("--git-dir=.", "for-each-ref", "--format=%(refname)", "refs/heads", cwd=mirror)
    assert branches.split("\n") == ["refs/heads/main", "refs/heads/team/ü"]


def test_a_moved_tag_is_followed(remote: Repository, state: StateDirectory):
    remote.git("tag", "production")
    ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    remote.git("checkout", "--quiet", "--detach")
    commit = remote.commit({"a": "1"})
    remote.git("tag", "--force", "production")
    mirror = ensure_commit(project(remote), state, commit)
    assert git("--git-dir=.", "rev-parse", "refs/tags/production", cwd=mirror) == commit


def test_a_commit_in_no_branch_is_fetched_by_its_id(remote: Repository, state: StateDirectory):
    remote.git("checkout", "--quiet", "--detach")
    commit = remote.commit({"a": "1"})
    remote.git("update-ref", "refs/pull/1/head", commit)
    remote.git("checkout", "--quiet", "main")
    mirror = ensure_commit(project(remote), state, commit)
    assert kind(mirror, commit) == "commit"


def test_a_commit_that_nobody_has_is_refused_in_git_s_words(
    remote: Repository, state: StateDirectory
):
    with pytest.raises(GitError, match=r"in no branch or tag of .*push it .*not our ref 1{40}"):
        ensure_commit(project(remote), state, "1" * 40)


@pytest.mark.parametrize(
    "text", ["main", "abc1234", "A" * 40, "../" * 13 + "a", "-" + "a" * 39, "a" * 40 + "\n", ""]
)
def test_only_a_full_commit_id_is_taken(remote: Repository, state: StateDirectory, text: str):
    with pytest.raises(GitError, match="is not a full commit id"):
        ensure_commit(project(remote), state, text)
    assert not state.root.exists()


def test_the_repository_may_move(remote: Repository, state: StateDirectory):
    ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    moved = Repository(remote.path.rename(remote.path.with_name("moved")))
    commit = moved.commit({"a": "1"})
    mirror = ensure_commit(project(moved), state, commit)
    assert str(moved.path) not in config(mirror)
    assert str(remote.path) not in config(mirror)


def test_a_repository_with_long_ids(tmp_path: Path, state: StateDirectory):
    remote = create(tmp_path / "sha256", "--object-format=sha256")
    commit = remote.git("rev-parse", "HEAD")
    assert len(commit) == 64
    assert kind(ensure_commit(project(remote), state, commit), commit) == "commit"


def test_a_user_who_forbids_implicit_bare_repositories(
    remote: Repository, state: StateDirectory, user_config: Path
):
    user_config.write_text("[safe]\n bareRepository = explicit\n")
    ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))


def test_a_damaged_mirror_in_the_user_s_repository_leaves_that_alone(
    remote: Repository, tmp_path: Path
):
    """Damage made git go up from the mirror and fetch into the repository around `.deploy`."""
    outer = create(tmp_path / "outer")
    before = outer.git("for-each-ref")
    state = StateDirectory(outer.path / ".deploy")
    state.mirror("shop").mkdir(parents=True)
    with pytest.raises(GitError, match="not a git repository"):
        ensure_commit(project(remote), state, remote.commit({"a": "1"}))
    assert outer.git("for-each-ref") == before


def test_locks_of_a_killed_git_do_not_block(remote: Repository, state: StateDirectory):
    remote.git("branch", "feature")
    mirror = ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    git("--git-dir=.", "pack-refs", "--all", cwd=mirror)
    remote.git("branch", "-D", "feature")
    commit = remote.commit({"a": "1"})
    pack = mirror / "objects" / "pack" / "tmp_pack_AbCdEf"
    for left in (
        *(mirror / "packed-refs.lock", mirror / "packed-refs.new"),
        *(mirror / "refs" / "heads" / "main.lock", mirror / "HEAD.lock", pack),
    ):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.touch()
    ensure_commit(project(remote), state, commit)
    assert kind(mirror, commit) == "commit"
    assert not pack.exists()


def test_a_fragment_of_a_commit_is_not_taken_for_it(remote: Repository, state: StateDirectory):
    """A fetch killed while it unpacked left the commit's object without its files."""
    mirror = ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    commit = remote.commit({"a": "1"})
    place = Path("objects", commit[:2], commit[2:])
    (mirror / place).parent.mkdir(exist_ok=True)
    shutil.copy(remote.path / ".git" / place, mirror / place)
    assert kind(mirror, commit) == "commit"
    ensure_commit(project(remote), state, commit)
    assert git("--git-dir=.", "show", f"{commit}:a", cwd=mirror) == "1"


def test_a_mirror_killed_while_it_was_made_is_cleared(remote: Repository, state: StateDirectory):
    left = state.mirror("shop").with_name(".making-abc")
    left.mkdir(parents=True)
    (left / "mirror.git").mkdir()
    ensure_commit(project(remote), state, remote.git("rev-parse", "HEAD"))
    assert not left.exists()


def test_concurrent_calls_fetch_once(remote: Repository, state: StateDirectory, fetches: Path):
    commit = remote.git("rev-parse", "HEAD")
    of: Project = project(remote)
    threads = [threading.Thread(target=ensure_commit, args=(of, state, commit)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kind(state.mirror("shop"), commit) == "commit"
    assert count(fetches) == 1


@pytest.mark.parametrize("git_dies_too", [True, False], ids=["with git", "git lives on"])
def test_kill_9_in_the_middle_of_a_fetch(
    remote: Repository, state: StateDirectory, tmp_path: Path, user_config: Path, git_dies_too: bool
):
    commit = remote.commit({f"models/{n}.sql": os.urandom(2000).hex() for n in range(50)})
    pid = tmp_path / "pid"
    script(tmp_path / "hook", f'"$@" | head -c 5000\necho $$ > {pid}\nexec sleep 60')
    user_config.write_text(f"[uploadpack]\n packObjectsHook = {tmp_path}/hook\n")
    arguments = (str(remote.path), str(state.root), commit)
    process = subprocess.Popen([sys.executable, "-c", ENSURE, *arguments])
    group = os.getpgid(int(written(pid)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        if git_dies_too:
            os.killpg(group, signal.SIGKILL)
        user_config.write_text("")
        assert kind(ensure_commit(project(remote), state, commit), commit) == "commit"
    finally:
        if not git_dies_too:
            os.killpg(group, signal.SIGKILL)
    git("--git-dir=.", "fsck", "--strict", cwd=state.mirror("shop"))


def test_a_commit_is_described_on_one_line(remote: Repository, state: StateDirectory):
    """A subject may hold what clears a terminal, or leads a reader from right to left."""
    commit = remote.commit({"a": "1"}, "Drop \x1b[2Jall\u202e of it\n\nThe body.")
    ensure_commit(project(remote), state, commit)
    found = described(project(remote), state, commit)
    assert found is not None
    assert (found.subject, found.author) == ("Drop [2Jall of it", "Ana")


def test_a_commit_that_is_not_here_has_no_description(remote: Repository, state: StateDirectory):
    commit = remote.commit({"a": "1"})
    assert described(project(remote), state, commit) is None
    ensure_commit(project(remote), state, commit)
    assert described(project(remote), state, "0" * 40) is None
    assert described(project(remote), state, "--output=x") is None


def test_commits_between_two_are_the_newest_first(remote: Repository, state: StateDirectory):
    """A subject may hold anything, such as what parts fields and lines for programs."""
    of = project(remote)
    first = remote.commit({"a": "1"})
    second = remote.commit({"a": "2"}, "Second\x1e\u2028one")
    third = remote.commit({"a": "3"}, "Third")
    assert between(of, state, earlier=first, later=third, limit=9) == []
    ensure_commit(of, state, third)
    found = between(of, state, earlier=first, later=third, limit=9)
    assert [(commit, each.subject) for commit, each in found] == [
        (third, "Third"),
        (second, "Second one"),
    ]
    assert len(between(of, state, earlier=first, later=third, limit=1)) == 1
    assert between(of, state, earlier="--output=x", later=third, limit=9) == []
    assert between(of, state, earlier="0" * 40, later=third, limit=9) == []
    assert between(of, state, earlier="", later=third, limit=9) == []


def test_a_long_text_is_cut():
    assert one_line("x" * 201) == "x" * 199 + "…"
    assert one_line("x" * 200) == "x" * 200
