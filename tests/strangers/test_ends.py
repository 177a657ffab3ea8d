"""Hostile runs that go on where they have failed, and that are killed while they attack."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from deploy_project.dbt.processes import sandbox
from deploy_project.runs.outcome.ends import Cursor
from tests.support.history.run_records import Watch
from tests.support.hostile.deployment import LASTING, Deployment, deployed, running
from tests.support.hostile.left import Left
from tests.support.waiting import wait

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it"),
]
LINKS = Left(
    "links",
    "(target / 'stolen.csv').symlink_to('VICTIM/secret.csv'); "
    "(target / 'compiled').mkdir(exist_ok=True); "
    "(target / 'compiled' / 'all').symlink_to('VICTIM'); os.mkfifo(target / 'pipe')",
)
STAYS = """
def model(dbt, session):
    dbt.config(materialized="table")
    import os, pathlib, subprocess, time
    target = pathlib.Path(os.environ["DBT_TARGET_PATH"])
    (target / "stolen.csv").symlink_to("VICTIM/secret.csv")
    subprocess.Popen(["sleep", "9876543"], start_new_session=True)
    time.sleep(600)
    return session.sql("select 1 as id")
"""
"""It leaves a link and a process of its own session, and does not end."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("hostile")) as made:
        yield made


def test_a_retry_of_a_hostile_run_takes_nothing_over(deployment: Deployment):
    """Its retry reads the artifacts of the run before, and fills its target with them."""
    before = deployment.snapshot()
    files = {
        "models/evil.py": LINKS.model.replace("VICTIM", str(deployment.victim)),
        "models/broken.sql": "select * from nowhere",
    }
    head = deployment.push(1, files)
    run = deployment.run(1, head)
    assert not run.success
    again = deployment.site.run("prod__checks", retry_of=run.run_id)
    assert not again.success
    for each in (run, again):
        deployment.assert_ended_well(each)
        kept = deployment.site.directory(each.run_id)
        assert [each.name for each in kept.rglob("*") if each.is_symlink() or each.is_fifo()] == []
    names = [name for name, _ in deployment.site.statuses(again.run_id)]
    assert "Invoke dbt with `dbt retry`" in names
    deployment.assert_unharmed(before, head)
    deployment.assert_discreet()


def test_what_a_killed_hostile_run_has_started_ends_and_what_it_has_left_is_not_kept(
    deployment: Deployment,
):
    deployment.site.state.prepare()  # as every process of ours does
    before = deployment.snapshot()
    head = deployment.push(2, {"models/evil.py": STAYS})
    tags = {"deploy/pull_request": "2", "deploy/commit": head, "deploy/branch": "pr/2"}
    site, known = deployment.site, set(deployment.site.run_ids())
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__checks")
    process = site.start(*command, "--tags", json.dumps(tags))
    try:
        wait(lambda: running(LASTING), otherwise=lambda: process.poll())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    wait(lambda: not running(LASTING), otherwise=lambda: running(LASTING))
    (run_id,) = set(site.run_ids()) - known
    with site.instance() as instance, site.working_directory():
        run = instance.get_run_by_id(run_id)
        assert run is not None
        watch = Watch(site, instance, Cursor(datetime.now(UTC)))
        instance.report_run_failed(run, "Its process was killed.")
        assert watch.tick() == [f"Wrote the record of run {run_id} of prod__checks"]
        assert watch.warnings == []
    kept = site.directory(run_id)
    assert (kept / "04-dbt-build" / "step.json").is_file()
    assert [each.name for each in kept.rglob("*") if each.is_symlink()] == []
    deployment.assert_unharmed(before, head)
    deployment.assert_discreet()
