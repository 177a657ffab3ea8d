"""The whole of compose.yaml with a container for each run, driven from the command line."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from tests.deploy.conftest import DEPLOY_FILE, FILES, IMAGE, JOBS, PASSWORD, SECRET, in_docker
from tests.deploy.containers import Host
from tests.deploy.stack import stack
from tests.integration.conftest import Site, make_site

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
        site.configure(jobs=JOBS, deploy=DEPLOY_FILE)
        try:
            with stack(files, logs, given, IMAGE) as running:
                url = f"\ndagster_url: http://127.0.0.1:{running.ports['3000']}\n"
                with (files / "deploy.yaml").open("a", encoding="utf-8") as file:
                    file.write(url)
                code, said = running.say("deploy-project", "run", "daily", "--wait")
                assert code == 0, said
                code, said = running.say("deploy-project", "run", "endless")
                assert code == 0, said
                while not (found := [each for each in site.run_ids() if _is_building(site, each)]):
                    time.sleep(0.5)
                code, said = running.say("deploy-project", "cancel", found[0])
                assert code == 0, said
                while site.status(found[0]) != "CANCELED":
                    time.sleep(0.5)
                assert site.record(found[0])["status"] == "Cancelled"
                site.push({"models/endless.sql": "select 1 as id"})
                code, said = running.say(
                    "deploy-project", "retry", found[0], "--from-start", "--wait"
                )
                assert code == 0, said
            shown = "".join(each.read_text(encoding="utf-8") for each in logs.glob("*.log"))
            assert SECRET not in shown
            assert PASSWORD not in shown
            assert len(host.containers) == 3
            assert {each.asked["Image"] for each in host.containers.values()} == {IMAGE}
        finally:
            host.end()


def _is_building(site: Site, run_id: str) -> bool:
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    return [str(each.asset_key.path[-1]) for each in site.events(run_id, planned)] == ["endless"]
