"""Runs of other steps than their job's that nobody can run, and how that is told."""

import dagster as dg
import pytest

from deploy_project.errors import ConfigError
from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import read
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow


def test_a_job_that_is_not_there(deployed: Deployed, met: Met):
    with deployed.unchanged():
        ended = deployed.attempt(
            "prod__requested", config={"ops": {"plan": {"config": {"job": "dayly"}}}}
        )
    assert (ended.success, ended.step) == (False, "plan")
    assert "'dayly' is no job of environment 'prod'" in ended.message
    met(ended.message)


def test_a_job_of_another_environment(deployed: Deployed):
    """A run has the secrets and the place of its environment."""
    with deployed.unchanged():
        ended = deployed.attempt(
            "prod__requested", config={"ops": {"plan": {"config": {"job": "staging__slim"}}}}
        )
    assert "'staging__slim' is no job of environment 'prod'" in ended.message


def test_a_job_whose_run_is_in_progress(deployed: Deployed, met: Met):
    """One from the launchpad has not waited in the queue."""
    with deployed.instance() as instance:
        other = instance.add_run(
            dg.DagsterRun(
                job_name="prod__daily",
                status=dg.DagsterRunStatus.STARTED,
                tags={tags.QUEUE: "prod__daily"},
            )
        )
    try:
        with deployed.unchanged():
            ended = deployed.attempt(
                "prod__requested", config={"ops": {"plan": {"config": {"job": "daily"}}}}
            )
    finally:
        with deployed.instance() as instance:
            instance.delete_run(other.run_id)
    assert f"run {other.run_id} of job 'prod__daily' is in progress" in ended.message
    met(ended.message)


def test_a_target_that_is_a_path(met: Met):
    with pytest.raises(ConfigError) as raised:
        read({"target_name": "../prod"})
    met(str(raised.value))


def test_an_override_that_runs_do_not_have(met: Met):
    with pytest.raises(ConfigError) as raised:
        read({"destroy": True})
    met(str(raised.value))
