"""Disks that are full or can't be written: the run says so, and nothing is left half replaced."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.code_location import loaded
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow

Mount = Callable[..., None]
WAREHOUSE = "warehouse.duckdb"


def mount_full(mount: Mount, place: Path, *, leaving: int) -> Path:
    """Put `place` on a disk of its own with `leaving` bytes free; return the file that fills it."""
    aside = place.with_name("aside")
    place.mkdir(exist_ok=True)
    shutil.copytree(place, aside, symlinks=True)
    mount(place, "-t", "tmpfs", "-o", "size=64m", "none")
    shutil.copytree(aside, place, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(aside)
    disk = os.statvfs(place)
    filler = place / "filler"
    filler.write_bytes(b"\0" * (disk.f_bavail * disk.f_frsize - leaving))
    return filler


def mount_read_only(mount: Mount, place: Path) -> None:
    mount(place, "--bind", str(place))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)


def state_of_production(deployed: Deployed) -> str:
    file = deployed.state.artifacts / "environments" / "prod" / "state.json"
    return json.loads(file.read_bytes())["run_id"]


def test_artifacts_that_cannot_be_written(deployed: Deployed, met: Met):
    (deployed.root / "file").touch()
    deployed.reconfigure("projects:", f"artifacts: {deployed.root}/file/x\n    projects:")
    with deployed.unchanged():
        ended = deployed.attempt("prod__plain")
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    assert "Not a directory" in ended.message
    met(ended.message)


def test_a_disk_of_artifacts_that_fills_in_the_middle_of_a_run(
    deployed: Deployed, mount: Mount, met: Met
):
    filler = mount_full(mount, deployed.state.artifacts / "runs", leaving=100_000)
    before = state_of_production(deployed)
    with deployed.unchanged(but=WAREHOUSE):
        ended = deployed.attempt("prod__plain")
    assert (ended.step, ended.message) == ("dbt_build", ended.recorded)
    assert "No space left on device" in ended.message
    met(ended.message)
    filler.unlink()
    assert deployed.attempt("prod__plain").success
    assert state_of_production(deployed) != before


def test_a_disk_that_is_full_when_a_run_publishes(deployed: Deployed, mount: Mount, met: Met):
    """A run that failed for lack of space had published its state already, but not its docs."""
    place = deployed.state.artifacts / "environments"
    # Room for the state of the run, but not for its docs.
    filler = mount_full(mount, place, leaving=1_500_000)
    with deployed.unchanged(but=WAREHOUSE):
        ended = deployed.attempt("prod__daily")
    assert (ended.success, ended.step) == (False, ""), "all steps went well"
    error, _, message = ended.message.partition("\n")[0].partition(": ")
    assert error == "deploy_project.errors.ArtifactError"
    assert "No space left on device" in message
    assert message.startswith("publishing docs at ")
    assert ended.recorded == message
    met(message)
    filler.unlink()
    assert deployed.attempt("prod__daily").success


def test_a_disk_that_fills_while_dbt_runs(deployed: Deployed, mount: Mount, met: Met):
    filler = mount_full(mount, deployed.state.root / "work", leaving=900_000)
    with deployed.unchanged(but=WAREHOUSE):
        ended = deployed.attempt("prod__plain")
    assert ended.step == "dbt_build"
    assert "No space left on device" in ended.message
    met(ended.message)
    filler.unlink()
    assert list((deployed.state.root / "work").iterdir()) == [], "its scratch space was freed"
    assert deployed.attempt("prod__plain").success


def test_a_state_directory_that_cannot_be_written(
    deployed: Deployed, mount: Mount, monkeypatch: pytest.MonkeyPatch, met: Met
):
    """The location loaded, and then every run of it failed."""
    with deployed.unchanged():
        mount_read_only(mount, deployed.state.root / "repositories")
        monkeypatch.setenv("DEPLOY_STATE", str(deployed.state.root / "repositories"))
        (told,) = loaded(monkeypatch)
    assert "Read-only file system" in told
    met(told)


def test_repositories_that_cannot_be_written(deployed: Deployed, mount: Mount, met: Met):
    cursor = deployed.settled()
    deployed.push({"models/new.sql": "select 1 as x"})
    mount_read_only(mount, deployed.state.root / "repositories")
    with deployed.unchanged():
        ended = deployed.attempt("prod__plain")
        ticked = deployed.tick(cursor)
    assert (ended.step, ended.message) == ("clone_git_repository", ended.recorded)
    for said in (ended.message, ticked.said):
        assert "Read-only file system" in said
        assert f"state directory '{deployed.state.root}'" in said
    met(ended.message)
    met(ticked.said)


def test_a_disk_without_room_for_a_directory(deployed: Deployed, mount: Mount, met: Met):
    """The failed step said why; then the end of the run failed too, and left no record."""
    mount(deployed.state.root / "work", "-t", "tmpfs", "-o", "nr_inodes=1", "none")
    with deployed.unchanged():
        ended = deployed.attempt("prod__plain")
    assert ended.step == "clone_git_repository"
    assert "No space left on device" in ended.message
    met(ended.message)
