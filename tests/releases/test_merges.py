from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.releases.merges import (
    TRY_AGAIN_AFTER,
    Deploy,
    Fail,
    MergeCursor,
    decide,
    read,
    written,
)

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
MISSING = "refs/heads/main does not exist"
JUST_NOW = (NOW - timedelta(seconds=30)).isoformat()
LONG_AGO = (NOW - TRY_AGAIN_AFTER).isoformat()
TOMORROW = (NOW + timedelta(days=1)).isoformat()

CASES = {
    "first sight, nothing deployed": ("a", None, None, Deploy("a", merged=False)),
    "first sight, deployed by hand": ("a", None, "a", Deploy("a", merged=False)),
    "same again": ("a", MergeCursor("a", at=LONG_AGO), "a", None),
    "same again, another commit deployed": ("a", MergeCursor("a", at=LONG_AGO), "b", None),
    "moved on": ("b", MergeCursor("a", at=LONG_AGO), "a", Deploy("b", merged=True)),
    "moved back": ("a", MergeCursor("b", at=JUST_NOW), "b", Deploy("a", merged=True)),
    "failed just now": ("b", MergeCursor("b", "broken", JUST_NOW), "a", Fail("broken")),
    "failed this instant": ("b", MergeCursor("b", "broken", NOW.isoformat()), "a", Fail("broken")),
    "failed a while ago": (
        "b",
        MergeCursor("b", "broken", LONG_AGO),
        "a",
        Deploy("b", merged=False),
    ),
    "failed before the clock was set back": (
        "b",
        MergeCursor("b", "broken", TOMORROW),
        "a",
        Deploy("b", merged=False),
    ),
    "moved on from a failure": (
        "c",
        MergeCursor("b", "broken", JUST_NOW),
        "a",
        Deploy("c", merged=True),
    ),
    "state directory deleted": (
        "a",
        MergeCursor("a", at=JUST_NOW),
        None,
        Deploy("a", merged=False),
    ),
    "branch deleted": (None, MergeCursor("a", at=JUST_NOW), "a", Fail(MISSING)),
    "branch never there": (None, None, None, Fail(MISSING)),
}


@pytest.mark.parametrize(("head", "seen", "deployed", "expected"), CASES.values(), ids=CASES.keys())
def test_what_to_do_about_a_head(
    head: str | None, seen: MergeCursor | None, deployed: str | None, expected: Deploy | Fail | None
):
    assert decide(head, seen, deployed=deployed, now=NOW, missing=MISSING) == expected


def test_a_broken_commit_is_tried_again_now_and_then_until_the_branch_moves():
    """One story: broken, waits, tried again without merge jobs, fixed by the next commit."""
    seen, told = MergeCursor("good"), list[str]()
    for minute, head in enumerate(["bad"] * 13 + ["fixed"] * 2):
        now = NOW + timedelta(minutes=minute)
        match decide(head, seen, deployed="good", now=now, missing=MISSING):
            case Deploy(commit, merged):
                problem = "broken" if commit == "bad" else ""
                seen = MergeCursor(commit, problem, now.isoformat())
                told.append(f"{minute}: deploy {commit}{' after a merge' if merged else ''}")
            case Fail(_):
                assert seen.problem
            case None:
                told.append(f"{minute}: nothing")
    assert told == [
        "0: deploy bad after a merge",
        "10: deploy bad",
        "13: deploy fixed after a merge",
        "14: nothing",
    ]


def test_a_cursor_remembers_everything():
    seen = {"prod": MergeCursor("a", "broken", JUST_NOW), "staging": MergeCursor("b")}
    assert read(written(seen)) == seen
    assert read(None) == {}


def test_a_cursor_has_the_same_text_in_whatever_order_environments_were_seen():
    """Its keys are sorted, and no test noticed when they were not."""
    prod, staging = ("prod", MergeCursor("a")), ("staging", MergeCursor("b"))
    assert written(dict([staging, prod])) == written(dict([prod, staging]))
