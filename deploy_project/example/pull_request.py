"""Pull requests of the example's remote: branches `pr/<number>`, by git alone."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError
from deploy_project.example.remote import clone, make_remote, working_copy
from deploy_project.git.command import git

_BRANCHES = "refs/heads/pr/"
_LONGEST = 8
# The user's own git configuration must neither change the files nor refuse the commits.
_PLAIN = (
    *("--config", "core.autocrlf=false", "--config", "commit.gpgSign=false"),
    *("--config", "core.hooksPath=/dev/null"),
)


@dataclass(frozen=True)
class Change:
    """The files that a pull request adds or replaces, in a directory of `changes`."""

    title: str
    directory: str

    @property
    def files(self) -> dict[str, bytes]:
        """The contents of the files by their paths in the dbt project."""
        root = Path(str(resources.files("deploy_project"))) / "example" / "changes" / self.directory
        found = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}

    def is_in(self, tree: Path) -> bool:
        """Whether `tree` has these files already."""
        return all(
            (tree / name).is_file() and (tree / name).read_bytes() == content
            for name, content in self.files.items()
        )


# Each undoes what the other one does to the rows, so there is always one to make.
_CHANGES = (
    Change("Leave out who has not ordered, add the average order", "regulars"),
    Change("Keep who has not ordered, add the last order", "everybody"),
)


@dataclass(frozen=True)
class ExamplePullRequest:
    """A pull request of the example."""

    number: int
    title: str
    head: str
    """Its commit."""
    stat: str
    """The output of `git diff --stat`."""

    @property
    def branch(self) -> str:
        """Its branch on the remote."""
        return f"pr/{self.number}"


def open_pull_request(state: StateDirectory) -> ExamplePullRequest:
    """Push a change of the head of `main` as a pull request with the next free number."""
    with _scratch(state) as tree:
        number = 1 + max(_numbers(make_remote(state)), default=0)
        change = next(each for each in _CHANGES if not each.is_in(tree))
        for name, content in change.files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
        git("add", "--all", cwd=tree)
        git("commit", "--quiet", "--message", change.title, cwd=tree)
        git("push", "--quiet", "origin", f"HEAD:{_BRANCHES}{number}", cwd=tree)
        return ExamplePullRequest(
            number,
            change.title,
            git("rev-parse", "HEAD", cwd=tree),
            git("diff", "--stat=72", "HEAD~1", cwd=tree),
        )


def merge(pull: ExamplePullRequest, state: StateDirectory) -> str:
    """Merge the pull request into `main` on the remote, and return the new commit."""
    with _scratch(state) as tree:
        message = f"Merge pull request {pull.number}: {pull.title}"
        merging = ("merge", "--quiet", "--no-ff", "--message", message, f"origin/{pull.branch}")
        git(*merging, cwd=tree)
        git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=tree)
        return git("rev-parse", "HEAD", cwd=tree)


def follow(state: StateDirectory) -> bool:
    """Bring the working copy up to date; False when changes made there stand in the way."""
    try:
        git("pull", "--quiet", "--ff-only", cwd=working_copy(state))
    except GitError:
        return False
    return True


def _numbers(remote: Path) -> Iterator[int]:
    for name in git("for-each-ref", "--format=%(refname)", _BRANCHES, cwd=remote).splitlines():
        last = name.removeprefix(_BRANCHES)
        if last.isascii() and last.isdecimal() and len(last) <= _LONGEST:
            yield int(last)


@contextmanager
def _scratch(state: StateDirectory) -> Generator[Path]:
    """Yield a new clone of `main`: edits in the working copy are its user's."""
    remote = make_remote(state)
    with tempfile.TemporaryDirectory(dir=remote.parent, prefix=".cloning-") as scratch:
        tree = Path(scratch) / "shop"
        clone(remote, tree, "--branch", "main", *_PLAIN)
        yield tree
