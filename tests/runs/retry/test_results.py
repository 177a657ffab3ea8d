"""What `dbt retry` is to read, made of what runs before have left."""

from typing import Any

import pytest

from deploy_project.dbt.artifacts.manifest import Manifest, Nodes
from deploy_project.runs.retry import results
from deploy_project.runs.retry.results import RunResultsDocument


def document(which: str = "build", **statuses: str) -> RunResultsDocument:
    return {
        "metadata": {},
        "args": {"which": which},
        "results": [
            {"unique_id": f"model.shop.{name}", "status": status}
            for name, status in statuses.items()
        ],
    }


def known(found: RunResultsDocument) -> dict[str, str]:
    return {each["unique_id"].split(".")[2]: each["status"] for each in found["results"]}


def test_the_newer_results_win():
    first = document(a="success", b="error", c="skipped")
    assert known(results.merged([first, document(b="success", c="error")])) == {
        "a": "success",
        "b": "success",
        "c": "error",
    }


def test_what_was_planned_and_never_reached_is_skipped():
    found = results.completed(document(a="success"), ["model.shop.a", "model.shop.b"])
    assert known(found) == {"a": "success", "b": "skipped"}
    assert results.left(found) == ["model.shop.b"]


def test_nodes_that_are_gone_are_not_retried():
    nodes = Nodes({"model.shop.a": {}})
    manifest = Manifest("", "", "", nodes, Nodes({}), Nodes({}), Nodes({}))
    found = document(a="error", b="error")
    hook = {"unique_id": "operation.shop.x", "status": "error"}
    kept = {"unique_id": "saved_query.shop.y", "status": "error"}
    found = {**found, "results": [*found["results"], hook, kept]}
    assert known(results.existing(found, manifest)) == {"a": "error", "x": "error", "y": "error"}


def test_only_what_is_chosen_is_retried():
    found = results.narrowed(document(a="success", b="error", c="fail"), {"model.shop.c"})
    assert results.left(found) == ["model.shop.c"]
    assert known(found)["a"] == "success"


@pytest.mark.parametrize(
    ("status", "is_left"),
    [
        *((status, True) for status in ("error", "fail", "skipped", "runtime error")),
        ("partial success", True),
        *((status, False) for status in ("success", "pass", "warn", "no-op")),
    ],
)
def test_what_is_left_to_do(status: str, is_left: bool):
    assert bool(results.left(document(a=status))) == is_left


def test_a_hook_is_not_retried_by_itself():
    hook = {"unique_id": "operation.shop.x", "status": "error"}
    assert results.left({"args": {}, "results": [hook]}) == []


def test_the_hooks_that_have_failed_are_named_as_on_the_console():
    found = [
        {"unique_id": "model.shop.a", "status": "error", "message": "No such table"},
        *(
            {"unique_id": f"operation.shop.shop-on-run-end-{n}", "status": status, "message": said}
            for n, status, said in (
                (0, "success", "shop.on-run-end.2 passed"),
                (1, "error", "shop.on-run-end.3 failed, error:\n No such table"),
                (2, "skipped", "shop.on-run-end.4 skipped"),
            )
        ),
        {"unique_id": "operation.shop.shop-on-run-end-3", "status": "skipped", "message": None},
    ]
    assert results.failed_hooks({"args": {}, "results": found}) == [
        "shop.on-run-end.3",
        "shop.on-run-end.4",
        "operation.shop.shop-on-run-end-3",
    ]


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        ({"which": "run"}, {"model"}),
        ({"which": "test"}, {"test", "unit_test"}),
        ({"which": "build", "resource_types": ["model", "test"]}, {"model", "test"}),
        ({"which": "test", "exclude_resource_types": ["unit_test"]}, {"test"}),
        ({"which": "seed", "resource_types": ["default"]}, {"seed"}),
        ({"which": "run-operation"}, set[str]()),
        ({"which": "generate"}, set[str]()),
    ],
)
def test_the_types_of_nodes_that_a_command_does(arguments: dict[str, Any], types: set[str]):
    assert results.command_types({"args": arguments, "results": []}) == types


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"select": [], "exclude": []}, ""),
        ({"select": ["a", "b+"], "exclude": ["c"]}, "--select a b+ --exclude c"),
        ({"selector": "nightly"}, "--selector nightly"),
        (
            {"select": ["a"], "indirect_selection": "cautious", "target": "prod"},
            "--select a --indirect-selection cautious --target prod",
        ),
    ],
)
def test_what_the_command_has_selected(arguments: dict[str, Any], options: str):
    assert " ".join(results.selection({"args": arguments, "results": []})) == options


@pytest.mark.parametrize(
    ("recorded", "command", "state", "expected"),
    [
        ({"state": "/old", "defer": True}, "build", "/new", {"state": "/new", "defer": True}),
        ({"state": "/old", "defer": True}, "build", None, {"defer": False}),
        ({"defer": False}, "build", "/new", {"state": "/new", "defer": True}),
        ({"defer": False}, "build --no-defer", "/new", {"state": "/new", "defer": False}),
        ({"defer": True}, "build --defer", None, {"defer": True}),
        *(
            ({"state": "own"}, command, "/new", {"state": "own"})
            for command in ("build --state own", "build --state=own")
        ),
    ],
)
def test_a_retry_defers_to_the_state_of_its_own_run(
    recorded: dict[str, Any], command: str, state: str | None, expected: dict[str, Any]
):
    found = results.for_this_run({"args": recorded, "results": []}, command.split(), state)
    assert found["args"] == expected
