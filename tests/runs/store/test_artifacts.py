"""Publishing on a disk, where other runs publish at the same time."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest
from upath import UPath

from deploy_project.runs.store.artifacts import Artifacts, Publication

PUBLISHER = """
import sys
from pathlib import Path
from tests.runs.store.test_artifacts import publish
for number in range(100):
    publish(Path(sys.argv[1]), f"{sys.argv[2]}-{number}")
"""
HOUR = 3600


def publish(root: Path, run_id: str) -> None:
    """Publish a state and documentation whose content is the id of their run."""
    artifacts = Artifacts(UPath(root))
    made = artifacts.run(run_id) / "manifest.json"
    artifacts.write_text(made, run_id)
    owner = artifacts.environment("prod")
    files = [(made, "manifest.json")]
    publications = [Publication(owner, "state", files), Publication(owner, "docs", files)]
    artifacts.publish(run_id, publications)


def published(root: Path, what: str) -> str:
    """Return the content of what is published now."""
    assert what in ("state", "docs")
    artifacts = Artifacts(UPath(root))
    place = artifacts.published(artifacts.environment("prod"), what)
    assert place is not None
    return (place / "manifest.json").read_text(encoding="utf-8")


def versions(root: Path) -> list[str]:
    return sorted(os.listdir(root / "environments" / "prod" / "state"))


def test_processes_that_publish_for_one_environment_together_all_do(tmp_path: Path):
    """Of two runs that ended together one failed with "publishing failed": 10 of 600 writes did."""
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c")
    ]
    assert [each.communicate()[1] for each in publishers] == ["", "", ""]
    last = {f"{name}-99" for name in "abc"}
    assert published(tmp_path, "state") in last
    assert published(tmp_path, "docs") in last
    for what in ("state", "docs"):
        pointer = tmp_path / "environments" / "prod" / f"{what}.json"
        assert json.loads(pointer.read_text("utf-8")) == {"run_id": published(tmp_path, what)}


def test_threads_that_publish_for_one_environment_together_all_do(tmp_path: Path):
    run_ids = [f"run-{number}" for number in range(300)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, repeat(tmp_path), run_ids))
    assert published(tmp_path, "state") in run_ids
    assert published(tmp_path, "docs") in run_ids


def test_the_three_newest_versions_are_kept_once_they_are_an_hour_old(tmp_path: Path):
    for number in range(6):
        publish(tmp_path, f"run-{number}")
        age = (10 - number) * HOUR
        place = tmp_path / "environments" / "prod" / "state" / f"run-{number}"
        os.utime(place, (time.time() - age, time.time() - age))
    publish(tmp_path, "run-6")
    assert versions(tmp_path) == ["run-4", "run-5", "run-6"]
    assert published(tmp_path, "state") == "run-6"


def test_a_version_that_its_run_is_about_to_point_at_is_not_forgotten(tmp_path: Path):
    """Three runs that published meanwhile had it deleted: the run then pointed at nothing."""
    slow = tmp_path / "environments" / "prod" / "state" / "slow"
    slow.mkdir(parents=True)
    os.utime(slow, (time.time() - 60, time.time() - 60))
    for number in range(5):
        publish(tmp_path, f"run-{number}")
    assert slow.is_dir()


@pytest.mark.parametrize("name", ["state.json", "state.with.dots", "no-suffix"])
def test_what_is_written_leaves_nothing_beside_it(tmp_path: Path, name: str):
    artifacts = Artifacts(UPath(tmp_path))
    artifacts.write_text(artifacts.root / name, "text")
    assert os.listdir(tmp_path) == [name]
