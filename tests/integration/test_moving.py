"""Backup, restore and moving: the copy goes on where it was put (docs/operations.md)."""

import shutil
from pathlib import Path

import pytest

from deploy_project.releases import pointer
from tests.support.deployments.site import DEPLOY, Site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps: [dbt build]
        deferring_environment: prod
        generate_docs: true
"""
REBUILT = ("repositories", "deployed", "work", "dbt")
"""What of the state directory a backup may leave out."""
LATER = {"models/orders.sql": "select 1 as id, 25 as amount"}


def moved(site: Site, directory: Path) -> Site:
    """Copy what a backup holds to another place; what is at the old one is gone afterwards."""
    root = str(site.state.root)
    shutil.copytree(site.root, directory, ignore=lambda at, _: REBUILT if str(at) == root else ())
    shutil.rmtree(site.root)
    there = Site(directory)
    there.git("remote", "set-url", "origin", str(there.remote))
    there.configure(jobs=JOBS, deploy=DEPLOY)
    return there


def test_a_deployment_goes_on_where_it_was_restored(
    site: Site, tmp_path_factory: pytest.TempPathFactory
):
    site.configure(jobs=JOBS, deploy=DEPLOY)
    before = site.execute("prod__daily")
    assert before.success, before.output
    there = moved(site, tmp_path_factory.mktemp("other") / "machine")
    assert there.status(before.run_id) == "SUCCESS", "the history came along"
    assert "Done." in there.console(before.run_id, "04-dbt-build")
    assert {each.name for each in there.state.root.iterdir()}.isdisjoint(REBUILT)

    again = there.execute("prod__daily")
    assert again.success, again.output
    console = there.console(again.run_id, "04-dbt-build")
    assert f"Deferring to the state of environment 'prod', run {before.run_id}" in console

    commit = there.push(LATER)
    later = there.execute("prod__daily")
    assert later.success, later.output
    assert there.query("select amount from orders") == [(25,)]
    deployed = pointer.deployed(there.state, "prod")
    assert deployed is not None
    assert deployed.commit == commit
