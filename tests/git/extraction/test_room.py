"""Commits of few objects that are any number of files: refused before one of them is written."""

import subprocess
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.extraction import room
from tests.support.deployments.git_repositories import Repository, create, files, project
from tests.support.scripts import first_on_path, log_git

pytestmark = pytest.mark.slow


def written_tree(repository: Repository, lines: list[str]) -> str:
    """The tree with the entries `lines`, as `git ls-tree` shows them."""
    command = ["git", "mktree"]
    text = "".join(f"{line}\n" for line in lines).encode()
    made = subprocess.run(command, cwd=repository.path, input=text, check=True, capture_output=True)
    return made.stdout.decode().strip()


def bomb(repository: Repository, *, levels: int, empty: bool = False) -> str:
    """A commit of `levels` of ten directories that are alike each, with ten files in the last."""
    (repository.path / "x").write_text("x" * 1000, encoding="utf-8")
    blob = repository.git("hash-object", "-w", "x")
    tree = written_tree(
        repository, [] if empty else [f"100644 blob {blob}\tf{n}" for n in range(10)]
    )
    for _ in range(levels):
        tree = written_tree(repository, [f"040000 tree {tree}\td{n}" for n in range(10)])
    own = repository.git("ls-tree", "HEAD").splitlines()
    top = written_tree(repository, [*own, f"040000 tree {tree}\tbomb"])
    commit = repository.git("commit-tree", top, "-p", "HEAD", "-m", "Bomb")
    repository.git("branch", "--force", "bomb", commit)
    return commit


@pytest.fixture(autouse=True)
def thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a checkout hold a thousand files."""
    monkeypatch.setattr(room, "MOST_FILES", 1_000)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The arguments of each git that runs."""
    log = log_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    return log


def runs(log: Path, command: str) -> int:
    return sum(f" {command} " in line for line in log.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("empty", [False, True], ids=["of files", "of empty directories"])
@pytest.mark.parametrize("is_stranger", [False, True], ids=["branch", "pull request"])
def test_a_commit_of_too_many_files_is_not_checked_out(
    remote: Repository, state: StateDirectory, log: Path, empty: bool, is_stranger: bool
):
    """Twenty objects of git were 111,124 files, and each level more ten times as many."""
    trusted = remote.git("rev-parse", "HEAD") if is_stranger else None
    commit = bomb(remote, levels=4, empty=empty)
    with pytest.raises(GitError) as raised:
        ensure_checkout(project(remote), state, commit, trusted=trusted)
    assert str(raised.value) == (
        f"commit {commit} of project 'shop' has more than 1,000 files and directories, its "
        "submodules included, and is not checked out; remove what dbt does not need from it, or "
        "keep that in another repository"
    )
    assert {path.name for path in state.checkout("shop", commit).root.iterdir()} == {"lock"}
    assert runs(log, "checkout") == 0


def test_a_commit_of_too_many_bytes_is_not_checked_out(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, state: StateDirectory, log: Path
):
    monkeypatch.setattr(room, "MOST_BYTES", 2**19)
    commit = remote.commit({"zeros.csv": b"0" * (2**19 + 1)})
    with pytest.raises(GitError, match=rf"commit {commit} .* more than 0\.000488281 GiB of files"):
        ensure_checkout(project(remote), state, commit)
    assert runs(log, "checkout") == 0


def test_a_commit_that_fits_just_so_is_counted_once(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, state: StateDirectory, log: Path
):
    commit = remote.commit({"größe/a b\n.sql": "123"})
    monkeypatch.setattr(room, "MOST_FILES", 3)
    monkeypatch.setattr(room, "MOST_BYTES", len("name: shop\n123"))
    for _ in range(2):
        assert len(files(ensure_checkout(project(remote), state, commit).tree)) == 2
    assert runs(log, "ls-tree") == 1
    for name, least in {"MOST_FILES": 2, "MOST_BYTES": len("name: shop\n123") - 1}.items():
        with monkeypatch.context() as less:
            less.setattr(room, name, least)
            with pytest.raises(GitError, match="has more than"):
                room.Room("It").take(remote.path, commit)


def with_submodules(to: Repository, *, of: Repository, names: list[str], more: str = "") -> str:
    """A commit of `to` that has `of` as a submodule by each of the `names`."""
    quoted = [name.replace("\\", "\\\\").replace('"', '\\"') for name in names]
    to.commit(
        {
            ".gitmodules": "".join(
                f'[submodule "{name}"]\n\tpath = sub/{n}\n\turl = {of.path}\n{more}'
                for n, name in enumerate(quoted)
            )
        }
    )
    commit = of.git("rev-parse", "HEAD")
    for n in range(len(names)):
        to.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub/{n}")
    return to.commit({}, "Add submodules")


@pytest.mark.parametrize("measured_by", ["nothing", "without it", "with it"])
@pytest.mark.parametrize("name", ["a", "a=b", 'a"b\\c', "a.update"])
def test_a_submodule_is_counted_before_it_is_written(
    remote: Repository,
    state: StateDirectory,
    tmp_path: Path,
    user_config: Path,
    name: str,
    measured_by: str,
):
    library, log = create(tmp_path / "library"), tmp_path / "written"
    library.commit({".gitattributes": "* filter=noted\n"})
    small, large = bomb(library, levels=1), bomb(library, levels=2)
    library.git("branch", "small", small)
    first = remote.git("rev-parse", "HEAD")
    library.git("reset", "--quiet", "--hard", small)
    fits = with_submodules(remote, of=library, names=[name])
    library.git("reset", "--quiet", "--soft", large)
    too_large = with_submodules(remote, of=library, names=[name])
    user_config.write_text(f'[filter "noted"]\n smudge = "echo >> {log}; cat"\n')
    trusted = {"nothing": None, "without it": first, "with it": fits}[measured_by]
    checkout = ensure_checkout(project(remote), state, fits, trusted=trusted)
    assert len(files(checkout.tree / "sub" / "0")) == 102
    assert log.exists() == (measured_by != "without it"), "with nobody's configuration"
    log.unlink(missing_ok=True)
    with pytest.raises(GitError, match=rf"commit {too_large} .* more than 1,000 files"):
        ensure_checkout(project(remote), state, too_large, trusted=trusted)
    assert not state.checkout("shop", too_large).tree.exists()
    assert not log.exists(), "a file of it was written"


def test_the_submodules_are_counted_together_also_those_inside_of_others(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, state: StateDirectory, tmp_path: Path
):
    inner, outer = create(tmp_path / "inner"), create(tmp_path / "outer")
    with_submodules(outer, of=inner, names=["x", "y"])
    commit = with_submodules(remote, of=outer, names=["x", "y"])
    # Each outer one: its two files, a directory, two submodules with a file each.
    monkeypatch.setattr(room, "MOST_FILES", 5 + 2 * 7)
    with monkeypatch.context() as less:
        less.setattr(room, "MOST_FILES", 5 + 2 * 7 - 1)
        with pytest.raises(GitError, match="more than 18 files and directories"):
            ensure_checkout(project(remote), state, commit)
    checkout = ensure_checkout(project(remote), state, commit)
    assert (checkout.tree / "sub/1/sub/1/dbt_project.yml").is_file()
    assert not list(checkout.tree.rglob(".git"))


def test_a_submodule_that_says_so_is_left_out(
    remote: Repository, state: StateDirectory, tmp_path: Path
):
    library = create(tmp_path / "library")
    more = "\tupdate = none\n"
    commit = with_submodules(remote, of=library, names=["x"], more=more)
    assert files(ensure_checkout(project(remote), state, commit).tree / "sub" / "0") == {}
