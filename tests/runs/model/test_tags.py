import re
from dataclasses import replace

import pytest

from deploy_project.config.values.deployment import Environment, HostingKind, Job, Project
from deploy_project.runs.model import tags
from deploy_project.runs.model.streak import fingerprint
from deploy_project.runs.model.tags import Trigger, reason_category, run_number, trigger
from tests.support.paths import ROOT

RUN_ID = "7d3c1f0a-9b2e-4c55-8a11-000000000000"


@pytest.mark.parametrize(
    ("given", "from_location", "expected"),
    [
        ({}, True, Trigger("ui", "Kicked off from the UI")),
        ({}, False, Trigger("api", "Kicked off from the command line")),
        ({"deploy/cause": "Nightly fix"}, False, Trigger("api", "Nightly fix")),
        ({"deploy/trigger": "scheduled"}, True, Trigger("scheduled", "Triggered: scheduled")),
        (
            {"deploy/trigger": "scheduled", "deploy/cause": "Scheduled"},
            True,
            Trigger("scheduled", "Scheduled"),
        ),
        ({"dagster/schedule_name": "daily"}, True, Trigger("scheduled", "Scheduled")),
        ({"deploy/trigger": "api", "deploy/cause": "curl"}, True, Trigger("api", "curl")),
        (
            {"deploy/trigger": "job completion", "deploy/cause": "After prod__daily"},
            True,
            Trigger("job completion", "After prod__daily"),
        ),
        ({"deploy/trigger": "mischief"}, True, Trigger("ui", "Kicked off from the UI")),
        (
            {"dagster/parent_run_id": "abc", "deploy/trigger": "merge", "deploy/cause": "Merge"},
            True,
            Trigger("rerun", "Rerun of abc"),
        ),
        ({"deploy/cause": "x" * 300}, True, Trigger("ui", "x" * 255)),
    ],
)
def test_the_trigger_is_read_from_the_tags(
    given: dict[str, str], from_location: bool, expected: Trigger
):
    assert trigger(given, from_location=from_location) == expected


OTHER_ID = "8d3c1f0a-9b2e-4c55-8a11-000000000000"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"dagster/parent_run_id": RUN_ID}, None),
        ({"dagster/parent_run_id": RUN_ID, "dagster/is_resume_retry": "true"}, RUN_ID),
        ({"dagster/parent_run_id": RUN_ID, "deploy/resumed_run": RUN_ID}, RUN_ID),
        ({"dagster/parent_run_id": OTHER_ID, "deploy/resumed_run": RUN_ID}, None),
        ({"dagster/parent_run_id": "../../x", "deploy/resumed_run": "../../x"}, None),
        ({"dagster/is_resume_retry": "true"}, None),
    ],
    ids=[
        *("no retry", "repeated", "Dagster's", "ours", "a retry that is repeated", "a path"),
        "no parent",
    ],
)
def test_the_run_that_is_resumed(given: dict[str, str], expected: str | None):
    assert tags.resumed(given) == expected


@pytest.mark.parametrize(
    ("category", "hosting", "expected"),
    [
        ("scheduled", None, "scheduled"),
        ("scheduled", "github", "scheduled"),
        ("ci", "github", "github_pull_request"),
        ("ci", "gitlab", "gitlab_merge_request"),
        ("ci", "gitea", "other"),
        ("ci", None, "other"),
        ("api", "github", "other"),
        ("ui", None, "other"),
        ("merge", "github", "other"),
        ("rerun", None, "other"),
        ("job completion", None, "other"),
    ],
)
def test_the_reason_category(category: tags.Category, hosting: HostingKind | None, expected: str):
    assert reason_category(Trigger(category, ""), hosting) == expected


def test_a_run_number_is_exact_in_javascript_and_always_the_same():
    assert run_number(RUN_ID) == 0x7D3C1F0A9B2E
    assert run_number("f" * 8 + "-ffff-ffff-ffff-ffffffffffff") < 2**53
    assert run_number(RUN_ID) == run_number(RUN_ID.replace("-", ""))


def test_a_job_tells_its_queue_and_its_limit():
    project = Project(name="shop", id=1, repository="/nowhere")
    environment = Environment(name="prod", id=2, project=project, type="production")
    job = Job(
        name="prod__daily",
        identifier="daily",
        id=3,
        title="Daily",
        environment=environment,
        description="",
        job_type="scheduled",
        steps=(),
        commands=(),
    )
    plain = {
        "deploy/job": "prod__daily",
        "deploy/job_id": "3",
        "deploy/environment": "prod",
        "deploy/project": "shop",
    }
    assert tags.of_job(job, run_slots=None) == {
        **plain,
        "deploy/definition": fingerprint(job),
        "deploy/queue": "prod__daily",
    }
    limited = replace(job, environment=replace(environment, concurrency=2))
    found = tags.of_job(limited, run_slots=4)
    assert tags.counted(found) == ["deploy/queue", "deploy/limit_2", "deploy/slots_4"]
    assert (found["deploy/limit_2"], found["deploy/slots_4"]) == ("prod", "account")


def test_pull_requests_take_no_slot_and_do_not_wait_for_each_other():
    project = Project(name="shop", id=1, repository="/nowhere")
    environment = Environment("prod", 2, project, "production", concurrency=2)
    ci = Job("prod__ci", "ci", 3, "CI", environment, "", "ci", (), ())
    assert tags.counted(tags.of_job(ci, run_slots=4)) == ["deploy/limit_2"]


def test_the_documentation_lists_every_tag():
    named = (value for value in vars(tags).values() if isinstance(value, str))
    ours = {value for value in named if re.fullmatch(r"deploy/[a-z_]+", value)}
    listed = (ROOT / "docs" / "runs.md").read_text("utf-8")
    assert len(ours) > 10
    assert {each for each in ours if f"`{each}`" not in listed} == set()


def test_documents_that_the_code_names_exist():
    """The module of tags sent its readers to `docs/reference.md`, which does not exist."""
    named = {
        name
        for file in (ROOT / "deploy_project").rglob("*.py")
        for name in re.findall(r"docs/[a-z/-]+\.md", file.read_text("utf-8"))
    }
    assert "docs/runs.md" in named
    assert {name for name in named if not (ROOT / name).is_file()} == set()
