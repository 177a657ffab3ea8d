from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from deploy_project.orchestration.nodes.freshness import (
    Freshness,
    freshness,
    has_criteria,
    threshold_text,
)

HOUR = {"count": 1, "period": "hour"}
DAY = {"count": 1, "period": "day"}


def policy(fail: timedelta, warn: timedelta | None = None) -> Freshness:
    return Freshness(dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, Freshness()),
        ({"freshness": None}, Freshness()),
        ({"meta": {"freshness": {"error_after": DAY}}}, policy(timedelta(days=1))),
        (
            {"meta": {"freshness": {"warn_after": HOUR, "error_after": DAY}}},
            policy(timedelta(days=1), timedelta(hours=1)),
        ),
        (
            {"meta": {"freshness": {"warn_after": HOUR}}},
            policy(timedelta(days=3650), timedelta(hours=1)),
        ),
        (
            {"meta": {"freshness": {"warn_after": DAY, "error_after": HOUR}}},
            policy(timedelta(hours=1)),
        ),
        (
            {"meta": {"freshness": {"error_after": DAY, "warn_after": {}}}},
            policy(timedelta(days=1)),
        ),
        (
            {
                "meta": {
                    "freshness": {"error_after": DAY},
                    "dagster": {"freshness": {"error_after": HOUR}},
                }
            },
            policy(timedelta(hours=1)),
        ),
        (
            {"freshness": {"build_after": {"count": 4, "period": "hour", "updates_on": "all"}}},
            policy(timedelta(hours=8), timedelta(hours=4)),
        ),
    ],
)
def test_what_is_written_becomes_a_policy(config: dict[str, Any], expected: Freshness):
    assert freshness({"config": config}) == expected


@pytest.mark.parametrize(
    "written",
    [
        "daily",
        ["error_after"],
        {"fail_after": DAY},
        {"error_after": {"count": 0, "period": "day"}},
        {"error_after": {"count": True, "period": "day"}},
        {"error_after": {"count": 1.5, "period": "day"}},
        {"error_after": {"count": 1, "period": "fortnight"}},
        {"error_after": {"count": 1, "period": ["day"]}},
        {"error_after": {"count": 1}},
        {"error_after": "1 day"},
        {"error_after": {"count": 10**12, "period": "day"}},
    ],
)
def test_nonsense_is_a_note(written: object):
    found = freshness({"config": {"meta": {"freshness": written}}})
    assert found.policy is None
    assert found.note
    assert found.note.startswith("freshness is ignored: ")


def test_thresholds_in_words():
    assert threshold_text({"count": 12, "period": "hour"}) == "12 hours"
    assert threshold_text(DAY) == "1 day"
    assert threshold_text({"count": None, "period": None}) is None
    assert threshold_text(None) is None


def test_only_sources_with_criteria_are_measured(manifest):
    sources = manifest["sources"]
    assert has_criteria(sources["source.shop.raw.orders"])
    assert not has_criteria(sources["source.shop.raw.customers"])
