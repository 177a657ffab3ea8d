"""The extraction of a commit's files from the mirror: counted before, Git LFS refused after."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.command import git
from deploy_project.git.extraction.room import Room
from deploy_project.git.extraction.submodules import CHECK_OUT, add_submodules
from deploy_project.git.mirror import object_format

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_POINTER_SIZE = 1024
_SHOWN = 5


def extract(
    project: Project, mirror: Path, commit: str, *, into: Path, trusted: str | None = None
) -> None:
    """Fill the new directory `into` with plain files that need neither git nor the mirror.

    `trusted` is the commit that a stranger's one is measured by: submodules that it does not name
    are fetched without credentials.

    Raises `GitError` when there are too many files or bytes, when a submodule can't be fetched, or
    when files of the dbt project are Git LFS pointers: dbt would load the pointer's text as if it
    were the data.
    """
    room = Room(f"commit {commit} of project {project.name!r}")
    submodules = room.take(mirror, commit, "--git-dir=.")
    into.mkdir()
    git("init", "--quiet", "--template=", object_format(commit), cwd=into)
    alternates = into / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{mirror / 'objects'}\n", encoding="utf-8")
    git(*CHECK_OUT, commit, cwd=into)
    if (into / ".gitmodules").is_file():
        add_submodules(project, into, submodules, room=room, trusted=trusted)
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
