from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from upath import UPath

from deploy_project.ci.schemas.ledger import Entry, enter, entries, is_of, remove
from deploy_project.errors import ArtifactError
from deploy_project.runs.store.artifacts import Artifacts

MARTS = ("shop", "dbt_cloud_pr_1_7_marts")
OWN = ("shop", "dbt_cloud_pr_1_7")


@pytest.fixture(params=["disk", "object store"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    on_disk = request.param == "disk"
    return Artifacts(UPath(tmp_path) if on_disk else UPath(f"memory://{tmp_path.name}"))


def entry(*schemas: tuple[str, str], environment: str = "test", number: int = 7) -> Entry:
    return Entry("shop", environment, 1, number, frozenset(schemas))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("dbt_cloud_pr_1_7", True),
        ("DBT_CLOUD_PR_1_7", True),
        ("dbt_cloud_pr_1_7_marts", True),
        ("dbt_cloud_pr_1_7_", False),
        ("dbt_cloud_pr_1_71", False),
        ("dbt_cloud_pr_1_71_marts", False),
        ("dbt_cloud_pr_11_7", False),
        ("dbt_cloud_pr_1_", False),
        ("analytics", False),
        ("marts_dbt_cloud_pr_1_7", False),
        ("", False),
    ],
)
def test_a_schema_belongs_to_a_pull_request_by_its_whole_number(schema: str, expected: bool):
    assert is_of(schema, 1, 7) is expected


def test_what_is_entered_adds_up(artifacts: Artifacts):
    before = datetime.now(UTC)
    enter(artifacts, entry(OWN))
    enter(artifacts, entry(MARTS))
    (found,) = entries(artifacts)
    assert found.entry == entry(OWN, MARTS)
    assert before <= found.at <= datetime.now(UTC)


def test_what_says_no_more_than_a_newer_entry_is_forgotten(artifacts: Artifacts):
    for _ in range(3):
        enter(artifacts, entry(OWN))
    enter(artifacts, entry(OWN, MARTS))
    (found,) = entries(artifacts)
    assert found.entry == entry(OWN, MARTS)
    assert len(found.files) == 1


def test_pull_requests_and_environments_are_apart(artifacts: Artifacts):
    enter(artifacts, entry(OWN))
    enter(artifacts, entry(OWN, environment="other"))
    enter(artifacts, entry(("shop", "dbt_cloud_pr_1_71"), number=71))
    found = [(each.entry.environment, each.entry.pull_request) for each in entries(artifacts)]
    assert found == [("other", 7), ("test", 7), ("test", 71)]


def test_only_a_pull_requests_own_schemas_are_entered(artifacts: Artifacts):
    enter(artifacts, entry(OWN, ("shop", "analytics"), ("shop", "dbt_cloud_pr_1_71")))
    assert entries(artifacts)[0].entry.schemas == {OWN}


def test_what_is_entered_while_a_sweep_goes_on_stays(artifacts: Artifacts):
    enter(artifacts, entry(OWN))
    (read,) = entries(artifacts)
    enter(artifacts, entry(MARTS))
    remove(artifacts, read)
    remove(artifacts, read)
    assert [each.entry for each in entries(artifacts)] == [entry(MARTS)]


def test_nothing_is_lost_when_many_runs_enter_at_once(tmp_path: Path):
    artifacts = Artifacts(UPath(tmp_path))
    schemas = [("shop", f"dbt_cloud_pr_1_7_{index % 4}") for index in range(40)]
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(enter, artifacts, entry(each)) for each in schemas]
    assert [each.exception() for each in done] == [None] * len(schemas)
    assert entries(artifacts)[0].entry == entry(*schemas)


def test_an_empty_ledger_has_no_entries(artifacts: Artifacts):
    assert entries(artifacts) == []


@pytest.mark.parametrize(
    "hostile",
    [
        ("shop", 'dbt_cloud_pr_1_7_"; drop schema prod; --'),
        ("shop", "dbt_cloud_pr_1_7_`"),
        ("shop", "dbt_cloud_pr_1_7_\n"),
        ('sh"op', "dbt_cloud_pr_1_7"),
    ],
)
def test_names_that_could_end_a_quotation_are_left_out(
    artifacts: Artifacts, hostile: tuple[str, str]
):
    enter(artifacts, entry(hostile, OWN))
    assert entries(artifacts)[0].entry.schemas == {OWN}


def test_other_hostile_names_are_content_and_nothing_else(artifacts: Artifacts):
    hostile = ("../../shop", "dbt_cloud_pr_1_7_{{ x }}/../é")
    enter(artifacts, entry(hostile))
    assert entries(artifacts)[0].entry.schemas == {hostile}


@pytest.mark.parametrize("environment", ["..", "a/b", "", "a\n"])
def test_no_other_text_becomes_a_place(artifacts: Artifacts, environment: str):
    with pytest.raises(ArtifactError, match="no environment's name"):
        enter(artifacts, entry(OWN, environment=environment))


def test_a_damaged_entry_is_told_with_its_place(artifacts: Artifacts):
    enter(artifacts, entry(OWN))
    (file,) = entries(artifacts)[0].files
    file.write_text('{"project": "shop"}')
    with pytest.raises(ArtifactError, match=r"1_7/.*\.json does not say which schemas") as raised:
        entries(artifacts)
    assert "delete it, and drop the schemas of 1_7 by hand" in str(raised.value)
