"""Runs that people and programs ask for: their code, their place, and what they do otherwise."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Job,
    JobType,
    Off,
    Project,
)
from deploy_project.errors import ConfigError
from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.requests.by_hand import Wish, by_hand, code, place

ENVIRONMENT = Environment("prod", 1, Project("shop", 1, "/nowhere"), "production", branch="main")


def test_a_run_takes_the_head_unless_a_commit_is_asked_for():
    assert code(ENVIRONMENT, Wish()) == {}
    fixed = {
        tags.COMMIT: "aaaaaaa",
        tags.FULL_COMMIT: "a" * 40,
        tags.COMMIT_OVERRIDE: "a" * 40,
    }
    assert code(ENVIRONMENT, Wish(commit="a" * 40)) == fixed
    named = Wish(commit="a" * 40, branch="b")
    assert code(ENVIRONMENT, named) == {**fixed, tags.BRANCH: "b", tags.BRANCH_OVERRIDE: "b"}
    assert code(ENVIRONMENT, replace(named, pull_request=7)) == {
        **fixed,
        tags.HIDDEN_BRANCH: "b",
        tags.BRANCH_OVERRIDE: "b",
    }


CHECKS = Job(
    name="prod__checks",
    identifier="checks",
    id=23,
    title="Checks",
    environment=ENVIRONMENT,
    description="",
    job_type="ci",
    steps=(("build",),),
    commands=("dbt build",),
)


def test_a_run_builds_in_its_environments_schema_in_another_or_in_a_pull_requests():
    here = Wish(pull_request=12, branch="feature")
    assert place(CHECKS, Wish(), run_slots=None) == {}
    assert place(CHECKS, Wish(schema="trial"), run_slots=None) == {tags.SCHEMA_OVERRIDE: "trial"}
    assert place(CHECKS, here, run_slots=2) == {
        tags.PULL_REQUEST: "12",
        tags.SCHEMA_OVERRIDE: "dbt_cloud_pr_23_12",
        tags.QUEUE: "prod__checks:12",
    }
    named = replace(here, pull_request_kind="azure")
    assert place(CHECKS, named, run_slots=2)[tags.PULL_REQUEST_KIND] == "azure"


@pytest.mark.parametrize(
    ("wish", "job_type", "said"),
    [
        (Wish(pull_request=12), "ci", "its code has to be named"),
        (Wish(pull_request=12, branch="b", schema="trial"), "ci", "without --schema"),
        (
            Wish(pull_request=12, commit="a" * 40),
            "other",
            "'checks' is not one of pull requests",
        ),
    ],
)
def test_a_pull_request_needs_its_code_and_a_job_of_its_kind(
    wish: Wish, job_type: JobType, said: str
):
    with pytest.raises(ConfigError, match=said):
        place(replace(CHECKS, job_type=job_type), wish, run_slots=None)


DAILY = replace(CHECKS, name="prod__daily", identifier="daily", job_type="other")
DEPLOYMENT = Deployment(
    source=Path("/deploy.yaml"),
    account=Account(1, "shop", run_slots=3),
    projects={"shop": ENVIRONMENT.project},
    environments={"prod": ENVIRONMENT},
    jobs={each.name: each for each in (CHECKS, DAILY)},
)


def test_a_run_says_why_it_was_asked_for_and_by_whom():
    asked = by_hand(DAILY, Wish(cause="c" * 300, who="ada@laptop"), DEPLOYMENT)
    assert (asked.job_name, asked.run_config) == ("prod__daily", {})
    assert asked.tags == {tags.TRIGGER: "api", tags.CAUSE: "c" * 255, tags.WHO: "ada@laptop"}
    assert by_hand(DAILY, Wish(), DEPLOYMENT).tags == {
        tags.TRIGGER: "api",
        tags.CAUSE: "Kicked off from the command line",
    }


def test_what_the_jobs_own_steps_can_do_is_their_configuration():
    wish = Wish(overrides=Overrides(threads=8, target_name="big"))
    asked = by_hand(DAILY, wish, DEPLOYMENT)
    assert asked.job_name == "prod__daily"
    assert asked.run_config == {
        "ops": {"clone_git_repository": {"config": {"threads": 8, "target_name": "big"}}}
    }


def test_other_steps_are_run_by_the_further_job_as_a_run_of_this_one():
    wish = Wish(overrides=Overrides(steps=("dbt seed", "dbt run"), generate_docs=False))
    asked = by_hand(DAILY, wish, DEPLOYMENT)
    assert asked.job_name == "prod__requested"
    config = {"job": "prod__daily", "steps": ["dbt seed", "dbt run"], "generate_docs": False}
    assert asked.run_config == {"ops": {"plan": {"config": config}}}
    own = tags.of_job(DAILY, run_slots=3)
    assert own.items() <= asked.tags.items()
    assert (own[tags.QUEUE], own[tags.SLOTS.format(3)]) == ("prod__daily", "account")


def test_a_pull_request_keeps_its_own_place_in_the_queue_with_other_steps():
    wish = Wish(pull_request=12, branch="b", commit="a" * 40, overrides=Overrides(("dbt run",)))
    asked = by_hand(CHECKS, wish, DEPLOYMENT)
    assert (asked.tags[tags.QUEUE], asked.tags[tags.JOB]) == ("prod__checks:12", "prod__checks")


def test_a_job_that_is_off_is_not_asked_for():
    off = replace(DAILY, off=(Off("job", "is no job"),))
    with pytest.raises(ConfigError, match="no run of job 'daily' was started"):
        by_hand(off, Wish(), DEPLOYMENT)
