"""What `dagster job execute` prints of a failure."""

import dagster as dg
import pytest

from tests.support.deployments.site import Site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
"""
BROKEN = {f"models/broken_{number:02}.sql": "select nope as id" for number in range(45)}


def test_forty_five_failures_are_counted_and_told_once(site: Site):
    """Three were named and 42 were not; message and stack trace came twice."""
    site.configure(jobs=JOBS)
    site.push(BROKEN)
    done = site.start("job", "execute", "-m", "deploy_project.definitions", "-j", "prod__nightly")
    output, _ = done.communicate()
    assert done.returncode == 1
    [run_id] = site.run_ids()
    message = site.steps(run_id)["04-dbt-build"]["message"]
    first, *reasons, last = message.splitlines()
    assert first == "`dbt build` failed: 45 error"
    assert sum(each.startswith("broken_") for each in reasons) == 3
    assert last == "and 42 more"
    assert output.count("Stack Trace:") == 1
    assert output.count(f"events.Failure: {message}") == 1
    assert "Execution of run for \"prod__nightly\" failed. Steps failed: ['dbt_build'].\n" in output
    assert output.count(first) == 2  # in the step's own log, and where Dagster says that it failed


def test_an_error_before_the_first_step_is_told(site: Site):
    """It has no step that has told it, so nothing of it is left out."""
    site.configure(jobs=JOBS)
    output = site.execute("prod__nightly", "--tags", '{"deploy/commit": "short"}').output
    assert output.count("which is no full commit id") >= 1
    assert output.count("Stack Trace:") == 1


def test_dagsters_own_history_keeps_the_whole_error(site: Site):
    site.configure(jobs=JOBS)
    site.push({"models/broken.sql": "select nope as id"})
    result = site.execute("prod__nightly")
    assert not result.success
    for kind in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.STEP_FAILURE):
        [failure] = site.events(result.run_id, kind)
        assert "`dbt build` failed: 1 error" in failure.error.message
        assert failure.error.stack
