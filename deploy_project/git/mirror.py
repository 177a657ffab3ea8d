"""The bare mirror of each project's remote: fetching a commit, ancestry, branches, subjects."""

import re
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import ConfigError, GitError
from deploy_project.git import remote
from deploy_project.git.command import git, without_credentials
from deploy_project.git.credentials import git_for
from deploy_project.git.pages import is_http
from deploy_project.processes.lock_files import exclusive

FETCH_TIMEOUT = 3600
"""Seconds; a first fetch of a large repository takes its time."""

LONGEST = 200
"""Characters of a subject or a name; nobody reads more in a line."""
_DESCRIPTION = "%s%x00%an"
_PLAIN = ("--no-show-signature", "--no-mailmap", "--no-color", "--encoding=UTF-8")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_HEADS_AND_TAGS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
# Without garbage collection a commit outlives the branch that was forced past it.
_FETCH = (
    *("--git-dir=.", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("fetch", "--quiet", "--progress", "--no-tags", "--no-recurse-submodules"),
    "--no-write-fetch-head",
)
_SCRATCH = ".making-"
# Files that a killed git leaves behind: they would stop the next one, or fill the disk.
_LEFT_OVER = (
    *("*.lock", "refs/**/*.lock", "objects/info/**/*.lock", "reftable/*.lock"),
    *("packed-refs.new", "objects/pack/tmp_*"),
)


@dataclass(frozen=True)
class Described:
    """The subject and author of a commit, each on one line without control characters."""

    subject: str
    author: str


def ensure_commit(project: Project, state: StateDirectory, commit: str) -> Path:
    """Return the project's bare mirror, with `commit` in it; fetch the commit if need be.

    Fetches nothing when the commit is there with all its files. Raises `GitError` when the
    remote can't be reached or does not give the commit out.
    """
    mirror = state.mirror(project.name)
    if _has(mirror, full(commit)):
        return mirror
    mirror.parent.mkdir(parents=True, exist_ok=True)
    lock = mirror.with_name("mirror.lock")
    with exclusive(lock, purpose=f"fetch the repository of project {project.name!r}"):
        if not _has(mirror, commit):
            _prepare(mirror, commit)
            _fetch(project, mirror, commit)
    return mirror


def is_here(project: Project, state: StateDirectory, commit: str) -> bool:
    """Return whether the files of `commit` can be had without asking the remote."""
    if not is_full(commit):
        return False
    checkout = state.checkout(project.name, commit)
    return checkout.tree.is_dir() or _has(state.mirror(project.name), commit)


def reachable(mirror: Path, commits: Collection[str]) -> frozenset[str]:
    """Return `commits` and all their ancestors; they must be in `mirror`."""
    printed = git("--git-dir=.", "rev-list", *sorted(map(full, commits)), cwd=mirror)
    return frozenset(printed.split("\n"))


def contains(mirror: Path, commit: str, earlier: str) -> bool:
    """Return whether `earlier` is `commit` or an ancestor of it; not if one of them isn't here."""
    try:
        git("--git-dir=.", "merge-base", "--is-ancestor", full(earlier), full(commit), cwd=mirror)
    except GitError:
        return False
    return True


def branches(mirror: Path) -> dict[str, str]:
    """Return the commit of each `refs/heads/…` of `mirror`, as it was fetched last."""
    form = "--format=%(objectname) %(refname)"
    printed = git("--git-dir=.", "for-each-ref", form, "refs/heads/", cwd=mirror)
    pairs = (line.split(" ", 1) for line in printed.split("\n") if line)
    return {ref: commit for commit, ref in pairs}


def described(project: Project, state: StateDirectory, commit: str) -> Described | None:
    """Return the subject and author of `commit`; None when it is not in the mirror here."""
    mirror = state.mirror(project.name)
    if not is_full(commit) or not mirror.is_dir():
        return None
    words = ("--git-dir=.", "log", "-1", *_PLAIN, f"--format={_DESCRIPTION}")
    try:
        told = git(*words, commit, "--", cwd=mirror)
    except GitError:
        return None
    subject, _, author = told.partition("\0")
    return Described(one_line(subject), one_line(author))


def between(
    project: Project, state: StateDirectory, *, earlier: str, later: str, limit: int
) -> list[tuple[str, Described]]:
    """Return the newest commits that are in `later` and not in `earlier`, the newest first.

    None of them when one of both is not in the mirror here.
    """
    mirror = state.mirror(project.name)
    if not (is_full(earlier) and is_full(later) and mirror.is_dir()):
        return []
    words = ("--git-dir=.", "log", f"-{limit:d}", *_PLAIN, f"--format=%H%x00{_DESCRIPTION}")
    try:
        told = git(*words, f"{earlier}..{later}", "--", cwd=mirror)
    except GitError:
        return []
    rows = (line.split("\0") for line in told.split("\n") if line.count("\0") == 2)
    return [(commit, Described(one_line(subject), one_line(who))) for commit, subject, who in rows]


def one_line(text: str) -> str:
    """Return the beginning of `text` on one line, without control characters."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def full(commit: str) -> str:
    """Return `commit` if it is a full commit id in lower case, else raise `GitError`."""
    if not is_full(commit):
        raise GitError(f"{commit!r} is not a full commit id: 40 (or 64) digits of 0-9 and a-f")
    return commit


def full_commit(text: str) -> str:
    """Return the commit id that a person has written, in lower case.

    Raises `ConfigError` when it is not a full one.
    """
    commit = text.strip().lower()
    if not is_full(commit):
        raise ConfigError(
            f"{text[:LONGEST]!r} is not a full commit id, which has 40 digits of 0-9 and a-f; "
            f"`git rev-parse {text[:LONGEST]}` in a clone tells it"
        )
    return commit


def is_full(text: str) -> bool:
    """Return whether `text` is a full commit id in lower case, and thereby safe in a path."""
    return _COMMIT.fullmatch(text) is not None


def object_format(commit: str) -> str:
    """Return the option of `git init` for a repository that can hold `commit`."""
    return f"--object-format={'sha1' if len(commit) == 40 else 'sha256'}"


def _has(mirror: Path, commit: str) -> bool:
    """Return whether `commit` is there with all its files: a killed fetch leaves fragments."""
    if not mirror.is_dir():
        return False
    try:
        git("--git-dir=.", "rev-list", "--objects", "--no-walk", "--quiet", commit, cwd=mirror)
    except GitError:
        return False
    return True


def _prepare(mirror: Path, commit: str) -> None:
    """Make the mirror if there is none; remove leftovers of killed processes; needs the lock."""
    for scratch in mirror.parent.glob(_SCRATCH + "*"):
        shutil.rmtree(scratch, ignore_errors=True)
    for pattern in _LEFT_OVER:
        for path in mirror.glob(pattern):
            path.unlink(missing_ok=True)
    if mirror.is_dir():
        return
    with tempfile.TemporaryDirectory(
        dir=mirror.parent, prefix=_SCRATCH, ignore_cleanup_errors=True
    ) as scratch:
        made = Path(scratch) / mirror.name
        made.mkdir()
        git("init", "--quiet", "--bare", "--template=", object_format(commit), cwd=made)
        made.rename(mirror)


def _fetch(project: Project, mirror: Path, commit: str) -> None:
    """Fetch every branch and tag, then `commit` by its id if it is in none of them."""
    url = project.repository
    if is_http(project):  # git takes some web pages for an empty repository, and would prune all
        remote.matching(project, {"refs/heads/*"})
    refresh = (*_FETCH, "--prune", "--", url, *_HEADS_AND_TAGS)
    git_for(project, *refresh, cwd=mirror, timeout=FETCH_TIMEOUT)
    if _has(mirror, commit):
        return
    try:
        git_for(project, *_FETCH, "--", url, commit, cwd=mirror, timeout=FETCH_TIMEOUT)
    except GitError as error:
        raise GitError(
            f"commit {commit} is in no branch or tag of {without_credentials(url)}, and could "
            f"not be fetched by its id either; push it to a branch there: {error}"
        ) from None
