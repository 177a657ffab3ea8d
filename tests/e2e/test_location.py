"""The code location as Dagster's processes load it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployments.site import Site, make_site
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps: [dbt build]
        triggers: {schedule: true}
        schedule: {cron: "0 6 * * *"}
"""
DEPLOY = """
    projects:
      tiny: {repository: "https://nowhere.invalid/tiny.git"}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: staging, target: prod}
"""
NAMING = ', translator: "naming:Naming"'
TRANSLATOR = """
from dagster_dbt import DagsterDbtTranslator

class Naming(DagsterDbtTranslator):
    pass
"""
# Whatever would start a process or open a connection ends the load instead. Dagster alone may: its
# cron library asks `file` about Python.
LOAD = """
import os
import sys

import dagster

FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
             "os.forkpty", "socket.connect", "socket.getaddrinfo")

def forbid(event, arguments):
    if event in FORBIDDEN:
        print(f"loading did {event} with {arguments[:2]}", file=sys.stderr, flush=True)
        os._exit(97)  # an exception could be caught

sys.addaudithook(forbid)
from deploy_project.definitions import defs

repository = defs.get_repository_def()
print("jobs", *sorted(each.name for each in repository.get_all_jobs() if each.name[0] != "_"))
print("schedules", *sorted(each.name for each in repository.schedule_defs))
print("sensors", *sorted(each.name for each in repository.sensor_defs))
print("assets", *sorted(key.to_user_string() for key in defs.resolve_all_asset_keys()))
"""


def test_nothing_is_started_or_asked_while_it_loads_and_nothing_need_be_deployed(tmp_path: Path):
    site = make_site(tmp_path)
    site.configure(deploy=DEPLOY, jobs=JOBS)
    assert loaded(site) == {
        "jobs": ["prod__daily", "prod__requested", "staging__requested"],
        "schedules": ["prod__daily_schedule"],
        "sensors": ["run_records", "tiny_merges"],
        "assets": [
            *("deploy_project", "prod/jobs/daily"),
            *("prod/not_deployed_yet", "staging/not_deployed_yet"),
        ],
    }


def test_a_deployment_without_jobs_loads(tmp_path: Path):
    """A first job may be made over the API, and be started before the location is loaded again."""
    site = make_site(tmp_path)
    site.configure(deploy=DEPLOY, jobs="jobs: {}")
    found = loaded(site)
    assert found["jobs"] == ["prod__requested", "staging__requested"]
    assert found["sensors"] == ["run_records", "tiny_merges"]


OWN = """
import sys

sys.argv = sys.argv[1:]
from deploy_project.definitions import defs
from dagster_dbt.compat import DBT_PYTHON_VERSION

print(DBT_PYTHON_VERSION is not None, "dbt" in sys.modules)
"""


@pytest.mark.parametrize(
    ("arguments", "translator", "told"),
    [
        ("dagster api grpc -m deploy_project.definitions", "", "False False"),
        ("dagster api grpc -m deploy_project.definitions", NAMING, "True True"),
        ("dagster api grpc -m own_definitions", "", "True True"),
    ],
)
def test_dbt_is_spared_where_nothing_but_our_own_translator_needs_dagster_dbt(
    tmp_path: Path, arguments: str, translator: str, told: str
):
    site = make_site(tmp_path)
    site.configure(deploy=DEPLOY.replace('.git"}', f'.git"{translator}}}'), jobs="jobs: {}")
    (site.root / "naming.py").write_text(TRANSLATOR, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", OWN, *arguments.split()],
        cwd=site.root,
        env=site.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == told


def loaded(site: Site) -> dict[str, list[str]]:
    """What a fresh process that can't start anything sees of the location."""
    nothing = site.root / "nothing"
    nothing.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=site.root,
        env={**site.environment, "PATH": str(nothing)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    return {kind: names for kind, *names in lines}


def test_the_repository_itself_is_valid_for_dagster(tmp_path: Path):
    """From the root, as README.md and the Makefile do it, with its state elsewhere."""
    site = make_site(tmp_path)
    environment = {k: v for k, v in site.environment.items() if k != "DEPLOY_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "Validation successful for code location deploy_project" in done.stdout
