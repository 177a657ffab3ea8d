"""Checkouts of real commits: whole or not there, whoever asks, and whatever is killed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError
from deploy_project.git.checkouts import ensure_checkout, project_directory
from tests.support.deployments.git_repositories import Repository, create, files, project
from tests.support.scripts import first_on_path, log_git, script, written
from tests.support.waiting import PATIENCE

ENSURE = """
import sys
from pathlib import Path
from deploy_project.config.values.deployment import Project
from deploy_project.config.state import StateDirectory
from deploy_project.git.checkouts import ensure_checkout
project = Project("shop", 1, sys.argv[1])
print(ensure_checkout(project, StateDirectory(Path(sys.argv[2])), sys.argv[3]).tree)
"""
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def start(remote: Repository, state: StateDirectory, commit: str) -> subprocess.Popen[bytes]:
    arguments = (str(remote.path), str(state.root), commit)
    return subprocess.Popen([sys.executable, "-c", ENSURE, *arguments], stdout=subprocess.PIPE)


def test_a_checkout_is_the_files_of_its_commit_and_no_repository(
    remote: Repository, state: StateDirectory
):
    first = remote.commit({"models/größe 日本.sql": "select 1", "run.sh": "#!/bin/sh\r\n"})
    second = remote.commit({"models/größe 日本.sql": "select 2"})
    checkout = ensure_checkout(project(remote), state, first)
    assert checkout == state.checkout("shop", first)
    assert files(checkout.tree) == {
        "dbt_project.yml": "name: shop\n",
        "models/größe 日本.sql": "select 1",
        "run.sh": "#!/bin/sh\n",
    }
    assert (checkout.tree / "run.sh").read_bytes() == b"#!/bin/sh\r\n"
    other = ensure_checkout(project(remote), state, second)
    assert (other.tree / "models/größe 日本.sql").read_text() == "select 2"


def test_the_same_yaml_has_the_same_time_in_the_next_checkout(
    remote: Repository, state: StateDirectory
):
    """YAML that had not changed was read again by each command."""
    names = ("models/same.yml", "models/other.yml", "models/same.sql")
    first = ensure_checkout(
        project(remote), state, remote.commit(dict.fromkeys(names, "models: []"))
    )
    for name in names:
        os.utime(first.tree / name, ns=(1_000_000_000, 1_700_000_000_123_456_789))
    second = ensure_checkout(
        project(remote), state, remote.commit({"models/other.yml": "sources: []"})
    )
    times = {name: (second.tree / name).stat().st_mtime_ns for name in names}
    assert times.pop("models/same.yml") == 1_700_000_000_123_456_789
    assert 1_700_000_000_123_456_789 not in times.values()


def test_a_checkout_needs_neither_mirror_nor_remote(remote: Repository, state: StateDirectory):
    commit = remote.git("rev-parse", "HEAD")
    ensure_checkout(project(remote), state, commit)
    shutil.rmtree(remote.path)
    shutil.rmtree(state.mirror("shop"))
    assert files(ensure_checkout(project(remote), state, commit).tree)


def test_only_the_tree_and_its_locks_remain(remote: Repository, state: StateDirectory):
    checkout = ensure_checkout(project(remote), state, remote.git("rev-parse", "HEAD"))
    assert {path.name for path in checkout.root.iterdir()} == {"tree", "lock", "in-use"}
    assert not list(checkout.tree.rglob(".git"))


def test_the_user_s_configuration_does_not_change_files_or_run_hooks(
    remote: Repository, state: StateDirectory, user_config: Path, tmp_path: Path
):
    hooks = tmp_path / "hooks"
    script(hooks / "post-checkout", f"touch {tmp_path}/executed")
    text = f"[core]\n autocrlf = true\n hooksPath = {hooks}\n[init]\n templateDir = {tmp_path}\n"
    commit = remote.commit({"a.sql": "select 1\n"})
    user_config.write_text(text)
    checkout = ensure_checkout(project(remote), state, commit)
    assert (checkout.tree / "a.sql").read_bytes() == b"select 1\n"
    assert not (tmp_path / "executed").exists()


def test_a_commit_of_a_deleted_branch(remote: Repository, state: StateDirectory):
    remote.git("checkout", "--quiet", "-b", "feature")
    commit = remote.commit({"a": "1"})
    remote.git("checkout", "--quiet", "main")
    remote.git("branch", "-D", "feature")
    checkout = ensure_checkout(project(remote), state, commit)
    assert (checkout.tree / "a").read_text() == "1"


@pytest.fixture
def library(tmp_path: Path) -> Repository:
    """A repository `library` beside `remote`, with a submodule of its own."""
    inner = create(tmp_path / "deep" / "inner")
    library = create(tmp_path / "library")
    add_submodule(library, "../deep/inner", "nested", inner.git("rev-parse", "HEAD"))
    return library


def add_submodule(to: Repository, url: str, path: str, commit: str) -> str:
    to.commit({".gitmodules": f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n'})
    to.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    return to.commit({}, "Add submodule")


@pytest.mark.parametrize("relative", [True, False], ids=["relative URL", "absolute URL"])
def test_submodules_are_filled_and_detached(
    remote: Repository, library: Repository, state: StateDirectory, relative: bool
):
    url = "../library" if relative else str(library.path)
    commit = add_submodule(remote, url, "packages/lib", library.git("rev-parse", "HEAD"))
    library.commit({"later": "1"})
    checkout = ensure_checkout(project(remote), state, commit)
    lib = checkout.tree / "packages" / "lib"
    assert {path.name for path in lib.iterdir()} == {".gitmodules", "dbt_project.yml", "nested"}
    assert (lib / "nested" / "dbt_project.yml").is_file()
    assert not list(checkout.tree.rglob(".git"))


def test_a_submodule_that_is_gone_speaks_for_itself(remote: Repository, state: StateDirectory):
    commit = add_submodule(remote, "../gone", "lib", "1" * 40)
    with pytest.raises(GitError, match=r"project 'shop': .*submodule .*\n?.*gone"):
        ensure_checkout(project(remote), state, commit)
    assert not state.checkout("shop", commit).tree.exists()


def test_a_submodule_of_a_hosted_project_can_not_read_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    remote: Repository,
    library: Repository,
    state: StateDirectory,
    tmp_path: Path,
):
    """Whoever may write .gitmodules could have copied any repository of this machine."""
    commit = add_submodule(remote, str(library.path), "lib", library.git("rev-parse", "HEAD"))
    script(tmp_path / "bin" / "ssh", 'for last; do :; done\nexec sh -c "$last"')
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:ssh")
    with pytest.raises(GitError, match="transport 'file' not allowed"):
        ensure_checkout(project(f"ssh://git@host{remote.path}"), state, commit)


def test_files_in_lfs_are_refused(remote: Repository, state: StateDirectory, user_config: Path):
    remote.commit({f"seeds/{n}.csv": POINTER for n in range(7)})
    commit = remote.commit({".gitattributes": "*.csv filter=lfs\n"})
    user_config.write_text('[filter "lfs"]\n required = true\n smudge = echo smudged\n')
    with pytest.raises(GitError) as raised:
        ensure_checkout(project(remote), state, commit)
    assert "Git LFS" in str(raised.value)
    assert "seeds/0.csv, seeds/1.csv, seeds/2.csv, seeds/3.csv, seeds/4.csv and 2 more" in str(
        raised.value
    )
    assert not state.checkout("shop", commit).tree.exists()


def test_files_in_lfs_elsewhere_do_no_harm(
    remote: Repository, state: StateDirectory, user_config: Path
):
    commit = remote.commit(
        {
            "logo.png": POINTER,
            "dbt/dbt_project.yml": "name: x",
            "dbt/note.md": f"A file reads:\n{POINTER}",
            ".gitattributes": "*.png filter=lfs\n",
        }
    )
    user_config.write_text('[filter "lfs"]\n required = true\n smudge = echo smudged\n')
    checkout = ensure_checkout(project(remote, "dbt"), state, commit)
    assert (checkout.tree / "logo.png").read_text() == POINTER


def test_the_project_may_lie_in_a_subdirectory(remote: Repository, state: StateDirectory):
    commit = remote.commit({"data/dbt/dbt_project.yml": "name: x"})
    of = project(remote, "data/dbt")
    checkout = ensure_checkout(of, state, commit)
    assert project_directory(checkout, of) == checkout.tree / "data" / "dbt"
    assert project_directory(checkout, project(remote)) == checkout.tree


def test_a_wrong_subdirectory_is_told_with_the_right_ones(
    remote: Repository, state: StateDirectory
):
    names = ("a/dbt_project.yml", "b/c/d/dbt_project.yml", "b/c/d/e/dbt_project.yml")
    commit = remote.commit(dict.fromkeys(names, "name: x"))
    of = project(remote, "analytics")
    with pytest.raises(GitError) as raised:
        project_directory(ensure_checkout(of, state, commit), of)
    assert str(raised.value) == (
        f"there is no dbt_project.yml in directory 'analytics' of commit {commit} of "
        f"{remote.path}; directories up to 3 levels deep that contain one: '.', 'a', 'b/c/d'; "
        "set `subdirectory` of project 'shop'"
    )


@pytest.mark.parametrize(
    ("link", "target", "subdirectory"),
    [
        ("dbt", "/etc", "dbt"),
        ("dbt", "../../../..", "dbt/x"),
        ("x/dbt_project.yml", "/etc/passwd", "x"),
        ("unrelated", "x", "../.."),
        ("unrelated", "x", "/etc"),
    ],
)
def test_a_project_directory_outside_of_the_checkout_is_refused(
    remote: Repository, state: StateDirectory, link: str, target: str, subdirectory: str
):
    path = remote.path / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    remote.git("add", link)
    of = project(remote, subdirectory)
    checkout = ensure_checkout(of, state, remote.commit({}))
    with pytest.raises(GitError, match="leads out of the repository, to"):
        project_directory(checkout, of)


def test_links_in_a_circle_are_no_project(remote: Repository, state: StateDirectory):
    (remote.path / "dbt").symlink_to("dbt")
    remote.git("add", "dbt")
    of = project(remote, "dbt")
    checkout = ensure_checkout(of, state, remote.commit({}))
    with pytest.raises(GitError, match=r"no dbt_project\.yml in directory 'dbt'"):
        project_directory(checkout, of)


def test_a_link_inside_the_repository_is_followed(remote: Repository, state: StateDirectory):
    (remote.path / "dbt").symlink_to("real")
    remote.git("add", "dbt")
    commit = remote.commit({"real/dbt_project.yml": "name: x"})
    of = project(remote, "dbt")
    checkout = ensure_checkout(of, state, commit)
    assert project_directory(checkout, of) == checkout.tree / "dbt"


def test_eight_processes_make_one_checkout(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, state: StateDirectory, tmp_path: Path
):
    commit = remote.commit({f"models/{n}.sql": "select 1" for n in range(20)})
    log = log_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    processes = [start(remote, state, commit) for _ in range(8)]
    printed = [process.communicate(timeout=PATIENCE)[0].decode().strip() for process in processes]
    tree = state.checkout("shop", commit).tree
    assert printed == [str(tree)] * 8
    assert len(files(tree)) == 21
    ran = log.read_text().splitlines()
    assert sum(" fetch " in line for line in ran) == 1
    assert sum(" checkout " in line for line in ran) == 1
    assert {path.name for path in tree.parent.iterdir()} == {"tree", "lock", "in-use"}


@pytest.mark.parametrize("git_dies_too", [True, False], ids=["with git", "git lives on"])
@pytest.mark.parametrize("same", [True, False], ids=["same commit", "another commit"])
def test_kill_9_in_the_middle_of_a_checkout(
    remote: Repository,
    state: StateDirectory,
    tmp_path: Path,
    user_config: Path,
    same: bool,
    git_dies_too: bool,
):
    pid = tmp_path / "pid"
    script(tmp_path / "slow", f"echo $$ > {pid}\nexec sleep 60")
    commit = remote.commit({"a.sql": "1", "z.sql": "2", ".gitattributes": "z.sql filter=slow\n"})
    user_config.write_text(f'[filter "slow"]\n smudge = {tmp_path}/slow\n')
    process = start(remote, state, commit)
    group = os.getpgid(int(written(pid)))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    root = state.checkout("shop", commit).root
    try:
        if git_dies_too:
            os.killpg(group, signal.SIGKILL)
        user_config.write_text("")
        (left,) = root.glob("making-*")
        assert (left / "tree" / "a.sql").is_file()
        wanted = commit if same else remote.commit({"b.sql": "3"})
        checkout = ensure_checkout(project(remote), state, wanted)
    finally:
        if not git_dies_too:
            os.killpg(group, signal.SIGKILL)
    assert (checkout.tree / "z.sql").read_text() == "2"
    assert not left.exists()
    assert root.exists() is same
