"""The jobs file that the API writes, read beside those in git, as data."""

from pathlib import Path

import pytest

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.writing.quoted_yaml import quoted_yaml
from deploy_project.runs.model.streak import fingerprint
from tests.support.deployments.configuration_files import Configuration

FILE = "state/api/jobs.yml"
GIT = "jobs:\n  daily: {environment: production, id: 5}\n"
NIGHTLY = """
jobs:
  nightly:
    id: 7
    name: "{{ 7 * 7 }} [[other]]"
    environment_id: 11
    execute_steps: ["dbt build --vars '{{ x }}'"]
    schedule:
      cron: "0 5 * * 1"
      date: {type: days_of_week, days: [1]}
      time: {type: at_exact_hours, hours: [5]}
    triggers: {schedule: true}
    created_at: "2026-11-30T06:00:00+00:00"
"""


def test_its_jobs_are_jobs_like_others_but_no_templates(configuration: Configuration):
    found = configuration.load({"jobs.yml": GIT, FILE: NIGHTLY})
    job = found.jobs["production__nightly"]
    assert (job.id, job.title, job.scheduled) == (7, "{{ 7 * 7 }}", True)
    assert job.commands == ("dbt build --vars '{{ x }}'",)
    assert list(found.jobs) == ["production__daily", "production__nightly"]


def test_each_job_knows_its_place_and_its_keys(configuration: Configuration):
    found = configuration.load({"jobs.yml": GIT, FILE: NIGHTLY})
    daily, nightly = (job.written for job in found.jobs.values())
    assert daily is not None
    assert nightly is not None
    assert (daily.file, daily.line, daily.over_api) == (configuration.root / "jobs.yml", 2, False)
    assert (nightly.file, nightly.line, nightly.over_api) == (configuration.root / FILE, 3, True)
    assert nightly.entry["name"] == "{{ 7 * 7 }} [[other]]"
    assert nightly.entry["schedule"]["date"] == {"type": "days_of_week", "days": [1]}
    assert nightly.entry["triggers"] == {"schedule": True}


def test_its_place_is_no_part_of_what_a_job_is(configuration: Configuration):
    """A line above a job would have begun its count of failures anew."""
    before = configuration.load({"jobs.yml": GIT}).jobs["production__daily"]
    after = configuration.load({"jobs.yml": f"\n\n{GIT}"}).jobs["production__daily"]
    assert before.written != after.written
    assert (before, fingerprint(before)) == (after, fingerprint(after))


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        (
            "daily: {environment_id: 11, execute_steps: [dbt build]}",
            "state/api/jobs.yml:1: jobs.daily: has the same identifier as the job at jobs.yml:2, "
            "found 'daily'; give that one another identifier, or delete this one over the API",
        ),
        (
            "other: {id: 5, environment_id: 11, execute_steps: [dbt build]}",
            "state/api/jobs.yml:1: jobs.other.id: is also the id of 'production__daily' at "
            "jobs.yml:2, found 5; give one of them another `id`",
        ),
        (
            "other: {environment_id: 13, execute_steps: [dbt build]}",
            "state/api/jobs.yml:1: jobs.other.environment_id: is the id of no environment, found "
            "13; put `id: 13` at its environment in deploy.yaml (known ids: 11 is 'production', "
            "12 is 'staging')",
        ),
    ],
)
def test_a_clash_with_git_is_one_error_that_names_both(
    configuration: Configuration, job: str, problem: str
):
    assert configuration.problems({"jobs.yml": GIT, FILE: f"jobs: {{{job}}}"}) == [problem]


def test_a_pattern_that_names_it_too_reads_it_once(configuration: Configuration):
    files = {
        "deploy.yaml": """
            projects:
              shop: {id: 7, repository: https://github.com/acme/shop.git}
            environments:
              production: {id: 11}
            jobs: ["*.yml", "**/jobs.yml"]
        """,
        "jobs.yml": GIT,
        FILE: NIGHTLY,
    }
    assert list(configuration.load(files).jobs) == ["production__daily", "production__nightly"]


def test_a_file_that_cant_be_read_is_an_error_and_no_empty_one(configuration: Configuration):
    (configuration.root / FILE).mkdir(parents=True)
    [problem] = configuration.problems({"jobs.yml": GIT})
    assert problem.startswith("state/api/jobs.yml:1: (file): can't be read")


def test_a_text_can_be_tried_before_it_is_written(configuration: Configuration):
    configuration.write({"jobs.yml": GIT, FILE: NIGHTLY})
    text = quoted_yaml({"jobs": {"tried": {"environment_id": 12, "execute_steps": ["dbt run"]}}})
    config, state = configuration.root / "deploy.yaml", configuration.root / "state"
    found = load_deployment(config, state=state, api_jobs=text)
    assert list(found.jobs) == ["production__daily", "staging__tried"]
    assert Path(state / "api" / "jobs.yml").read_text().strip() == NIGHTLY.strip()
