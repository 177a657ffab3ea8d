"""The nodes left in dbt's `run_results.json`, and the results for `dbt retry` to read; pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.manifest import Manifest

RunResultsDocument = Mapping[str, Any]
"""The content of a `run_results.json`."""

_RETRIED = frozenset({"error", "fail", "skipped", "runtime error", "partial success"})
_BUILT = frozenset({"model", "seed", "snapshot", "test", "unit_test", "function"})
_READ = frozenset({"model", "seed", "snapshot", "test", "unit_test"})
"""The types of nodes that a `Manifest` knows completely."""
SELECTING: Mapping[str, frozenset[str]] = {
    "build": _BUILT,
    "clone": frozenset({"model", "seed", "snapshot"}),
    "run": frozenset({"model"}),
    "seed": frozenset({"seed"}),
    "snapshot": frozenset({"snapshot"}),
    "test": frozenset({"test", "unit_test"}),
}
"""The commands that change the warehouse node by node, and the types of nodes that each does."""


def merged(documents: Sequence[RunResultsDocument]) -> RunResultsDocument:
    """Return the last document with the results of all; where they differ, the later one's."""
    known = {each["unique_id"]: each for document in documents for each in document["results"]}
    return {**documents[-1], "results": list(known.values())}


def completed(document: RunResultsDocument, planned: Iterable[str]) -> RunResultsDocument:
    """Return `document` with every planned node that it does not mention as skipped."""
    known = {each["unique_id"] for each in document["results"]}
    never = [_skipped(each) for each in planned if each not in known]
    return {**document, "results": [*document["results"], *never]}


def existing(document: RunResultsDocument, manifest: Manifest) -> RunResultsDocument:
    """Return `document` without the nodes that are gone, which `dbt retry` would stumble over."""

    def is_gone(unique_id: str) -> bool:
        return node_names.kind(unique_id) in _READ and manifest.find(unique_id) is None

    results = [each for each in document["results"] if not is_gone(each["unique_id"])]
    return {**document, "results": results}


def narrowed(document: RunResultsDocument, wanted: Collection[str]) -> RunResultsDocument:
    """Return `document` with no nodes to retry but those `wanted`."""
    results = [
        each
        for each in document["results"]
        if each["status"] not in _RETRIED or each["unique_id"] in wanted
    ]
    return {**document, "results": results}


def left(document: RunResultsDocument) -> list[str]:
    """Return the unique ids of the nodes that `dbt retry` takes up; it looks for no hooks.

    Where it takes up a node, it runs all hooks again, as every command does.
    """
    return [each["unique_id"] for each in _failed(document) if not _is_hook(each)]


def failed_hooks(document: RunResultsDocument) -> list[str]:
    """Return the hooks that have failed or were skipped, as dbt's console names them.

    Such as `shop.on-run-end.0`, in their order.
    """
    hooks = [each for each in _failed(document) if _is_hook(each)]
    return [(each.get("message") or each["unique_id"]).split()[0] for each in hooks]


def _failed(document: RunResultsDocument) -> list[Mapping[str, Any]]:
    return [each for each in document["results"] if each["status"] in _RETRIED]


def _is_hook(result: Mapping[str, Any]) -> bool:
    return result["unique_id"].startswith("operation.")


def command_types(document: RunResultsDocument) -> frozenset[str]:
    """Return the types of nodes that the command does; none for one that goes by no nodes."""
    arguments = document["args"]
    types = SELECTING.get(arguments.get("which"), frozenset[str]())
    only = set(arguments.get("resource_types") or ()) - {"default", "all"}
    return (types & only if only else types) - set(arguments.get("exclude_resource_types") or ())


def selection(document: RunResultsDocument) -> list[str]:
    """Return the options of `dbt ls` for the command's own selection."""
    arguments, words = document["args"], list[str]()
    for name in ("select", "exclude"):
        chosen: str | Sequence[str] = arguments.get(name) or ()
        if chosen:
            words += [f"--{name}", *([chosen] if isinstance(chosen, str) else chosen)]
    for name in ("selector", "indirect_selection", "target", "profile"):
        if arguments.get(name):
            words += [f"--{name.replace('_', '-')}", str(arguments[name])]
    return words


def for_this_run(
    document: RunResultsDocument, command: Collection[str], state: str | None
) -> RunResultsDocument:
    """Return `document` with the place of this run's state instead of the resumed run's.

    A `--state` that the command itself names stays.
    """
    if any(word == "--state" or word.startswith("--state=") for word in command):
        return document
    arguments = {key: each for key, each in document["args"].items() if key != "state"}
    if state is not None:
        arguments["state"] = state
    arguments["defer"] = (state is not None or "--defer" in command) and "--no-defer" not in command
    return {**document, "args": arguments}


def _skipped(unique_id: str) -> dict[str, Any]:
    nothing = ("message", "failures", "compiled", "compiled_code", "relation_name")
    return {
        "unique_id": unique_id,
        "status": "skipped",
        "timing": [],
        "thread_id": "",
        "execution_time": 0,
        "adapter_response": {},
        **dict.fromkeys((*nothing, "batch_results"), None),
    }
