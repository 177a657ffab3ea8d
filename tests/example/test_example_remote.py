from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import deploy_project.example
from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote, working_copy
from deploy_project.git.command import git
from tests.support.deployments.git_repositories import heads

EMBEDDED = Path(deploy_project.example.__file__).parent / "dbt"
HOSTILE = """
[core]
    autocrlf = true
    excludesFile = {home}/ignored
    attributesFile = {home}/attributes
    hooksPath = {home}/hooks
[commit]
    gpgSign = true
[i18n]
    commitEncoding = ISO-8859-1
[init]
    templateDir = {home}/template
    defaultBranch = trunk
[safe]
    bareRepository = explicit
[user]
    name = Somebody Else
"""


def test_the_remote_has_a_history_on_both_branches(state: StateDirectory):
    remote = make_remote(state)
    assert remote == state.root / "example" / "shop.git"
    assert git("symbolic-ref", "HEAD", cwd=remote) == "refs/heads/main"
    assert git("log", "--reverse", "--format=%an: %s", "main", cwd=remote).splitlines() == [
        "Ana Brandt: Load the raw data and stage them",
        "Ana Brandt: Add the marts, with the reference data they need",
        "Ana Brandt: Test and document the marts, keep the prices of before",
    ]
    found = heads(remote)
    assert list(found) == ["refs/heads/main", "refs/heads/staging"]
    assert len(set(found.values())) == 1


def test_the_last_commit_holds_every_embedded_file_as_it_is(state: StateDirectory, tmp_path: Path):
    git("clone", "--quiet", str(make_remote(state)), "clone", cwd=tmp_path)

    def files(directory: Path) -> dict[str, bytes]:
        paths = (path for path in directory.rglob("*") if path.is_file())
        named = {path.relative_to(directory).as_posix(): path for path in paths}
        return {n: p.read_bytes() for n, p in named.items() if not n.startswith(".git/")}

    assert files(tmp_path / "clone") == files(EMBEDDED)


def test_the_commits_do_not_depend_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain = make_remote(StateDirectory(tmp_path / "plain"))
    home = tmp_path / "home"
    (home / "template" / "hooks").mkdir(parents=True)
    (home / ".gitconfig").write_text(HOSTILE.format(home=home))
    (home / "ignored").write_text("*.csv\n")
    (home / "attributes").write_text("*.sql text eol=crlf ident\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    hostile = make_remote(StateDirectory(tmp_path / "hostile"))
    monkeypatch.undo()
    assert heads(hostile) == heads(plain)


def test_a_remote_that_is_there_is_left_alone(state: StateDirectory):
    remote = make_remote(state)
    git("update-ref", "refs/heads/main", "main~1", cwd=remote)
    before = heads(remote)
    assert make_remote(state) == remote
    assert heads(remote) == before


def test_many_processes_may_make_it_at_once(state: StateDirectory):
    with ThreadPoolExecutor(4) as pool:
        made = {future.result() for future in [pool.submit(make_remote, state) for _ in range(4)]}
    assert made == {state.root / "example" / "shop.git"}
    assert [path.name for path in (state.root / "example").iterdir()] == ["shop.git"]


def test_a_commit_of_the_working_copy_can_be_pushed(state: StateDirectory):
    copy = working_copy(state)
    readme = copy / "README.md"
    readme.write_text("# ours\n")
    git("commit", "--quiet", "--all", "--message", "Make it ours", cwd=copy)
    git("push", "--quiet", cwd=copy)
    assert git("show", "main:README.md", cwd=make_remote(state)) == "# ours"
    readme.write_text("not committed")
    assert working_copy(state) == copy
    assert readme.read_text() == "not committed"
