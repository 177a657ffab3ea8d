"""Selections of nodes, tests and sources, and the dbt arguments that select just those; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deploy_project.orchestration.nodes.node_facts import ManifestContent, NodeEntry

_SECTIONS = ("nodes", "unit_tests")
_TYPES = ("model", "seed", "snapshot", "test", "unit_test")


@dataclass(frozen=True)
class Selection:
    """The nodes to build, tests to run and sources to measure, by dbt's unique ids."""

    unique_ids: tuple[str, ...] = ()
    """Models, seeds and snapshots."""
    checks: tuple[str, ...] = ()
    """Tests and unit tests."""
    freshness: tuple[str, ...] = ()
    """Sources to measure."""


def selection_arguments(selection: Selection, manifest: ManifestContent) -> list[str]:
    """Return the arguments after `dbt` that build the chosen nodes and tests and no others.

    Nodes that aren't in `manifest` are left out; empty when none remains, for `dbt build` without
    a selection would build everything. Where most of one type is chosen, the rest is excluded:
    dbt takes time for every selector.
    """
    wanted = {*selection.unique_ids, *selection.checks}
    select: list[str] = []
    exclude: list[str] = []
    for kind in _TYPES:
        nodes = _of_type(kind, manifest)
        chosen = [node for node in nodes if node["unique_id"] in wanted]
        rest = [node for node in nodes if node["unique_id"] not in wanted]
        if len(rest) < len(chosen):
            select.append(f"resource_type:{kind}")
            exclude += _selectors(rest, manifest)
        else:
            select += _selectors(chosen, manifest)
    if not select:
        return []
    without = ["--exclude", *exclude] if exclude else []
    return ["build", "--select", *select, *without, "--indirect-selection", "empty"]


def freshness_arguments(selection: Selection, manifest: ManifestContent) -> list[str]:
    """Return the arguments that measure the chosen sources' freshness; empty without any."""
    sources = [manifest["sources"].get(each) for each in selection.freshness]
    names = [
        ".".join(_pattern(node[field]) for field in ("package_name", "source_name", "name"))
        for node in sources
        if node is not None
    ]
    select = [f"source:{name}" for name in names]
    return ["source", "freshness", "--select", *select] if select else []


def _of_type(kind: str, manifest: ManifestContent) -> list[NodeEntry]:
    return [
        node
        for section in _SECTIONS
        for _, node in sorted(manifest.get(section, {}).items())
        if node["resource_type"] == kind
    ]


def _selectors(nodes: Iterable[NodeEntry], manifest: ManifestContent) -> list[str]:
    return [_selector(node, manifest) for node in nodes]


def _selector(node: NodeEntry, manifest: ManifestContent) -> str:
    """Return the selector of exactly one node.

    A plain `fqn:` selects everything below a folder of the model's name too, a pattern only nodes
    with as many parts; so the last character is written as one (`[s]`). A package is named because
    `fqn:` also looks past it.
    """
    parts = [_pattern(part) for part in node["fqn"]]
    last = parts[-1]
    parts[-1] = last if last.endswith("?") else f"{last[:-1]}[{last[-1]}]"
    exact = f"fqn:{'.'.join(parts)},package:{node['package_name']}"
    exact = f"{exact},resource_type:{node['resource_type']}"
    if node["resource_type"] != "unit_test" or not node.get("version"):
        return exact
    # The unit tests of all versions of a model have one and the same name.
    model = manifest["nodes"].get(node["depends_on"]["nodes"][0])
    return f"{exact},{_selector(model, manifest).split(',')[0]}+1" if model else exact


def _pattern(text: str) -> str:
    """Return `text` with `?` for each character but letters, digits, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9_-]", "?", str(text))
