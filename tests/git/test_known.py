"""What is remembered of a remote, for the time when it can't be asked."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError, RemoteError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.known import recall, remember
from deploy_project.git.remote import Head, head
from tests.support.deployments.git_repositories import Repository, environment, project


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def commit(remote: Repository, state: StateDirectory) -> str:
    """A commit whose checkout is there."""
    made = remote.git("rev-parse", "HEAD")
    ensure_checkout(project(remote), state, made)
    return made


def change(state: StateDirectory, **values: Any) -> None:
    file = state.known("production")
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **values}), encoding="utf-8")


def test_the_last_head_is_known(remote: Repository, state: StateDirectory, commit: str):
    production = environment(project(remote), branch="main")
    assert recall(production, state) is None
    remember(production, Head("0" * 40, "main"), state)
    assert recall(production, state) is None, "its files are not here"
    remember(production, Head(commit, "main"), state)
    found = recall(production, state)
    assert found is not None
    assert (found.commit, found.branch) == (commit, "main")
    assert timedelta(0) <= found.age < timedelta(minutes=10)


def test_a_mirror_is_as_good_as_a_checkout(remote: Repository, state: StateDirectory, commit: str):
    production = environment(project(remote), branch="main")
    remember(production, Head(commit, "main"), state)
    shutil.rmtree(state.checkouts("shop"))
    assert recall(production, state) is not None
    shutil.rmtree(state.mirror("shop"))
    assert recall(production, state) is None


def test_knowledge_of_something_else_is_none(
    remote: Repository, state: StateDirectory, commit: str
):
    production = environment(project(remote), branch="main")
    remember(production, Head(commit, "main"), state)
    assert recall(environment(project(remote), branch="other"), state) is None
    assert recall(environment(project(remote), tag="main"), state) is None
    assert recall(environment(project("/elsewhere"), branch="main"), state) is None
    assert recall(replace(production, name="staging"), state) is None


@pytest.mark.parametrize(("days", "is_known"), [(7.9, True), (8.1, False)])
def test_knowledge_is_kept_for_eight_days(
    remote: Repository, state: StateDirectory, commit: str, days: float, is_known: bool
):
    production = environment(project(remote), branch="main")
    remember(production, Head(commit, "main"), state)
    change(state, at=(datetime.now(UTC) - timedelta(days=days)).isoformat())
    assert (recall(production, state) is not None) is is_known


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"commit": 1}', b"\xff\xfe", b"null", b'"a"']
)
def test_damaged_knowledge_is_none(
    remote: Repository, state: StateDirectory, commit: str, content: bytes
):
    production = environment(project(remote), branch="main")
    remember(production, Head(commit, "main"), state)
    state.known("production").write_bytes(content)
    assert recall(production, state) is None
    remember(production, Head(commit, "main"), state)
    assert recall(production, state) is not None


@pytest.mark.parametrize("values", [{"commit": "../../x"}, {"commit": "--help"}, {"at": "x"}])
def test_values_that_are_none_are_not_believed(
    remote: Repository, state: StateDirectory, commit: str, values: dict[str, str]
):
    production = environment(project(remote), branch="main")
    remember(production, Head(commit, "main"), state)
    change(state, **values)
    assert recall(production, state) is None


def test_the_name_of_the_default_branch_is_kept(
    remote: Repository, state: StateDirectory, commit: str
):
    """The merge sensor does not learn it, the runs do."""
    production = environment(project(remote))
    remember(production, Head(commit, "main"), state)
    remember(production, Head(commit, "HEAD"), state)
    found = recall(production, state)
    assert found is not None
    assert found.branch == "main"


def test_nothing_fails_when_it_cannot_be_kept(
    remote: Repository, state: StateDirectory, commit: str
):
    production = environment(project(remote), branch="main")
    (state.root / "known").write_text("in the way", encoding="utf-8")
    remember(production, Head(commit, "main"), state)
    assert recall(production, state) is None


def test_a_remote_that_answers_is_not_away(remote: Repository):
    with pytest.raises(GitError) as raised:
        head(environment(project(remote), branch="gone"))
    assert not isinstance(raised.value, RemoteError)
    with pytest.raises(RemoteError):
        head(environment(project("/nowhere"), branch="gone"))
