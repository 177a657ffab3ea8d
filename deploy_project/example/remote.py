"""The example's git remote and a clone of it to work in, made from the embedded dbt project."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from deploy_project.config.state import StateDirectory
from deploy_project.git.command import git

_AUTHOR = ("Ana Brandt", "ana@shop.example")


@dataclass(frozen=True)
class _Change:
    """One commit, with the paths in the dbt project that it adds."""

    message: str
    date: str
    paths: tuple[str, ...]


_HISTORY = (
    _Change(
        "Load the raw data and stage them",
        "2026-03-02T09:15:00Z",
        (".gitignore", "dbt_project.yml", "profiles.yml", "macros", "raw", "models/staging"),
    ),
    _Change(
        "Add the marts, with the reference data they need",
        "2026-03-03T14:40:00Z",
        (
            "seeds/*.csv",
            "models/intermediate/*.sql",
            "models/marts/*.sql",
            "models/marts/_groups.yml",
        ),
    ),
    _Change(
        "Test and document the marts, keep the prices of before", "2026-03-05T10:05:00Z", (".",)
    ),
)

# The user's own git configuration must change neither the files nor the commits: equal everywhere.
_PLAIN = (
    *("-c", "core.autocrlf=false", "-c", "core.fileMode=false", "-c", "core.excludesFile="),
    *("-c", "core.attributesFile=", "-c", "i18n.commitEncoding=UTF-8"),
)


def make_remote(state: StateDirectory) -> Path:
    """Return the bare repository of the example, made unless it is there.

    Its branches `main` and `staging` have the same commits on every machine. Raises `ConfigError`
    when the state directory can't be written, `GitError` with git's own words.
    """
    state.prepare()
    return _made(state.root / "example" / "shop.git", _fill_remote)


def working_copy(state: StateDirectory) -> Path:
    """Return a clone of the example's remote to edit and push from, made unless it is there."""
    remote = make_remote(state)
    return _made(state.root / "example" / "shop", partial(clone, remote))


def clone(remote: Path, directory: Path, *options: str) -> None:
    """Clone `remote` into `directory`, with an author for its commits."""
    git("clone", "--quiet", "--template=", *options, "--", str(remote), str(directory), cwd=remote)
    name, email = _AUTHOR
    git("config", "user.name", name, cwd=directory)
    git("config", "user.email", email, cwd=directory)


def _made(final: Path, fill: Callable[[Path], None]) -> Path:
    """Return `final`, filled beside its place and renamed into it unless it is there."""
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".making-") as scratch:
        beside = Path(scratch) / final.name
        beside.mkdir()
        fill(beside)
        try:
            beside.rename(final)
        except OSError:
            if not final.is_dir():  # losing the race is fine, any other failure is not
                raise
    return final


def _fill_remote(repository: Path) -> None:
    options = ("--template=", "--initial-branch=main", "--object-format=sha1")
    git("init", "--quiet", "--bare", *options, cwd=repository)
    commit = ""
    for change in _HISTORY:
        commit = _commit(repository, change, parent=commit)
    for branch in ("main", "staging"):
        _git(repository, "update-ref", f"refs/heads/{branch}", commit)
    (repository / "index").unlink()


def _commit(repository: Path, change: _Change, *, parent: str) -> str:
    """Add the paths of `change` to those of `parent`, and return the new commit."""
    _git(repository, "add", "--", *change.paths)
    tree = _git(repository, "write-tree")
    parents = ("-p", parent) if parent else ()
    name, email = _AUTHOR
    who = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": change.date,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": change.date,
    }
    return _git(repository, "commit-tree", tree, *parents, "-m", change.message, env=who)


def _git(repository: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run git on `repository` with the embedded project as its work tree."""
    files = Path(str(resources.files("deploy_project"))) / "example" / "dbt"
    here = (f"--git-dir={repository}", f"--work-tree={files}")
    return git(*_PLAIN, *here, *arguments, cwd=files, env=env)
