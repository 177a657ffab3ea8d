"""Owners of nodes in a manifest, their part of a run, and whether it is news."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy_project.config.values.notifications import OwnerRule
from deploy_project.notify.owners import Owners, Part, has_new_failures, is_news, parts
from deploy_project.runs.model.run_facts import FailureFacts, FreshnessFacts, NodeFacts, RunFacts
from deploy_project.runs.model.status import Status
from tests.support.messages import run_facts

RULE = OwnerRule("mail")
INJECTION = "x@=?utf-8?q?evil=0D=0AReply-To=3Aboss@evil.com?="


def entry(**more: Any) -> dict[str, Any]:
    return {"package_name": "shop", "resource_type": "model", **more}


def group(email: object) -> dict[str, Any]:
    return {"name": "finance", "package_name": "shop", "owner": {"name": "Fin", "email": email}}


MANIFEST: dict[str, Any] = {
    "groups": {
        "group.shop.finance": group("fin@example.com"),
        "group.shop.sales": {
            **group(
                ["ana@example.com", "ben@example.com", "Bcc: x@example.com", INJECTION, "a@b@c.de"]
            ),
            "name": "sales",
        },
        "group.lib.finance": {**group("lib@example.com"), "package_name": "lib"},
    },
    "nodes": {
        "model.shop.orders": entry(group="finance"),
        "model.shop.deals": entry(config={"group": "sales"}),
        "model.shop.alone": entry(),
        "model.lib.taxes": entry(group="finance", package_name="lib"),
        "test.shop.not_null_orders": entry(attached_node="model.shop.orders"),
        "test.shop.own_group": entry(group="sales", attached_node="model.shop.orders"),
        "test.shop.both": entry(
            depends_on={"nodes": ["model.shop.orders", "model.shop.deals", "model.shop.alone"]}
        ),
        "test.shop.of_source": entry(depends_on={"nodes": ["source.shop.raw.orders"]}),
    },
    "sources": {
        "source.shop.raw.orders": entry(resource_type="source", meta={"owner": "raw@example.com"}),
        "source.shop.raw.newer": entry(
            resource_type="source", config={"meta": {"owner": ["raw@example.com", "@raw-team"]}}
        ),
        "source.shop.raw.whole": entry(
            resource_type="source", source_meta={"owner": "whole@example.com"}
        ),
    },
    "unit_tests": {"unit_test.shop.u": entry(depends_on={"nodes": ["model.shop.orders"]})},
}
OWNERS = Owners(MANIFEST)


@pytest.mark.parametrize(
    ("unique_id", "expected"),
    [
        ("model.shop.orders", ("fin@example.com",)),
        ("model.shop.deals", ("ana@example.com", "ben@example.com")),
        ("model.shop.alone", ()),
        ("model.lib.taxes", ("lib@example.com",)),
        ("test.shop.not_null_orders", ("fin@example.com",)),
        ("test.shop.own_group", ("ana@example.com", "ben@example.com")),
        ("test.shop.both", ("fin@example.com", "ana@example.com", "ben@example.com")),
        ("test.shop.of_source", ("raw@example.com",)),
        ("unit_test.shop.u", ("fin@example.com",)),
        ("source.shop.raw.orders", ("raw@example.com",)),
        ("source.shop.raw.newer", ("raw@example.com",)),
        ("source.shop.raw.whole", ("whole@example.com",)),
        ("model.shop.gone", ()),
    ],
)
def test_owners(unique_id: str, expected: tuple[str, ...]):
    assert OWNERS.of(unique_id) == expected


@pytest.mark.parametrize("broken", [None, 3, "x", [], {"nodes": 3}, {"nodes": {"model.a.b": 3}}])
def test_a_manifest_of_another_shape_has_no_owners(broken: Any):
    found = broken if isinstance(broken, dict) else {"nodes": broken, "groups": broken}
    assert Owners(found).of("model.a.b") == ()


def node(unique_id: str, status: str) -> NodeFacts:
    return NodeFacts(unique_id, unique_id.partition(".")[0], unique_id, 3, status)


def run(*results: tuple[str, str], freshness: str = "pass") -> RunFacts:
    return run_facts(
        Status.ERROR,
        nodes=tuple(node(*each) for each in results),
        failures=tuple(
            FailureFacts(3, "no such column", each) for each, s in results if s in ("error", "fail")
        ),
        freshness=(FreshnessFacts("source.shop.raw.orders", "orders", freshness),),
        failed_steps=("docs",),
    )


RUN = run(
    ("model.shop.orders", "error"),
    ("model.shop.deals", "success"),
    ("model.shop.alone", "error"),
    ("test.shop.not_null_orders", "skipped"),
    ("test.shop.own_group", "warn"),
    freshness="warn",
)


def test_each_owner_has_its_part():
    found = parts(RUN, RULE, OWNERS)
    assert {address: dict(each.results) for address, each in found.items()} == {
        "fin@example.com": {"model.shop.orders": "failure"},
        "ana@example.com": {"test.shop.own_group": "warning"},
        "ben@example.com": {"test.shop.own_group": "warning"},
        "raw@example.com": {"source.shop.raw.orders": "warning"},
    }
    part = found["fin@example.com"]
    assert (part.result, part.count) == ("failure", 1)
    assert [each.unique_id for each in part.facts.failures] == ["model.shop.orders"]
    assert [each.unique_id for each in part.facts.nodes] == ["model.shop.orders"]
    assert (part.facts.freshness, part.facts.failed_steps) == ((), ())


def test_results_are_told_that_were_asked_for():
    rule = replace(RULE, models=frozenset({"success"}), tests=frozenset[Any]())
    found = parts(RUN, rule, OWNERS)
    assert {*found} == {"ana@example.com", "ben@example.com"}
    assert found["ana@example.com"].result == "success"
    assert found["ana@example.com"].wrong == frozenset()


def test_the_worst_result_counts():
    both = run(("model.shop.orders", "error"), ("test.shop.not_null_orders", "warn"))
    part = parts(both, RULE, OWNERS)["fin@example.com"]
    assert (part.result, part.count, len(part.wrong)) == ("failure", 1, 2)


def part(*results: tuple[str, str]) -> Part:
    return parts(run(*results), RULE, OWNERS)["fin@example.com"]


ORDERS, TEST = ("model.shop.orders", "error"), ("test.shop.not_null_orders", "fail")


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (part(ORDERS), None, True),
        (part(ORDERS), part(ORDERS), False),
        (part(ORDERS, TEST), part(ORDERS), True),
        (part(ORDERS), part(ORDERS, TEST), True),
        (part((TEST[0], "warn")), part(TEST), True),
    ],
)
def test_what_lasts_is_told_once(now: Part, before: Part | None, expected: bool):
    at = now.facts.finished_at
    assert is_news(RULE, now, before, at=at) is expected
    assert is_news(replace(RULE, repeat="always"), now, before, at=at)


def test_what_lasts_is_told_daily():
    rule, now = replace(RULE, repeat="daily"), part(ORDERS)
    at = now.facts.finished_at
    assert not is_news(rule, now, now, at=at - timedelta(hours=1))
    assert is_news(rule, now, now, at=at - timedelta(days=1))


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (part(ORDERS), None, True),
        (part(ORDERS), part(ORDERS, TEST), False),
        (part(ORDERS, TEST), part(ORDERS), True),
    ],
)
def test_a_run_in_progress_tells_new_failures(now: Part, before: Part | None, expected: bool):
    assert has_new_failures(RULE, now, before) is expected
    assert has_new_failures(replace(RULE, repeat="always"), now, before)
