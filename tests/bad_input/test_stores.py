"""Artifact roots that go away in the middle of a run: it says so, and the next one succeeds."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import (  # pyright: ignore[reportMissingTypeStubs]
    MemoryFileSystem,
)

from deploy_project.runs.store.artifacts import Artifacts
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow

WAREHOUSE = "warehouse.duckdb"
Harm = Callable[[], object]


def after(step: str, harm: Harm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do `harm` once, as soon as the artifacts of `step` are kept."""
    keep = Artifacts.publish_step

    def kept(self: Artifacts, run_id: str, name: str, directory: Path) -> Any:
        place = keep(self, run_id, name, directory)
        if name == step:
            monkeypatch.setattr(Artifacts, "publish_step", keep)
            harm()
        return place

    monkeypatch.setattr(Artifacts, "publish_step", kept)


class FailingStore:
    """An object store on which requests can fail as botocore's do: with no OSError."""

    class EndpointConnectionError(Exception):
        pass

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_down = False
        for name in ("_open", "info", "exists", "ls", "makedirs", "mkdir", "pipe_file"):
            monkeypatch.setattr(MemoryFileSystem, name, self._unless_down(name))

    def _unless_down(self, name: str) -> Callable[..., Any]:
        original = getattr(MemoryFileSystem, name)

        def request(*arguments: Any, **options: Any) -> Any:
            if self.is_down:
                raise self.EndpointConnectionError("Could not connect to the endpoint URL")
            return original(*arguments, **options)

        return request

    def go_down(self) -> None:
        self.is_down = True


@pytest.fixture
def store(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    deployed.reconfigure("projects:", f"artifacts: memory://{deployed.root.name}\n    projects:")
    return FailingStore(monkeypatch)


def published(deployed: Deployed, what: Any = "state") -> str:
    artifacts = deployed.artifacts
    found = artifacts.published(artifacts.environment("prod"), what)
    return found.name if found is not None else ""


def test_a_root_that_becomes_a_file_in_the_middle_of_a_run(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, met: Met
):
    runs, aside = deployed.state.artifacts / "runs", deployed.state.artifacts / "aside"

    def replace() -> None:
        runs.rename(aside)
        runs.touch()

    after("03-dbt-deps", replace, monkeypatch)
    with deployed.unchanged(but=WAREHOUSE):
        ended = deployed.attempt("prod__plain")
    assert (ended.step, ended.message) == ("dbt_build", ended.recorded)
    assert "Not a directory" in ended.message
    met(ended.message)
    assert [status for _, status in deployed.statuses(deployed.run_ids()[0])] == [
        *("Success", "Success", "Success", "Error")
    ]
    runs.unlink()
    aside.rename(runs)
    assert deployed.attempt("prod__plain").success


def test_a_root_that_is_another_disk_in_the_end(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, met: Met
):
    """What was unmounted left an empty directory: the run succeeded, and published nothing."""
    runs, before = deployed.state.artifacts / "runs", published(deployed)
    after("04-dbt-build", lambda: shutil.rmtree(runs), monkeypatch)
    with deployed.unchanged(but=WAREHOUSE):
        ended = deployed.attempt("prod__plain")
    assert (ended.success, ended.step) == (False, "")
    assert ended.recorded.startswith("publishing failed: 01-clone-git-repository, ")
    met(ended.recorded)
    assert deployed.attempt("prod__plain").success
    assert published(deployed) != before


def test_a_store_that_goes_down_while_dbt_runs(
    deployed: Deployed, store: FailingStore, monkeypatch: pytest.MonkeyPatch, met: Met
):
    """The end of the run failed too, and left no record: the store's errors were not expected."""
    assert deployed.attempt("prod__plain").success
    before = published(deployed)
    after("03-dbt-deps", store.go_down, monkeypatch)
    ended = deployed.attempt("prod__plain")
    assert (ended.success, ended.step) == (False, "dbt_build")
    assert ended.message == ended.recorded
    assert "EndpointConnectionError: Could not connect to the endpoint URL" in ended.message
    met(ended.message)
    assert [status for _, status in deployed.statuses(deployed.run_ids()[0])] == [
        *("Success", "Success", "Success", "Error")
    ]
    store.is_down = False
    assert published(deployed) == before
    assert deployed.attempt("prod__plain").success
    assert published(deployed) == deployed.run_ids()[0]


def test_a_store_that_goes_down_before_a_run_publishes(
    deployed: Deployed, store: FailingStore, monkeypatch: pytest.MonkeyPatch, met: Met
):
    after("05-generate-docs", store.go_down, monkeypatch)
    ended = deployed.attempt("prod__daily")
    assert (ended.success, ended.step) == (False, ""), "all steps went well"
    assert ended.recorded.startswith("publishing failed: EndpointConnectionError: ")
    met(ended.recorded)
    store.is_down = False
    assert (published(deployed), published(deployed, "docs")) == ("", "")
    assert deployed.attempt("prod__daily").success
    assert published(deployed, "docs") == published(deployed) == deployed.run_ids()[0]


def test_a_store_that_does_not_answer(deployed: Deployed, met: Met):
    """A real connection that is refused; nothing listens at port 9."""
    deployed.reconfigure("projects:", "artifacts: ftp://127.0.0.1:9/artifacts\n    projects:")
    with deployed.unchanged():
        ended = deployed.attempt("prod__plain")
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    assert "Connection refused" in ended.message
    met(ended.message)
