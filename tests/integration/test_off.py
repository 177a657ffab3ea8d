"""Runs of jobs with one part off: what they say, and what they build all the same."""

import dagster as dg
import pytest

from tests.support.deployments.site import Site, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      after:
        environment: prod
        execute_steps: [dbt build --select orders]
        deferring_job_definition_id: 31
        job_completion_trigger_condition: {condition: {job_id: 31}}
      slip: {environment: prod, execute_steps: [dbt buid]}
      checks:
        id: 23
        environment: prod
        job_type: ci
        execute_steps: [dbt build --select state:modified+]
        deferring_environment_id: 99
"""
DEFERRAL = (
    "The deferral is off: jobs.after.deferring_job_definition_id: is the id of no job, found 31; "
)
TRIGGER = (
    "The completion trigger is off: "
    "jobs.after.job_completion_trigger_condition.condition.job_id: is the id of no job, found 31; "
)
SLIP = (
    "The job is off: jobs.slip.execute_steps.0: is no subcommand of `dbt`, found 'buid'; "
    "did you mean `dbt build`?"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("off"))
    made.configure(jobs=JOBS)
    return made


def test_a_run_says_first_what_is_off_and_runs_without_deferring(site: Site):
    """One id of no job kept all jobs of the location from loading."""
    run = site.run("prod__after")
    assert run.success
    lines = site.console(run.run_id, "01-clone-git-repository").splitlines()
    assert lines[1].startswith(DEFERRAL)
    assert lines[2].startswith(TRIGGER)
    said = site.console(run.run_id, "04-dbt-build")
    assert f"Nothing to defer to. {DEFERRAL}" in said
    assert "This command runs without --defer and --state." in said
    assert site.query("select id from main.orders") == [(1,)]


def test_a_job_that_is_off_fails_at_once_with_its_reason(site: Site):
    """`dbt buid` cloned, connected and installed packages before dbt refused it."""
    run = site.run("prod__slip")
    assert not run.success
    steps = site.steps(run.run_id)
    assert list(steps) == ["01-clone-git-repository"]
    assert steps["01-clone-git-repository"]["message"] == SLIP
    assert "Commit" not in site.console(run.run_id, "01-clone-git-repository")
    record = site.record(run.run_id)
    assert (record["message"], "commit" in record) == (SLIP, False)


def test_a_pull_request_without_its_state_follows_the_rule_for_that(site: Site):
    """`without_state` held for a state that is not there yet, and not for one that never will."""
    pull = {"deploy/pull_request": "7", "deploy/commit": site.push({}, ref="pr/7")}
    refused = site.run("prod__checks", pull)
    assert not refused.success
    off = "The deferral is off: jobs.checks.deferring_environment_id: is the id of no environment"
    message = site.steps(refused.run_id)["04-dbt-build"]["message"]
    assert message.startswith(f"Nothing to defer to. {off}, found 99; ")
    assert message.endswith(
        ". Correct that; or have pull requests build all that they select until then: "
        "`pull_requests.without_state: build_all`"
    )


def test_a_pull_request_builds_everything_without_its_state_if_that_is_wanted(site: Site):
    before = (site.root / "deploy.yaml").read_text(encoding="utf-8")
    option = before.replace("remote.git}", "remote.git, pull_requests: {without_state: build_all}}")
    (site.root / "deploy.yaml").write_text(option, encoding="utf-8")
    try:
        run = site.run("prod__checks", {"deploy/pull_request": "8"})
    finally:
        (site.root / "deploy.yaml").write_text(before, encoding="utf-8")
    assert run.success
    assert site.steps(run.run_id)["04-dbt-build"]["counts"] == {"success": 2}
    assert "Everything counts as new until then." in site.console(run.run_id, "04-dbt-build")


def test_the_location_loads_with_everything_else_as_it_is(site: Site):
    found = site.definitions().get_repository_def()
    jobs = {each.name: each for each in found.get_all_jobs()}
    assert {"prod__nightly", "prod__after", "prod__slip", "prod__checks"} <= jobs.keys()
    assert SLIP in (jobs["prod__slip"].description or "")
    off = jobs["prod__after"].metadata["off"]
    assert isinstance(off, dg.MarkdownMetadataValue)
    assert str(off.value).startswith(DEFERRAL)
    assert f"\n\n{TRIGGER}" in str(off.value)
