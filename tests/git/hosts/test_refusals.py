"""What an API's refusal means."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from deploy_project.git.hosts.refusals import problem

SOON = "in five minutes"
"""Stands for a moment that the test knows: the list below is made long before."""
LIMIT = {"message": "You have exceeded a secondary rate limit"}


@pytest.mark.parametrize(
    ("status", "headers", "data", "low", "high"),
    [
        (429, {"Retry-After": "30"}, None, 30, 30),
        (429, {"Retry-After": "0"}, None, 1, 1),
        (429, {}, None, 60, 60),
        (429, {"Retry-After": "soon"}, None, 1, 60),
        (429, {"Retry-After": "999999999"}, None, 3600, 3600),
        (429, {"Retry-After": "9" * 5000}, None, 1, 3600),
        (429, {"RateLimit-Reset": SOON}, None, 200, 300),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": SOON}, None, 200, 300),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, None, 1, 1),
        (403, {"X-RateLimit-Remaining": "0"}, None, 60, 60),
        (403, {"X-RateLimit-Remaining": "9", "X-RateLimit-Reset": SOON}, None, 0, 0),
        (403, {"X-RateLimit-Remaining": "9"}, LIMIT, 60, 60),
        (403, {"Retry-After": "60"}, LIMIT, 60, 60),
        (403, {}, {"message": "Resource not accessible by integration"}, 0, 0),
        (503, {"Retry-After": "120"}, None, 120, 120),
        (503, {}, None, 0, 0),
        (500, {"Retry-After": "120"}, None, 0, 0),
        (401, {}, None, 0, 0),
    ],
)
def test_for_how_long_nobody_asks(
    status: int, headers: dict[str, str], data: object, low: int, high: int
):
    moment = str(int(time.time()) + 300)
    told = {name: moment if value == SOON else value for name, value in headers.items()}
    found = problem(status, told, data)
    assert found is not None
    assert low <= found.pause <= high
    assert ("wants no more requests" in found.what) == (found.pause > 0)


def test_a_pause_may_end_at_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    found = problem(429, {"Retry-After": date}, None)
    assert found is not None
    assert 200 <= found.pause <= 300


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_problem(status: int):
    assert problem(status, {}, None) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"message": "Not Found", "documentation_url": "x"}, "Not Found"),
        ({"message": {"base": ["is\nbad"]}}, "{'base': ['is\\nbad']}"),
        ({"error": "invalid_token", "error_description": "expired"}, "expired"),
        ({"message": "a\n\tb\x1b[31m  c"}, "a b [31m c"),
        ({"message": "x" * 300}, "x" * 200 + "…"),
        (["a"], ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_the_apis_own_words_are_one_short_line(data: object, said: str):
    found = problem(404, {}, data)
    assert found is not None
    assert found.said == said
