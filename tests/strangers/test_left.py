"""What a hostile pull request leaves when dbt has ended, and writes among dbt's events."""

import os
import shutil
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.dbt.processes import process, sandbox
from deploy_project.dbt.processes.process import Exit, Invocation
from tests.support.hostile.deployment import STEP, Deployment, deployed
from tests.support.hostile.left import EVENTS, LEFT, PIPES, Events, Left

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it"),
]
IN_SUITE = ("garbage", "no_text", "no_event")
QUIET = {"models/orders.sql": "select 'pull request' as word, 11 as amount"}


@dataclass(frozen=True)
class Recorded:
    """A deployment, and the artifacts of an honest pull request of it."""

    deployment: Deployment
    target: Path
    head: str


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Recorded]:
    with deployed(tmp_path_factory.mktemp("hostile")) as made:
        head = made.push(1, QUIET)
        run = made.run(1, head)
        assert run.success
        yield Recorded(made, made.site.directory(run.run_id, STEP) / "target", head)


@pytest.mark.parametrize("left", [*LEFT, *PIPES], ids=lambda each: each.name)
def test_what_it_leaves_is_not_trusted(
    recorded: Recorded, left: Left, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    """In the suite a function stands for dbt; `make strangers` has a Python model do it."""
    deployment = recorded.deployment
    before = deployment.snapshot()
    if request.config.getoption("--strangers") == "all":
        head = deployment.push(2, {"models/evil.py": left.model})
    else:
        head = recorded.head
        monkeypatch.setattr(process, "run", _Dbt(deployment, recorded.target, left).run)
    run = deployment.run(2, head)
    monkeypatch.undo()
    deployment.assert_ended_well(run)
    deployment.assert_unharmed(before, head)
    deployment.assert_discreet()
    kept = deployment.site.directory(run.run_id)
    assert not [each for each in kept.rglob("*") if each.is_symlink()]
    assert sum(each.stat().st_blocks for each in kept.rglob("*")) * 512 < 100 << 20


@dataclass
class _Dbt:
    """A stand-in for dbt which has done its work, and been changed by what it was to build."""

    deployment: Deployment
    target: Path
    left: Left

    def run(self, invocation: Invocation, **_: Any) -> Exit:
        target = invocation.target_directory
        shutil.copytree(self.target, target, dirs_exist_ok=True)
        invocation.temporary.mkdir(exist_ok=True)
        invocation.debug_log.write_text("said", encoding="utf-8")
        if invocation.arguments[0] == "build":
            known: Mapping[str, Any] = {"target": target, "os": os, "shutil": shutil, "sys": sys}
            here = Path.cwd()
            try:
                exec(self.deployment.text(self.left.code), dict(known))
            finally:
                os.chdir(here)
        return Exit(0)


@pytest.mark.parametrize("events", EVENTS, ids=lambda each: each.name)
def test_what_it_writes_among_the_events_is_not_trusted(
    recorded: Recorded, events: Events, request: pytest.FixtureRequest
):
    """Most of them wait for dbt to be killed; in the suite, units try their shapes."""
    if events.name not in IN_SUITE and request.config.getoption("--strangers") != "all":
        pytest.skip("`make strangers` tries it")
    deployment = recorded.deployment
    before = deployment.snapshot()
    head = deployment.push(3, {"models/evil.py": events.model})
    run = deployment.run(3, head)
    deployment.assert_ended_well(run)
    deployment.assert_unharmed(before, head)
    deployment.assert_discreet()
    if events.says:
        assert not run.success
        assert events.says in deployment.error(run)
    else:
        assert run.success, deployment.error(run)
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    assert not deployment.site.events(run.run_id, planned), "of a pull request's there are none"
