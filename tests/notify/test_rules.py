"""Which ends of runs a rule tells."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy_project.config.values.notifications import Condition, PullRequests, Repeat, Rule
from deploy_project.notify.rules import (
    Concluded,
    Outcome,
    Subject,
    Told,
    matches,
    told,
    without_runs,
)
from tests.support.deployments.configuration_files import Configuration

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALL: tuple[Condition, ...] = ("success", "warning", "failure", "cancelled", "recovered")
OUTCOMES: dict[str, Outcome] = {
    "s": "success",
    "w": "warning",
    "f": "failure",
    "c": "cancelled",
}


def ends(letters: str, *, hours: float = 1) -> list[Concluded]:
    """The ends of a job's runs, the newest first; capitals have failed otherwise than others."""
    return [
        Concluded(
            OUTCOMES[letter.lower()],
            NOON - timedelta(hours=hours) * place,
            frozenset({"orders" if letter.islower() else "revenue"}),
        )
        for place, letter in enumerate(letters)
    ]


def tell(letters: str, *on: Condition, repeat: Repeat = "changes", hours: float = 1) -> Told | None:
    run, *history = ends(letters, hours=hours)
    return told(Rule(frozenset(on or ALL), ("team",), repeat=repeat), run, history)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("s", Told("success")),
        ("ss", Told("success")),
        ("sf", Told("recovered", 1)),
        ("sfff", Told("recovered", 3)),
        ("wff", Told("recovered", 2)),
        ("sfcf", Told("recovered", 2)),
        ("swf", Told("success")),
        ("f", Told("failure")),
        ("fs", Told("failure")),
        ("ff", None),
        ("fcf", None),
        ("fF", Told("failure", 2)),
        ("fFf", Told("failure", 3)),
        ("w", Told("warning")),
        ("ww", None),
        ("wW", Told("warning", 2)),
        ("fw", Told("failure")),
        ("c", Told("cancelled")),
        ("cc", Told("cancelled")),
        ("cf", Told("cancelled")),
    ],
)
def test_changes_are_told(letters: str, expected: Told | None):
    assert tell(letters) == expected


@pytest.mark.parametrize("letters", ["s", "w", "f", "c"])
@pytest.mark.parametrize("condition", ALL)
def test_a_rule_tells_its_own_conditions_alone(letters: str, condition: Condition):
    found = tell(letters, condition)
    assert (found is not None) == (OUTCOMES[letters] == condition)


def test_a_success_after_failures_is_a_success_where_recoveries_are_not_asked_for():
    assert tell("sf", "success") == Told("success")
    assert tell("wf", "warning") == Told("warning")
    assert tell("ss", "recovered") is None


def test_each_failure_is_told_where_that_is_asked_for():
    assert tell("fff", repeat="always") == Told("failure", 3)
    assert tell("www", repeat="always") == Told("warning", 3)


def test_a_failure_that_lasts_is_told_daily():
    assert tell("ff", repeat="daily") is None
    assert tell("ff", repeat="daily", hours=24) == Told("failure", 2)
    assert tell("ff", repeat="daily", hours=13) == Told("failure", 2), "another day in UTC"
    assert tell("fF", repeat="daily") == Told("failure", 2)


def test_reasons_that_are_not_known_are_no_other_reasons():
    run, before = ends("ff")
    unknown = Concluded(before.outcome, before.ended_at)
    assert told(Rule(frozenset(ALL), ("team",)), run, [unknown]) is None


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        ({}, True),
        ({"jobs": ("daily",)}, True),
        ({"jobs": ("production__daily",)}, True),
        ({"jobs": ("production__*",)}, True),
        ({"jobs": ("hourly", "dai?y")}, True),
        ({"jobs": ("Daily",)}, False),
        ({"environments": ("prod*",)}, True),
        ({"environments": ("staging",)}, False),
        ({"projects": ("shop",)}, True),
        ({"projects": ("shop",), "environments": ("staging",)}, False),
    ],
)
def test_globs_take_names(globs: dict[str, tuple[str, ...]], expected: bool):
    run = Subject("production__daily", "daily", "production", "shop", of_pull_request=False)
    assert matches(Rule(frozenset(ALL), ("team",), **globs), run) is expected  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("exclude", (True, False)), ("include", (True, True)), ("only", (False, True))],
)
def test_pull_requests_are_told_where_they_are_wanted(
    wanted: PullRequests, expected: tuple[bool, bool]
):
    rule = Rule(frozenset(ALL), ("team",), pull_requests=wanted)
    kinds = (False, True)
    assert expected == tuple(matches(rule, Subject("j", "j", "e", "p", kind)) for kind in kinds)


def test_a_rule_without_runs_is_told(tmp_path: Path):
    deployment = Configuration(tmp_path).load(
        {
            "jobs.yml": """
                jobs:
                  daily: {environment: production, execute_steps: [dbt build]}
                  ci: {environment: staging, job_type: ci, execute_steps: [dbt build]}
            """,
            "deploy.yaml": """
                projects:
                  shop: {id: 7, repository: https://github.com/acme/shop.git}
                environments:
                  production: {id: 11, type: production, branch: main}
                  staging: {id: 12, type: staging, branch: staging}
                channels:
                  here: {file: messages}
                notifications:
                  - {on: [failure], channels: [here]}
                  - {on: [failure], channels: [here], jobs: [dayly]}
                  - {on: [failure], channels: [here], pull_requests: only, environments: [prod*]}
                  - {on: [failure], channels: [here], pull_requests: only, environments: [stag*]}
            """,
        }
    )
    lines = [
        each.partition("deploy.yaml:")[2].partition(":")[0] for each in without_runs(deployment)
    ]
    assert lines == ["11", "12"]
