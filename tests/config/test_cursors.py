"""Cursors that another version, or a person, has written: all sensors go on."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy_project.ci.pulls import seen as pulls
from deploy_project.ci.pulls.plan import Handled as SeenPulls
from deploy_project.ci.pulls.seen import Memory
from deploy_project.orchestration.triggers import completions
from deploy_project.orchestration.triggers.completions import CompletionState
from deploy_project.releases import merges
from deploy_project.releases.merges import Deploy, MergeCursor
from deploy_project.runs.outcome.ends import LONGEST, Cursor

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
MERGED = {"prod": MergeCursor("c0ffee", "no such branch", NOW.isoformat())}
PULLS = Memory("listing", {"prod__ci": SeenPulls({7: "c0ffee"}, {8: "decaf"}, {})}, "ring")
ENDED = Cursor(NOW - timedelta(hours=1), frozenset({"a", "b"}))
COMPLETED = CompletionState(NOW.timestamp(), begun=5.0, rounds={"prod__child": 3})

FORMS: dict[str, tuple[Callable[[str | None], Any], str, Any, Any]] = {
    "merges": (merges.read, merges.written(MERGED), MERGED, {}),
    "pull requests": (pulls.parsed, pulls.text(PULLS), PULLS, Memory()),
    "ends": (
        lambda text: Cursor.read(text, now=NOW),
        ENDED.written(),
        ENDED,
        Cursor(NOW - LONGEST),
    ),
    "completions": (completions.parsed, completions.text(COMPLETED), COMPLETED, None),
}
FOREIGN = [
    None,
    "",
    " ",
    "c0ffee",
    "null",
    "5",
    "[]",
    "[1, 2]",
    '"text"',
    "true",
    "{",
    '{"since": "2024-05-01T12:00:00", "settled": []}',  # no zone
    '{"since": "yesterday", "settled": []}',
    '{"since": "2024-05-01T12:00:00Z", "settled": "a"}',
    '{"last": "Infinity"}',
    '{"last": -1e300}',
    '{"seen": []}',
    '{"seen": {"prod__ci": [{"x": "y"}]}}',
    '{"seen": {"prod__ci": 5}, "place": null}',
    '{"prod": null}',
    '{"prod": "c0ffee"}',
    '{"prod": {"problem": "no commit"}}',
    '{"prod": {"commit": 5}}',
    "[" * 100_000,
    '{"a":' * 100_000,
    "\ud800",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", FOREIGN, ids=[str(number) for number in range(len(FOREIGN))])
def test_a_foreign_cursor_is_none(form: str, text: str | None):
    """After a rollback of the software the merge sensor failed until somebody reset it."""
    read, _, _, nothing = FORMS[form]
    assert read(text) == nothing


@pytest.mark.parametrize("form", FORMS)
def test_a_cursor_is_read_as_it_was_written(form: str):
    read, text, value, _ = FORMS[form]
    assert read(text) == value


@pytest.mark.parametrize("form", FORMS)
def test_a_field_of_a_newer_version_is_passed_over(form: str):
    read, text, value, _ = FORMS[form]
    content = json.loads(text)
    if form == "merges":
        content["prod"]["newer"] = {"a": [1]}
    else:
        content["newer"] = {"a": [1]}
    assert read(json.dumps(content)) == value


def test_one_environment_that_can_not_be_read_costs_no_other_its_memory():
    content = {**json.loads(merges.written(MERGED)), "staging": ["c0ffee"]}
    assert merges.read(json.dumps(content)) == MERGED


@pytest.mark.parametrize("at", ["", "yesterday", "2024-05-01T11:59:00", "2024-05-01"])
def test_a_failure_of_unknown_time_is_tried_again(at: str):
    """A time without its zone can't be compared with ours."""
    seen = MergeCursor("c0ffee", "could not be parsed", at)
    decided = merges.decide("c0ffee", seen, deployed=None, now=NOW, missing="")
    assert decided == Deploy("c0ffee", merged=False)
