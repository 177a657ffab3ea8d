"""Which checkouts go, and which never do."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from filelock import FileLock

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.errors import GitError
from deploy_project.git.checkouts import ensure_checkout, evict, hold, surplus
from tests.support.deployments.git_repositories import Repository, project
from tests.support.waiting import PATIENCE

HOLD = """
import sys
from pathlib import Path
from deploy_project.config.state import Checkout
from deploy_project.git.checkouts import hold
with hold(Checkout(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""
LONG = timedelta(days=1000)


@pytest.mark.parametrize(
    ("keep", "since", "at_most", "expected"),
    [
        ("", 0, 3, ""),
        ("", 0, 2, "a"),
        ("", 0, 0, "cba"),
        ("a", 0, 2, "b"),
        ("abc", 0, 1, ""),
        ("", 2.5, 3, "ba"),
        ("a", 2.5, 3, "b"),
        ("z", 0, 3, ""),
    ],
)
def test_surplus(keep: str, since: float, at_most: int, expected: str):
    last_use = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert surplus(last_use, keep=keep, unused_since=since, at_most=at_most) == list(expected)


@pytest.fixture
def checkouts(remote: Repository, state: StateDirectory) -> list[Checkout]:
    """Three checkouts, last used three days, two days and one day ago."""
    made = [ensure_checkout(project(remote), state, remote.commit({"a": str(n)})) for n in range(3)]
    for days, checkout in zip((3, 2, 1), made, strict=True):
        then = time.time() - days * 86400
        os.utime(checkout.in_use, (then, then))
    return made


def test_by_age(remote: Repository, state: StateDirectory, checkouts: list[Checkout]):
    old, middle, new = checkouts
    gone = evict(project(remote), state, keep=[], older_than=timedelta(days=2.5), at_most=9)
    assert gone == [old.root.name]
    assert [c.tree.is_dir() for c in (old, middle, new)] == [False, True, True]
    assert {path.name for path in state.checkouts("shop").iterdir()} == {
        middle.root.name,
        new.root.name,
    }


def test_by_number(remote: Repository, state: StateDirectory, checkouts: list[Checkout]):
    old, middle, new = (c.root.name for c in checkouts)
    assert evict(project(remote), state, keep=[old], older_than=LONG, at_most=2) == [middle]
    assert {path.name for path in state.checkouts("shop").iterdir()} == {old, new}


def test_asking_for_a_checkout_counts_as_use(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    old, middle, _ = checkouts
    ensure_checkout(project(remote), state, old.root.name)
    gone = evict(project(remote), state, keep=[], older_than=LONG, at_most=2)
    assert gone == [middle.root.name]


def test_a_checkout_counts_as_used_until_it_is_let_go(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    old = checkouts[0]
    with hold(old):
        os.utime(old.in_use, (0, 0))
    assert time.time() - old.in_use.stat().st_mtime < 60


def holder(checkout: Checkout) -> subprocess.Popen[bytes]:
    """Start a process that holds the checkout until it is killed."""
    arguments = [sys.executable, "-c", HOLD, str(checkout.root)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_what_another_process_holds_stays(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    held = checkouts[0]
    first, second = holder(held), holder(held)
    try:
        for process in (first, second):
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
        first.kill()
        first.communicate()
        gone = evict(project(remote), state, keep=[], older_than=timedelta(0), at_most=0)
        assert set(gone) == {c.root.name for c in checkouts[1:]}
        assert held.tree.is_dir()
    finally:
        second.kill()
        second.communicate()
    assert evict(project(remote), state, keep=[], older_than=timedelta(0), at_most=0) == [
        held.root.name
    ]


def test_what_is_being_changed_stays(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    with FileLock(checkouts[0].lock):
        evict(project(remote), state, keep=[], older_than=LONG, at_most=0)
    assert [c.tree.is_dir() for c in checkouts] == [True, False, False]


def test_an_evicted_checkout_can_not_be_held_but_made_anew(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    evict(project(remote), state, keep=[], older_than=LONG, at_most=0)
    with pytest.raises(GitError, match="evicted before it was held"), hold(checkouts[0]):
        pass
    with hold(ensure_checkout(project(remote), state, checkouts[0].root.name)) as nothing:
        assert nothing is None


def test_a_checkout_that_goes_while_somebody_waits_for_it_is_not_held(checkouts: list[Checkout]):
    checkout = checkouts[0]
    with ThreadPoolExecutor(1) as pool:
        with FileLock(checkout.in_use):
            held = pool.submit(hold(checkout).__enter__)
            time.sleep(0.3)
            assert not held.done()
            checkout.root.rename(checkout.root.with_name(".removed-x"))
        assert isinstance(held.exception(timeout=PATIENCE), GitError)


def test_what_killed_processes_left_is_reclaimed(
    remote: Repository, state: StateDirectory, checkouts: list[Checkout]
):
    directory = state.checkouts("shop")
    half_made, half_removed = directory / ("1" * 40), directory / f".removed-{'2' * 40}-x"
    being_made, foreign = directory / ("3" * 40), directory / "notes"
    for path in (half_made, half_removed, being_made, foreign):
        (path / "making-x").mkdir(parents=True)
    with FileLock(being_made / "lock"):
        assert evict(project(remote), state, keep=[], older_than=LONG, at_most=9) == []
    assert [p.exists() for p in (half_made, half_removed, being_made, foreign)] == [
        False,
        False,
        True,
        True,
    ]
    assert all(c.tree.is_dir() for c in checkouts)


def test_nothing_to_evict(remote: Repository, state: StateDirectory):
    assert evict(project(remote), state, keep=[], older_than=LONG, at_most=0) == []
