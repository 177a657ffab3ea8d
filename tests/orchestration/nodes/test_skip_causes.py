"""What a skipped node was skipped for."""

from typing import Any

import pytest

from deploy_project.orchestration.nodes.skip_causes import skip_causes, told_skip


def node(*parents: str) -> dict[str, Any]:
    return {"depends_on": {"nodes": list(parents)}}


A, B, C, D = (f"model.shop.{name}" for name in "abcd")
TEST, UNIT = "test.shop.not_null_b_id.a1b2c3d4e5", "unit_test.shop.b.adds_up"
MANIFEST = {
    "nodes": {A: node(), B: node(A), C: node(B, "source.shop.raw.x"), D: node(C), TEST: node(B)},
    "unit_tests": {UNIT: node(B)},
}


@pytest.mark.parametrize(
    ("skipped", "failed", "causes", "told"),
    [
        (B, {A}, {A}, "Skipped: a failed"),
        (D, {A}, {A}, "Skipped: a failed"),
        (D, {A, B}, {B}, "Skipped: b failed"),
        (C, {TEST}, {TEST}, "Skipped: test not_null_b_id failed"),
        (D, {TEST, UNIT}, {TEST, UNIT}, None),
        (D, {"model.shop.elsewhere"}, set[str](), "Skipped: the command ended before its turn"),
        (D, set[str](), set[str](), "Skipped: the command ended before its turn"),
        ("model.shop.unknown", {A}, set[str](), None),
    ],
)
def test_the_nearest_failures_above_are_the_causes(
    skipped: str, failed: set[str], causes: set[str], told: str | None
):
    assert skip_causes(skipped, MANIFEST, failed) == causes
    if told is not None:
        assert told_skip(skipped, MANIFEST, failed) == told


def test_many_causes_are_counted():
    many = [f"model.shop.m{number}" for number in range(8)]
    manifest = {"nodes": {D: node(*many)}}
    assert told_skip(D, manifest, many).endswith("m4 failed, 3 more")


def test_cycles_and_odd_entries_end():
    assert skip_causes(A, {"nodes": {A: node(B), B: node(A)}}, {D}) == frozenset()
    assert skip_causes(A, {"nodes": {A: {"depends_on": "odd"}}}, {D}) == frozenset()
