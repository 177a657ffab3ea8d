"""Reloads of Dagster's code location, gathered, and tried again."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy_project.api.front.reloads import Reloads
from deploy_project.config.state import StateDirectory
from deploy_project.errors import LaunchError
from tests.support.waiting import wait


@dataclass
class FakeDagster:
    """Counts the reloads, and fails as often as it should."""

    failures: int = 0
    reloads: int = 0
    let: threading.Event = field(default_factory=threading.Event)

    def reload(self) -> None:
        self.reloads += 1
        self.let.wait(10)
        if self.failures:
            self.failures -= 1
            raise LaunchError("it is away")


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    found = StateDirectory(tmp_path)
    found.api_jobs.parent.mkdir()
    return found


def made(state: StateDirectory, dagster: FakeDagster, *, is_free: bool = True) -> Reloads:
    if is_free:
        dagster.let.set()
    return Reloads(state, lambda: dagster, gather=0.05, again=0.05)  # pyright: ignore[reportArgumentType]


def test_without_a_job_there_is_nothing_to_load(state: StateDirectory):
    assert made(state, FakeDagster()).are_done


def test_many_changes_are_one_reload(state: StateDirectory):
    dagster = FakeDagster()
    reloads = made(state, dagster)
    for index in range(20):
        state.api_jobs.write_text(f"# {index}")
        reloads.ask()
    assert not reloads.are_done
    wait(lambda: reloads.are_done)
    assert dagster.reloads == 1


def test_a_dagster_that_is_away_is_asked_again(state: StateDirectory):
    dagster = FakeDagster(failures=2)
    reloads = made(state, dagster)
    state.api_jobs.write_text("# 1")
    reloads.ask()
    wait(lambda: reloads.are_done)
    assert dagster.reloads == 3


def test_a_change_during_a_reload_is_loaded_by_another_one(state: StateDirectory):
    """A job that was made meanwhile was taken for loaded, and its first run was refused."""
    dagster = FakeDagster()
    reloads = made(state, dagster, is_free=False)
    state.api_jobs.write_text("# 1")
    reloads.ask()
    wait(lambda: dagster.reloads == 1)
    state.api_jobs.write_text("# 2")
    reloads.ask()
    dagster.let.set()
    wait(lambda: reloads.are_done)
    assert dagster.reloads == 2


def test_a_front_that_has_ended_asks_for_nothing(state: StateDirectory):
    dagster = FakeDagster()
    reloads = made(state, dagster)
    state.api_jobs.write_text("# 1")
    reloads.ask()
    reloads.end()
    reloads.ask()
    time.sleep(0.3)  # six times as long as it gathers
    assert dagster.reloads == 0


def test_another_front_knows_of_the_reload(state: StateDirectory):
    state.api_jobs.write_text("# 1")
    first, dagster = made(state, FakeDagster()), FakeDagster()
    second = made(state, dagster)
    first.ask()
    wait(lambda: first.are_done)
    assert second.are_done
    second.ask()
    time.sleep(0.3)  # six times as long as it gathers
    assert dagster.reloads == 0
