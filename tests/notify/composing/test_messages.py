"""The message on the end of a run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deploy_project.notify.composing.messages import Known, concluded, message, outcome
from deploy_project.notify.message import FORM, Message
from deploy_project.notify.rules import Told
from deploy_project.runs.model.run_facts import CountedTests, FailureFacts, RunFacts
from deploy_project.runs.model.status import Status
from tests.support.messages import ATTACK, FAILED, FAILURE, KNOWN, RECOVERY, node, run_facts

PLAIN = Known()


def fact(of: Message, name: str) -> str:
    return next((each.value for each in of.facts if each.name == name), "")


def section(of: Message, title: str) -> list[str]:
    return [item.heading for each in of.sections if each.title == title for item in each.items]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (run_facts(), "success"),
        (run_facts(tests=CountedTests(warned=1)), "warning"),
        (run_facts(failed_steps=("docs",)), "warning"),
        (run_facts(Status.ERROR), "failure"),
        (run_facts(Status.CANCELLED), "cancelled"),
    ],
)
def test_a_run_ends_in_one_of_four_ways(facts: RunFacts, expected: str):
    assert outcome(facts) == expected
    assert concluded(facts).outcome == expected


def test_the_names_of_what_is_wrong_tell_one_failure_from_another():
    assert concluded(FAILED).wrong == {"model.shop.orders"}
    warned = replace(FAILED, status=Status.SUCCESS, failed_steps=("docs",))
    expected = {"model.shop.not_null_id", "source.shop.raw.orders", "docs"}
    assert concluded(warned).wrong == expected
    assert concluded(run_facts(Status.ERROR, failures=(FailureFacts(2, "x"),))).wrong == {"step 2"}


def test_the_reason_is_in_the_message():
    (reason,) = next(each for each in FAILURE.sections if each.title == "Reason").items
    assert reason.heading == "model.shop.orders - models/orders.sql:3"
    assert 'column "amuont" does not exist' in reason.text
    assert reason.note == ("Skipped for it: below_0, below_1, below_2, below_3, below_4, 2 more")
    assert fact(FAILURE, "Status") == "Error: 1 error, 1 skipped, 1 success, 1 warn"
    assert fact(FAILURE, "In a row") == "3 runs have ended so"
    assert fact(FAILURE, "Commit") == "aaaaaaa Change orders (Ana)"
    assert fact(FAILURE, "Duration") == "4 min 00 s (median 3 min 20 s, +20 %)"
    assert section(FAILURE, "Commits since the last success") == [
        "aaaaaaa Change orders (Ana)",
        "bbbbbbb Rename a column (Ben)",
    ]


def test_warnings_are_listed():
    assert section(FAILURE, "Warnings") == [
        "model.shop.not_null_id",
        "source.shop.raw.orders: freshness warn, last loaded at 2026-11-28 06:04 UTC",
    ]


def test_a_recovery_counts_the_failures_before():
    assert RECOVERY.title == "production__daily succeeds again"
    assert fact(RECOVERY, "Before") == "5 failed runs"
    assert section(RECOVERY, "Reason") == []


def test_a_failure_without_a_node_has_the_reason_of_the_run():
    found = message(run_facts(Status.ERROR, reason="git says no\nand more"), Told("failure"), PLAIN)
    (item,) = found.sections[0].items
    assert (item.heading, item.text) == ("git says no", "and more")


def test_a_run_that_never_knew_its_commit_is_told():
    never = run_facts(Status.CANCELLED, code=None, reason="Cancelled by user.", nodes=())
    found = message(never, Told("cancelled"), PLAIN)
    assert fact(found, "Commit") == ""
    assert fact(found, "Status") == "Cancelled"
    known = replace(KNOWN, median_seconds=1000.0)
    assert fact(message(never, Told("cancelled"), known), "Duration") == "4 min 00 s"
    assert section(found, "Reason") == ["Cancelled by user."]


def test_only_the_first_of_many_are_listed():
    failures = tuple(FailureFacts(3, "no", f"model.shop.m{each}") for each in range(14))
    nodes = tuple(node(f"m{each}", "warn") for each in range(11))
    facts = run_facts(Status.ERROR, failures=failures, nodes=nodes)
    found = message(facts, Told("failure"), PLAIN)
    assert section(found, "Reason")[10:] == ["… and 4 more"]
    assert section(found, "Warnings")[10:] == ["… and 1 more"]


def test_the_run_of_a_pull_request_says_so():
    found = message(run_facts(pull_request=7), Told("success"), PLAIN)
    assert found.title == "production__daily succeeded (pull request 7)"


def test_lines_of_others_are_one_line_without_what_turns_them_around():
    texts = [*(each.value for each in ATTACK.facts)]
    texts += [each.heading for part in ATTACK.sections for each in part.items]
    assert all(each.isprintable() for each in texts)


def test_secrets_are_scrubbed_from_every_text():
    facts = run_facts(Status.ERROR, reason="no: s3cret\ns3cret", cause="s3cret")
    known = replace(KNOWN, commits=[("b" * 40, "s3cret", "s3cret")], run_page="http://x/s3cret")
    found = message(facts, Told("failure"), known).scrubbed(
        lambda text: text.replace("s3cret", "*")
    )
    assert "s3cret" not in FORM.dump_json(found).decode()


def test_a_message_comes_back_from_its_form():
    assert FORM.validate_json(FORM.dump_json(ATTACK)) == ATTACK


def test_a_median_of_nothing_is_left_out():
    known = replace(KNOWN, median_seconds=0.0)
    quick = run_facts(started_at=run_facts().finished_at - timedelta(seconds=5))
    assert fact(message(quick, Told("success"), known), "Duration") == "5.0 s"
