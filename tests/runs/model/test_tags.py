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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"deploy/queue": "q", "deploy/limit_3": "prod", "deploy/commit": "a", "team": "x"},
            {
                ".dagster/deploy_queue": "q",
                ".dagster/deploy_limit_3": "prod",
                "deploy/commit": "a",
                "team": "x",
            },
        ),
        ({"deploy/job": "old", ".dagster/deploy_job": "new"}, {".dagster/deploy_job": "new"}),
        (
            {"deploy/schema_override": "asked", ".dagster/deploy_schema_override": "parent"},
            {".dagster/deploy_schema_override": "asked"},
        ),
        (
            {"deploy/same_commit": "", ".dagster/deploy_same_commit": "true"},
            {".dagster/deploy_same_commit": ""},
        ),
        ({"deploy/anything": "x"}, {"deploy/anything": "x"}),
    ],
    ids=["plain", "a rerun of an older run", "asked anew", "asked no more", "not ours"],
)
def test_tags_are_read_by_the_names_of_today(given: dict[str, str], expected: dict[str, str]):
    assert tags.current(given) == expected
    assert tags.current(expected) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"deploy/commit": "abc1234", ".dagster/deploy_commit": "abc1234def"}, "abc1234def"),
        ({"deploy/commit": "abc1234def"}, "abc1234def"),
        ({"deploy/commit": "fff1234def", ".dagster/deploy_commit": "abc1234def"}, "fff1234def"),
        ({"deploy/commit": "short"}, "short"),
        ({"deploy/commit": "short", ".dagster/deploy_commit": "abc1234def"}, "short"),
        ({".dagster/deploy_commit": "abc1234def"}, "abc1234def"),
        ({"deploy/commit": "", ".dagster/deploy_commit": ""}, None),
    ],
    ids=[
        "none",
        "ours",
        "older or asked",
        "asked anew",
        "refused later",
        "so too",
        "hidden",
        "taken back",
    ],
)
def test_the_commit_is_the_whole_one_unless_a_person_asks(
    given: dict[str, str], expected: str | None
):
    assert tags.commit(given) == expected


def test_a_run_shows_the_beginning_of_its_commit_and_its_branch_or_pull_request():
    commit = "0123456789" * 4
    code = tags.of_code(commit, "feature", of_pull_request=False)
    assert {name: each for name, each in code.items() if not name.startswith(".")} == {
        "deploy/commit": "0123456",
        "deploy/branch": "feature",
    }
    of_pull = tags.of_code(commit, "feature", of_pull_request=True)
    assert "deploy/branch" not in of_pull
    assert [(tags.commit(each), tags.branch(each)) for each in (code, of_pull)] == [
        (commit, "feature")
    ] * 2
    assert tags.branch(tags.of_code(commit, None, of_pull_request=False)) is None


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
        ".dagster/deploy_job": "prod__daily",
        ".dagster/deploy_job_id": "3",
        ".dagster/deploy_environment": "prod",
        ".dagster/deploy_project": "shop",
    }
    assert tags.of_job(job, run_slots=None) == {
        **plain,
        ".dagster/deploy_definition": fingerprint(job),
        ".dagster/deploy_queue": "prod__daily",
    }
    limited = replace(job, environment=replace(environment, concurrency=2))
    found = tags.of_job(limited, run_slots=4)
    limits = [".dagster/deploy_limit_2", ".dagster/deploy_slots_4"]
    assert tags.counted(found) == [".dagster/deploy_queue", *limits]
    assert [found[each] for each in limits] == ["prod", "account"]


def test_pull_requests_take_no_slot_and_do_not_wait_for_each_other():
    project = Project(name="shop", id=1, repository="/nowhere")
    environment = Environment("prod", 2, project, "production", concurrency=2)
    ci = Job("prod__ci", "ci", 3, "CI", environment, "", "ci", (), ())
    assert tags.counted(tags.of_job(ci, run_slots=4)) == [".dagster/deploy_limit_2"]


def test_the_documentation_lists_every_tag():
    named = (value for value in vars(tags).values() if isinstance(value, str))
    ours = {value for value in named if re.fullmatch(r"(\.dagster/deploy_|deploy/)[a-z_]+", value)}
    listed = (ROOT / "docs" / "in-dagster.md").read_text("utf-8")
    assert len(ours) > 20
    assert {each for each in ours if f"`{each}`" not in listed} == set()


def test_documents_that_the_code_names_exist():
    """The module of tags sent its readers to `docs/reference.md`, which does not exist."""
    named = {
        name
        for file in (ROOT / "deploy_project").rglob("*.py")
        for name in re.findall(r"docs/[a-z/-]+\.md", file.read_text("utf-8"))
    }
    assert "docs/in-dagster.md" in named
    assert {name for name in named if not (ROOT / name).is_file()} == set()
