"""The extraction of a commit's files from the mirror, submodules included, Git LFS refused."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.command import git, protocols
from deploy_project.git.credentials import git_for, nobody
from deploy_project.git.mirror import FETCH_TIMEOUT, object_format

# The files of a commit are the same for everybody, whatever the user's own git does with them.
_PLAIN = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"),
    *("-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),  # no process that outlives its git
)
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_POINTER_SIZE = 1024
_SHOWN = 5


def extract(
    project: Project, mirror: Path, commit: str, *, into: Path, trusted: str | None = None
) -> None:
    """Fill the new directory `into` with plain files that need neither git nor the mirror.

    `trusted` is the commit that a stranger's one is measured by: submodules that it does not name
    are fetched without credentials.

    Raises `GitError` when a submodule can't be fetched, or when files of the dbt project are
    Git LFS pointers: dbt would load the pointer's text as if it were the data.
    """
    into.mkdir()
    git("init", "--quiet", "--template=", object_format(commit), cwd=into)
    alternates = into / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{mirror / 'objects'}\n", encoding="utf-8")
    git(*_PLAIN, "checkout", "--quiet", "--detach", "--force", commit, cwd=into)
    if (into / ".gitmodules").is_file():
        _add_submodules(project, into, trusted)
    _remove_git_directories(into)
    _refuse_pointers(project, commit, into)


def keep_times(tree: Path, before: Path) -> None:
    """Give the YAML files that another tree has, too, the modification times that they have there.

    dbt reads one again when its time is another than in the parse that it starts from.
    """
    for parent, _, names in os.walk(tree):
        for file in (Path(parent) / each for each in names if each.endswith((".yml", ".yaml"))):
            other = before / file.relative_to(tree)
            with suppress(OSError):
                known = other.lstat()
                is_alike = stat.S_ISREG(known.st_mode) and not file.is_symlink()
                if is_alike and file.read_bytes() == other.read_bytes():
                    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))


def _add_submodules(project: Project, tree: Path, trusted: str | None) -> None:
    url = project.repository
    local = url.startswith(("/", "file:"))
    # An author of .gitmodules must not read other repositories of this machine.
    allowed = [name for name in protocols() if local or name != "file"]
    git("config", "remote.origin.url", url, cwd=tree)  # the base of relative URLs
    arguments = (*_PLAIN, "submodule", "--quiet", "update", "--progress", "--init", "--recursive")
    env = {"GIT_ALLOW_PROTOCOL": ":".join(allowed)}
    if trusted is None:
        git_for(project, *arguments, cwd=tree, timeout=FETCH_TIMEOUT, env=env)
        return
    known = {url for _, url in _submodules(tree, trusted)}
    named = _submodules(tree, "HEAD")
    paths = [path for path, url in named if url in known]
    if paths:
        git_for(project, *arguments, "--", *paths, cwd=tree, timeout=FETCH_TIMEOUT, env=env)
    if len(paths) < len(named):
        git(*arguments, cwd=tree, timeout=FETCH_TIMEOUT, env={**env, **nobody()})


def _submodules(tree: Path, commit: str) -> list[tuple[str, str]]:
    """Return the path and the address of each submodule that a commit's `.gitmodules` names."""
    query = ("config", "-z", "--blob", f"{commit}:.gitmodules", "--get-regexp", r"\.(path|url)$")
    found: dict[str, dict[str, str]] = {}
    try:
        answer = git(*query, cwd=tree)
    except GitError:  # it has none
        return []
    for entry in filter(None, answer.split("\0")):
        key, _, value = entry.partition("\n")
        name, _, what = key.rpartition(".")
        found.setdefault(name, {})[what] = value
    return [(each["path"], each["url"]) for each in found.values() if len(each) == 2]


def _remove_git_directories(tree: Path) -> None:
    """Remove `.git` at the root, and the `.git` files of submodules, which point into it."""
    shutil.rmtree(tree / ".git")
    for directory, _, files in os.walk(tree):
        if ".git" in files:
            (Path(directory) / ".git").unlink()


def _refuse_pointers(project: Project, commit: str, tree: Path) -> None:
    directory = Path(os.path.realpath(tree / project.subdirectory))
    if not directory.is_relative_to(tree.resolve()):
        return  # `project_directory` refuses it
    found = sorted(str(path.relative_to(tree.resolve())) for path in _pointers(directory))
    if found:
        shown = ", ".join(found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise GitError(
            f"commit {commit} of project {project.name!r} keeps files in Git LFS, which is not "
            f"supported: {shown}{more}; store them in git itself (`git lfs migrate export "
            "--include=<files>`), or load them into the warehouse in another way"
        )


def _pointers(directory: Path) -> Iterator[Path]:
    for parent, _, files in os.walk(directory):
        for path in (Path(parent) / name for name in files):
            if not path.is_symlink() and path.stat().st_size < _POINTER_SIZE:
                with path.open("rb") as file:
                    if file.read(len(_POINTER)) == _POINTER:
                        yield path
