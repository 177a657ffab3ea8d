from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote
from tests.cli.conftest import Configure

DEPLOY = """
    projects: {shop: {repository: REMOTE}}
    environments:
      prod: {type: production, branch: main, target: prod}
      next: {branch: nowhere}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        triggers: {schedule: true}
        schedule: {cron: ["0 6 * * *", "0 18 * * *"], timezone: Europe/Berlin}
      paused:
        environment: prod
        triggers: {schedule: false, on_merge: true}
        schedule: {cron: "0 6 * * *"}
      by_hand: {environment: prod}
      after:
        environment: prod
        job_completion_trigger_condition:
          all: [{job: nightly}, {location: ingest, job: load}, {asset: raw/orders}]
"""


def test_check_shows_the_jobs_with_what_starts_them(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY, JOBS)
    assert main(["check"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "prod__nightly scheduled schedule 0 6 * * * | 0 18 * * * (Europe/Berlin)" in lines
    assert "prod__paused scheduled merge 0 6 * * * (UTC, off)" in lines
    assert "prod__by_hand scheduled by hand" in lines
    after = "after job prod__nightly and job load of ingest and asset raw/orders"
    assert f"prod__after scheduled {after}" in lines


def test_check_reports_every_secret_that_is_missing(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    secrets = "variables: {DBT_A: {env: NOT_SET_A}, DBT_B: {file: none}}"
    configure(DEPLOY.replace("target: prod", secrets), JOBS)
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "2 problems" in told
    assert "'NOT_SET_A' is not set" in told
    assert "none' can't be read" in told


@pytest.mark.slow
def test_check_online_asks_for_every_branch(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    remote = make_remote(StateDirectory(tmp_path / "remote"))
    configure(DEPLOY.replace("REMOTE", str(remote)), JOBS)
    assert main(["check", "--online"]) == 1
    printed = capsys.readouterr()
    assert "prod: main is at " in printed.out
    assert "environments.next: branch 'nowhere' does not exist" in printed.err


def test_check_online_reports_a_remote_that_is_not_there(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY.replace("REMOTE", str(tmp_path / "none.git")), JOBS)
    assert main(["check", "--online"]) == 1
    assert "environments.prod: project 'shop'" in capsys.readouterr().err
