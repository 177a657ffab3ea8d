"""The last use of tokens: kept for all servers, and seldom written."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy_project.api.auth.last_use import LastUse, last_uses
from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from tests.support.api.callers import Caller, token
from tests.support.history.past_front import deployment
from tests.support.servers.serving import served
from tests.support.waiting import wait

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
SEVERAL = [NOW + timedelta(seconds=each) for each in range(4)]


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


def test_a_use_is_kept_and_those_after_it_wait(state: StateDirectory):
    used = LastUse(state, seconds=3_600)
    used.note("a", SEVERAL[0])
    wait(lambda: last_uses(state) == {"a": SEVERAL[0]}, every=0.01)
    before = state.tokens_used.stat().st_ino
    for now in SEVERAL[1:]:
        used.note("a", now)
    assert state.tokens_used.stat().st_ino == before
    used.end()
    assert last_uses(state) == {"a": SEVERAL[-1]}


def test_its_end_waits_for_a_write_in_progress(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
):
    begun, write = threading.Event(), small_files.write_text

    def slow(file: Path, text: str) -> None:
        begun.set()
        time.sleep(0.2)
        write(file, text)

    monkeypatch.setattr(small_files, "write_text", slow)
    used = LastUse(state)
    used.note("a", NOW)
    assert begun.wait(60)
    used.end()
    assert last_uses(state) == {"a": NOW}


def test_servers_keep_the_newest_use_of_all(state: StateDirectory):
    one, other = LastUse(state), LastUse(state)
    one.note("a", SEVERAL[2])
    one.note("b", SEVERAL[0])
    one.end()
    other.note("a", SEVERAL[1])
    other.note("c", SEVERAL[3])
    other.end()
    assert last_uses(state) == {"a": SEVERAL[2], "b": SEVERAL[0], "c": SEVERAL[3]}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": 1}', '{"a": "soon"}'])
def test_a_broken_file_is_written_anew(state: StateDirectory, text: str):
    state.tokens_used.parent.mkdir()
    state.tokens_used.write_text(text)
    used = LastUse(state)
    used.note("a", NOW)
    used.end()
    assert last_uses(state) == {"a": NOW}


def test_a_request_is_a_use_and_a_refused_one_is_none(tmp_path: Path, state: StateDirectory):
    own = {name: token(name, "job_viewer") for name in ("used", "unused")}
    known = replace(deployment(tmp_path / "deploy.yaml"), tokens=own)
    began = datetime.now(UTC)
    with served(known, state) as address:
        assert Caller(address, "used").call("GET", "/api/v2/accounts/7/jobs").status == 200
        assert Caller(address, "stranger").call("GET", "/api/v2/accounts/7/jobs").status == 401
    assert [*last_uses(state)] == ["used"]
    assert began <= last_uses(state)["used"] <= datetime.now(UTC)
