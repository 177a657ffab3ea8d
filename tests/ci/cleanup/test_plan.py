from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.ci.cleanup.plan import Drop, Keep, Wait, databases, decide, droppable, strays
from deploy_project.ci.schemas.ledger import Entered, Entry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def entered(number: int = 1, *, job: int = 1, days: float = 0, database: str = "shop") -> Entered:
    name = f"dbt_cloud_pr_{job}_{number}"
    schemas = frozenset({(database, name), (database, f"{name}_marts")})
    entry = Entry("shop", "test", job, number, schemas)
    return Entered(entry, NOW - timedelta(days=days), ())


@pytest.mark.parametrize(
    ("days", "found", "run", "expected"),
    [
        (0, [2, 12], None, (Drop, "pull request 1 is closed")),
        (0, [], None, (Drop, "pull request 1 is closed")),
        (0, [1, 2], None, (Keep, "pull request 1 is open")),
        (
            0,
            [],
            "3f2a",
            (Wait, "pull request 1 is closed; waits for run 3f2a"),
        ),
        (0, [1], "3f2a", (Keep, "pull request 1 is open")),
        (
            *(90, None, "3f2a"),
            (
                Wait,
                "pull request 1 had no run for 90 days; waits for run 3f2a",
            ),
        ),
        (30, [1], None, (Keep, "pull request 1 is open")),
        (30.1, [1], None, (Drop, "pull request 1 had no run for 30 days")),
        (29, None, None, (Keep, "nobody could be asked whether pull request 1 is open")),
        (31, None, None, (Drop, "pull request 1 had no run for 31 days")),
    ],
)
def test_what_happens_to_a_pull_requests_schemas(
    days: float, found: list[int] | None, run: str | None, expected: tuple[type, str]
):
    each = entered(days=days)
    busy = {each.entry.place: run} if run else {}
    (decision,) = decide([each], found, in_progress=busy, now=NOW, time_to_live=timedelta(days=30))
    assert (type(decision), decision.why) == expected
    assert decision.entered == each


def test_without_a_time_to_live_nothing_is_too_old():
    (decision,) = decide([entered(days=999)], [1], in_progress={}, now=NOW, time_to_live=None)
    assert isinstance(decision, Keep)


def test_closing_1_leaves_12_and_other_jobs_runs_alone():
    all_of_them = [entered(1), entered(12), entered(1, job=12), entered(2, job=1)]
    busy = {all_of_them[2].entry.place: "3f2a"}  # of another job
    decisions = decide(all_of_them, [12, 2], in_progress=busy, now=NOW, time_to_live=None)
    assert [type(each) for each in decisions] == [Drop, Keep, Wait, Keep]


def test_only_what_has_the_pull_requests_name_can_be_dropped():
    schemas = ["dbt_cloud_pr_1_1", "dbt_cloud_pr_1_12", "analytics", "DBT_CLOUD_PR_1_1_MARTS"]
    entry = Entry("shop", "test", 1, 1, frozenset(("shop", name) for name in schemas))
    drop = Drop(Entered(entry, NOW, ()), "pull request 1 is closed")
    names = [name for _, name in droppable(drop, [])]
    assert names == ["DBT_CLOUD_PR_1_1_MARTS", "dbt_cloud_pr_1_1"]


def test_an_environments_own_schema_is_never_dropped_whatever_it_is_called():
    drop = Drop(entered(), "pull request 1 is closed")
    assert droppable(drop, ["DBT_cloud_pr_1_1"]) == [("shop", "dbt_cloud_pr_1_1_marts")]


def test_schemas_that_look_like_a_pull_requests_and_are_not_ours_are_told():
    names = [
        *("dbt_cloud_pr_1_1", "DBT_CLOUD_PR_1_1_MARTS", "dbt_cloud_pr_1_2"),
        *("dbt_cloud_pr_1_12", "dbt_cloud_pr_x", "analytics", "dbt_cloud_pr_1_1_other"),
    ]
    found = strays((("shop", name) for name in names), [entered(1)])
    assert [name for _, name in found] == [
        *("dbt_cloud_pr_1_2", "dbt_cloud_pr_1_12", "dbt_cloud_pr_1_1_other")
    ]


def test_the_databases_of_pull_requests_are_those_that_they_have_written():
    assert databases([entered(1), entered(2, database="lake"), entered(3)]) == ["lake", "shop"]
