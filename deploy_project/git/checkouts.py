"""Checkouts: one immutable directory of files per commit, made atomically, held and evicted."""

import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.command import git, without_credentials
from deploy_project.git.extraction.files import extract, keep_times
from deploy_project.git.mirror import ensure_commit, full, is_full
from deploy_project.processes.lock_files import Busy, at_once, exclusive, shared

_REMOVED = ".removed-"
_DEPTH = 3


def ensure_checkout(
    project: Project, state: StateDirectory, commit: str, *, trusted: str | None = None
) -> Checkout:
    """Return the checkout of `commit`, with its submodules; fetch and make it if need be.

    For a stranger's commit, `trusted` is the one whose submodules git logs in for; for others it
    goes without credentials.

    Safe to call from many processes at once; `hold` the checkout while using it. Raises
    `GitError` when the remote does not give the commit out, when it has too many files, or when
    files of the dbt project are kept in Git LFS.
    """
    checkout = state.checkout(project.name, full(commit))
    if _is_there(checkout):
        return checkout
    mirror = ensure_commit(project, state, commit)
    _reclaim(state.checkouts(project.name))
    with _alone(checkout):
        if not checkout.tree.is_dir():
            _make(project, mirror, checkout, trusted)
    return checkout


@contextmanager
def hold(checkout: Checkout) -> Generator[None, None, None]:
    """Keep `checkout` from being evicted; raise `GitError` when that has happened already."""
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(shared(checkout.in_use))
        except FileNotFoundError:
            raise GitError(
                f"the checkout {str(checkout.root)!r} is gone: it was evicted before it was "
                "held; try again, and it is made anew"
            ) from None
        os.utime(descriptor)
        try:
            yield
        finally:
            os.utime(descriptor)  # its age counts from the end of its use


def evict(
    project: Project,
    state: StateDirectory,
    *,
    keep: Collection[str],
    older_than: timedelta,
    at_most: int,
    before: Callable[[Checkout], object] = lambda _: None,
) -> list[str]:
    """Remove checkouts that nobody has used for `older_than`, or that exceed `at_most`.

    Returns their commits, the longest unused last. Never removes one whose commit is in `keep`,
    nor one that any process holds or is making. `before` is called with each, while nobody else
    uses it.
    """
    directory = state.checkouts(project.name)
    _reclaim(directory)
    finished = [c for c in _checkouts(directory) if c.tree.is_dir()]
    chosen = surplus(
        {c.root.name: _last_use(c) for c in finished},
        keep=keep,
        unused_since=time.time() - older_than.total_seconds(),
        at_most=at_most,
    )
    return [
        name for name in chosen if _remove(Checkout(directory / name), finished=True, before=before)
    ]


def surplus(
    last_use: Mapping[str, float], *, keep: Collection[str], unused_since: float, at_most: int
) -> list[str]:
    """Return the commits to evict, given when each was used last; those to keep count as well."""
    free = sorted(last_use.keys() - set(keep), key=lambda commit: -last_use[commit])
    room = max(0, at_most - (len(last_use) - len(free)))
    return [c for rank, c in enumerate(free) if rank >= room or last_use[c] < unused_since]


def project_directory(checkout: Checkout, project: Project) -> Path:
    """Return the directory of `dbt_project.yml`; raise `GitError` when it is not there."""
    commit, remote = checkout.root.name, without_credentials(project.repository)
    directory = checkout.tree / project.subdirectory
    file = directory / "dbt_project.yml"
    real = os.path.realpath(file)  # unlike Path.resolve, it bears with links that go in circles
    if not Path(real).is_relative_to(checkout.tree.resolve()):
        raise GitError(
            f"'{Path(project.subdirectory) / file.name}' of commit {commit} of {remote} leads "
            f"out of the repository, to {real!r}; replace the symbolic link, or correct "
            f"`subdirectory` of project {project.name!r}"
        )
    if file.is_file():
        return directory
    found = ", ".join(map(repr, _dbt_projects(checkout.tree))) or "none"
    where = f"directory {project.subdirectory!r}" if project.subdirectory else "the root"
    raise GitError(
        f"there is no dbt_project.yml in {where} of commit {commit} of {remote}; directories up "
        f"to {_DEPTH} levels deep that contain one: {found}; set `subdirectory` of project "
        f"{project.name!r}"
    )


def is_as_committed(
    project: Project, state: StateDirectory, checkout: Checkout, file: Path
) -> bool:
    """Return whether a file of `checkout` is unchanged since its commit; False if git can't tell.

    An answer of yes is remembered beside the tree, for as long as the file is not written.
    """
    name, known = file.relative_to(checkout.tree).as_posix(), file.stat()
    marks = json.dumps([name, known.st_size, known.st_mtime_ns])
    remembered = checkout.root / f"as-committed-{hashlib.sha256(marks.encode()).hexdigest()[:16]}"
    if not remembered.exists() and _has_the_same(state.mirror(project.name), checkout, name, file):
        remembered.touch()
    return remembered.exists()


def _has_the_same(mirror: Path, checkout: Checkout, name: str, file: Path) -> bool:
    # With the directories above it: one may be a submodule, whose files are in no mirror of ours.
    names = [name, *(str(each) for each in PurePosixPath(name).parents if each.name)]
    words = ("--git-dir=.", "ls-tree", "-z", "--full-tree", checkout.root.name, "--", *names)
    try:
        entries = [each.partition("\t") for each in git(*words, cwd=mirror).split("\0")]
        listed = {path: entry for entry, _, path in entries}
        if any(" commit " in listed.get(each, "") for each in names):
            return True
        identity = git("hash-object", "--no-filters", "--", str(file), cwd=mirror)
        return listed.get(name, "").endswith(f" blob {identity}")
    except GitError:
        return False


def _is_there(checkout: Checkout) -> bool:
    """Return whether the checkout is whole, and count this as a use of it."""
    try:
        os.utime(checkout.in_use)
    except FileNotFoundError:
        return False
    return checkout.tree.is_dir()


@contextmanager
def _alone(checkout: Checkout) -> Generator[None, None, None]:
    """Hold the checkout's lock; until then another process may remove its directory."""
    while True:
        checkout.root.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                purpose = f"make the checkout of {checkout.root.name}"
                stack.enter_context(exclusive(checkout.lock, purpose=purpose))
            except FileNotFoundError:
                continue
            if checkout.lock.exists():
                yield
                return


def _make(project: Project, mirror: Path, checkout: Checkout, trusted: str | None) -> None:
    with tempfile.TemporaryDirectory(
        dir=checkout.root, prefix="making-", ignore_cleanup_errors=True
    ) as scratch:
        tree = Path(scratch) / "tree"
        extract(project, mirror, checkout.root.name, into=tree, trusted=trusted)
        others = [each for each in _checkouts(checkout.root.parent) if each.tree.is_dir()]
        if others:
            keep_times(tree, max(others, key=_last_use).tree)
        checkout.in_use.touch()
        tree.rename(checkout.tree)


def _checkouts(directory: Path) -> list[Checkout]:
    if not directory.is_dir():
        return []
    return [Checkout(path) for path in directory.iterdir() if is_full(path.name)]


def _last_use(checkout: Checkout) -> float:
    try:
        return checkout.in_use.stat().st_mtime
    except FileNotFoundError:  # evicted by another process just now
        return 0.0


def _reclaim(directory: Path) -> None:
    """Remove the checkouts that killed processes left half made or half removed."""
    for checkout in _checkouts(directory):
        if not checkout.tree.is_dir():
            _remove(checkout, finished=False)
    for left_over in directory.glob(_REMOVED + "*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _remove(
    checkout: Checkout, *, finished: bool, before: Callable[[Checkout], object] = lambda _: None
) -> bool:
    """Remove the checkout if nobody uses it; return whether it was removed by us."""
    removed = checkout.root.with_name(f"{_REMOVED}{checkout.root.name}-{uuid.uuid4().hex}")
    try:
        with at_once(checkout.lock), at_once(checkout.in_use):
            if checkout.tree.is_dir() != finished:
                return False
            before(checkout)
            checkout.root.rename(removed)
            # With the locks held: a process that waits for them then sees that they are gone.
            shutil.rmtree(removed, ignore_errors=True)
    except (Busy, FileNotFoundError):
        return False
    return True


def _dbt_projects(tree: Path) -> list[str]:
    """Return the directories of `tree` that contain a `dbt_project.yml`; `.` is its root."""
    found: list[str] = []
    for parent, directories, files in os.walk(tree):
        here = Path(parent).relative_to(tree)
        if "dbt_project.yml" in files:
            found.append(str(here))
        if len(here.parts) == _DEPTH:
            directories.clear()
    return sorted(found)
