"""The bounds of a checkout: git counts a commit's files and bytes before any of them is written."""

from pathlib import Path

from deploy_project.errors import GitError
from deploy_project.git.command import listen

MOST_FILES = 100_000
"""Files and directories; the largest dbt projects have some ten thousand. Directories that are
alike are one object of git: a few kilobytes that somebody pushes are as many files as they like."""
MOST_BYTES = 4 * 1024**3
"""A gigabyte of zeros is one megabyte in git; the disk is that of production's history, too."""
_SUBMODULE = b"160000"


class Room:
    """The files and bytes that one checkout may still have, its submodules included.

    `what` names the commit, and begins the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._files, self._bytes = MOST_FILES, MOST_BYTES

    def take(self, repository: Path, commit: str, *options: str) -> dict[str, str]:
        """Take the room for `commit` of `repository`; return the commits of its submodules by path.

        `options` are git's own. Raises `GitError` when there is not so much room left; git is
        not read further than that.
        """
        submodules: dict[str, str] = {}
        begun = b""

        def count(part: bytes) -> bool:
            nonlocal begun
            *entries, begun = (begun + part).split(b"\0")
            for entry in entries:
                facts, _, path = entry.partition(b"\t")
                mode, _, identity, size = facts.split()
                if mode == _SUBMODULE:
                    submodules[path.decode("utf-8", "surrogateescape")] = identity.decode("ascii")
                self._files -= 1
                self._bytes -= int(size) if size.isdigit() else 0  # directories have none
            return not self._exceeded

        # With directories: they are written, too, and those that are empty take git's time.
        words = ("ls-tree", "-r", "-t", "-z", "--long", "--full-tree", commit)
        listen(*options, *words, cwd=repository, hear=count)
        if self._exceeded:
            raise GitError(
                f"{self._what} has more than {self._exceeded}, its submodules included, and is "
                "not checked out; remove what dbt does not need from it, or keep that in another "
                "repository"
            )
        return submodules

    @property
    def _exceeded(self) -> str:
        """The bound that is passed, in words; empty when none is."""
        if self._files < 0:
            return f"{MOST_FILES:,} files and directories"
        return f"{MOST_BYTES / 1024**3:g} GiB of files" if self._bytes < 0 else ""
