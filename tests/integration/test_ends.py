"""Runs that are ended before they are done: by their timeout, by a person, from outside."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from deploy_project.runs.model import run_facts
from tests.support.deployments.site import ENDLESS, Site
from tests.support.running.processes import processes_of
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      endless:
        environment: prod
        execute_steps: [dbt run, dbt test]
        generate_docs: true
      limited:
        environment: prod
        execute_steps: [dbt run, dbt test]
        execution: {timeout_seconds: LIMIT}
"""


def test_a_run_that_takes_too_long_is_cancelled(site: Site):
    """A timeout made the run fail; dbt Cloud cancels it, which other jobs and people can tell."""
    site.push({"models/endless.sql": ENDLESS})
    for limit in (30, 100, 300):  # a slow machine needs longer until dbt has parsed
        site.configure(jobs=JOBS.replace("LIMIT", str(limit)))
        begun = time.monotonic()
        run = site.run("prod__limited")
        assert time.monotonic() - begun >= limit
        if (site.directory(run.run_id, "04-dbt-run") / "target" / "manifest.json").is_file():
            break
    message = (
        f"This run timed out after running for {limit} seconds, "
        f"which exceeded the configured timeout of {limit} seconds."
    )
    assert site.status(run.run_id) == "CANCELED"
    record = site.record(run.run_id)
    assert (record["status"], record["message"]) == ("Cancelled", message)
    steps = site.steps(run.run_id)
    assert list(steps)[-1] == "04-dbt-run"
    assert steps["04-dbt-run"]["status"] == "Cancelled"
    assert message in site.console(run.run_id, "04-dbt-run")
    assert site.statuses(run.run_id)[4:] == [("Invoke dbt with `dbt test`", "Skipped")]
    assert (site.directory(run.run_id, "04-dbt-run") / "target" / "manifest.json").is_file()
    assert processes_of(site) == []
    site.change("create table opened as select 1 as id")  # DuckDB's lock is free


def test_an_interrupted_run_is_cancelled_and_leaves_no_dbt_behind(site: Site):
    site.push({"models/endless.sql": ENDLESS})
    site.configure(jobs=JOBS.replace("LIMIT", "600"))
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__endless")
    process = site.start(*command)
    assert process.stdout is not None
    for line in process.stdout:
        if "OK created sql view model main.orders" in line:  # endless has begun before
            break
    time.sleep(1)
    assert processes_of(site)
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode != 0, output
    (run_id,) = site.run_ids()
    assert site.status(run_id) == "CANCELED"
    assert processes_of(site) == []
    record = site.record(run_id)
    assert record["status"] == "Cancelled"
    assert record["message"] == "Interrupted on the command line."
    assert [status for _, status in site.statuses(run_id)[3:]] == [
        "Cancelled",
        "Skipped",
        "Skipped",
    ]
    directory = site.directory(run_id, "04-dbt-run")
    for name in ("console.log", "dbt.log", "step.json", "target/manifest.json"):
        assert (directory / name).is_file(), name
    assert "prod/orders" in site.materialized(run_id)
    assert "prod/endless" not in site.materialized(run_id)
    assert site.artifacts.published(site.artifacts.environment("prod"), "state") is None
    assert list(site.state.all_work.iterdir()) == []
    site.change("create table opened as select 1 as id")  # DuckDB's lock is free


def test_an_interrupted_run_of_other_steps_is_cancelled_as_one_of_its_job(
    site: Site, tmp_path: Path
):
    site.push({"models/endless.sql": ENDLESS})
    site.configure(jobs=JOBS.replace("LIMIT", "600"))
    steps = ["dbt run -s orders", "dbt run -s endless", "dbt test"]
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"ops": {"plan": {"config": {"job": "endless", "steps": steps}}}}))
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__requested")
    process = site.start(*command, "--config", str(file))
    assert process.stdout is not None
    for line in process.stdout:
        if "START sql table model main.endless" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode != 0, output
    (run_id,) = site.run_ids()
    assert site.status(run_id) == "CANCELED"
    assert processes_of(site) == []
    record = site.record(run_id)
    assert (record["job"], record["status"]) == ("prod__endless", "Cancelled")
    assert site.statuses(run_id)[3:] == [
        ("Invoke dbt with `dbt run -s orders`", "Success"),
        ("Invoke dbt with `dbt run -s endless`", "Cancelled"),
        ("Invoke dbt with `dbt test`", "Skipped"),
        ("Invoke dbt with `dbt docs generate`", "Skipped"),
    ]
    facts = run_facts.kept(site.artifacts, run_id)
    assert facts is not None
    assert facts.overrides == {"steps": steps}
