"""The whole of compose.yaml with a container for each run, driven from the command line."""

import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from tests.deploy.container_runs import DEPLOY_FILE, FILES, IMAGE, JOBS, PASSWORD, SECRET, in_docker
from tests.deploy.containers import Host
from tests.deploy.stack import Stack, running, stack
from tests.support.deployments.site import Site, make_site
from tests.support.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deploy")]


def test_runs_are_started_cancelled_and_retried(
    database: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files, logs = tmp_path / "files", tmp_path / "logs"
    files.mkdir()
    logs.mkdir()
    site, host = make_site(files, FILES), Host(files, logs)
    with in_docker(site, host, monkeypatch):
        given = {**database, "PLANTED": SECRET, "DOCKER_HOST": os.environ["DOCKER_HOST"]}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        made = stack(files, given)
        url = f"    dagster_url: http://127.0.0.1:{made.ports['3000']}\n"
        site.configure(jobs=JOBS, deploy=DEPLOY_FILE + url)
        try:
            with running(made, logs, IMAGE):
                drive(made, site)
        finally:
            host.end()
    shown = "".join(each.read_text(encoding="utf-8") for each in logs.glob("*.log"))
    assert SECRET not in shown
    assert PASSWORD not in shown
    assert [each.asked["Image"] for each in host.containers.values()] == [IMAGE] * 2


def drive(made: Stack, site: Site) -> None:
    """Start a run that would not end, cancel it, and run it again with what makes it end."""
    assert made.say("deploy-project", "run", "endless")[0] == 0
    run_id = site.run_ids()[0]
    wait(lambda: _is_building(site, run_id))
    assert made.say("deploy-project", "cancel", run_id)[0] == 0
    wait(lambda: site.status(run_id) == "CANCELED")
    assert site.record(run_id)["status"] == "Cancelled"
    site.push({"models/endless.sql": "select 1 as id"})
    code, said = made.say("deploy-project", "retry", run_id, "--from-start", "--wait")
    assert code == 0, said


def _is_building(site: Site, run_id: str) -> bool:
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    return [str(each.asset_key.path[-1]) for each in site.events(run_id, planned)] == ["endless"]
