"""Asset keys of a manifest's nodes, no two of them alike for Dagster; pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import dagster as dg

from deploy_project.orchestration.nodes.distinct import (
    CUT,
    LONGEST,
    GivenNames,
    NameCandidate,
    WantedName,
    distinct,
    marks,
    unless_shown,
)
from deploy_project.orchestration.nodes.node_facts import (
    ManifestContent,
    NodeEntry,
    dagster_meta,
    listing,
    mapping,
)
from deploy_project.orchestration.nodes.notes import why

Names = Mapping[str, Sequence[str]]
"""The keys that a translator of the deployment's own gives nodes, by unique id: their parts."""
_RANK = {"model": 0, "snapshot": 1, "seed": 2, "source": 3, "exposure": 4}


def assets(manifest: ManifestContent) -> dict[str, NodeEntry]:
    """Return the nodes that are assets, by unique id: relations and exposures.

    Where two want the same key, the one that gets it comes first.
    """
    nodes = [
        node
        for section in ("nodes", "sources", "exposures")
        for node in mapping(manifest.get(section)).values()
        if node["resource_type"] in _RANK and _exists(node)
    ]
    root = manifest["metadata"].get("project_name")
    nodes.sort(
        key=lambda node: (
            _RANK[node["resource_type"]],
            node["package_name"] != root,
            node["unique_id"],
        )
    )
    return {node["unique_id"]: node for node in nodes}


def _exists(node: NodeEntry) -> bool:
    config = mapping(node.get("config"))
    return config.get("enabled") is not False and config.get("materialized") != "ephemeral"


def asset_key(environment_name: str, node: NodeEntry, *, names: Names | None = None) -> dg.AssetKey:
    """Return the key of a node of any manifest: the environment, then dagster-dbt's key.

    `names` have the keys of a translator of the deployment's own. For any other node this is
    dagster-dbt's `DagsterDbtTranslator.get_asset_key`, written again because importing it costs
    every process of a run a second; a test holds the two together. Characters that no name in
    Dagster may have become `_`.
    """
    parts = _parts(node, names)
    return dg.AssetKey([environment_name, *(_name(part) for part in parts)])


def _parts(node: NodeEntry, names: Names | None) -> list[str]:
    own = names.get(node["unique_id"]) if names is not None else None
    return [*own] if own is not None else key_of_dagster_dbt(node)


def key_of_dagster_dbt(node: NodeEntry) -> list[str]:
    """Return the parts of the key that dagster-dbt gives a node by itself."""
    configured = dagster_meta(node).get("asset_key")
    path: list[Any]
    if isinstance(configured, str) and configured:
        path = [configured]
    elif listing(configured) and all(isinstance(part, str) for part in listing(configured)):
        path = listing(configured)
    elif node["resource_type"] == "source":
        path = [node["source_name"], node["name"]]
    elif node["resource_type"] == "exposure":
        path = ["exposures", node["name"]]
    elif node.get("version"):
        path = [node["alias"]]
    else:
        path = [node["config"].get("schema"), node["name"]]
    return [str(part) for part in path if part is not None]


@cache
def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def asset_keys(
    environment_name: str,
    manifest: ManifestContent,
    *,
    reserved: Collection[dg.AssetKey] = (),
    shown: Mapping[str, dg.AssetKey] | None = None,
    names: Names | None = None,
) -> dict[str, dg.AssetKey]:
    """Return the keys of all assets of `manifest` by unique id, no two of them alike for Dagster.

    They are those of `names` or dagster-dbt's, but for an asset that wants the key of another (a
    source that is a seed's table, say) or a `reserved` one, and where Dagster can't have the key:
    its key is its unique id, `[<environment>, source, <package>, …]`, and has a mark of the unique
    id at its end where that has other letters, too. No asset gets the key that `shown`, the keys of
    another commit, has for another one.
    """
    here = assets(manifest)
    shown_forms = {key.to_python_identifier(): each for each, key in (shown or {}).items()}
    given = GivenNames(may_have=unless_shown(shown_forms, here))
    wishes = (_wish(environment_name, node, reserved, names) for node in here.values())
    return distinct(wishes, given)


def _wish(
    environment_name: str,
    node: NodeEntry,
    reserved: Collection[dg.AssetKey],
    names: Names | None,
) -> WantedName[dg.AssetKey]:
    parts = _parts(node, names)
    key = asset_key(environment_name, node, names=names)
    is_possible = all(part and _name(part) == part for part in parts) and key not in reserved
    return WantedName(
        node["unique_id"],
        _candidate(key) if is_possible and _has_room(key.path) else None,
        map(_candidate, _other_keys(key, node["unique_id"])),
    )


def _candidate(key: dg.AssetKey) -> NameCandidate[dg.AssetKey]:
    # Dagster tells outputs apart by this form, in which `a.b` and `a__b` are the same.
    return NameCandidate(key, key.to_python_identifier())


def _has_room(path: Collection[str]) -> bool:
    return sum(map(len, path)) + len(path) <= LONGEST


def _other_keys(key: dg.AssetKey, unique_id: str) -> Iterator[dg.AssetKey]:
    environment_name, *path = key.path
    parts = [environment_name, *unique_id.split(".")]
    if re.fullmatch(r"[A-Za-z0-9_.]+", unique_id) and _has_room(parts):
        yield dg.AssetKey(parts)
    if not _has_room(key.path):
        path = [path[-1][:CUT]]
    for mark in marks(unique_id):
        yield dg.AssetKey([environment_name, *path[:-1], f"{path[-1]}_{mark}"])


def renamed_assets(
    environment_name: str,
    manifest: ManifestContent,
    keys: Mapping[str, dg.AssetKey],
    names: Names | None = None,
) -> Iterator[str]:
    """Yield a line for each of `keys` that is not the one the translator would give."""
    owners = {key.to_python_identifier(): unique_id for unique_id, key in keys.items()}
    for unique_id, node in assets(manifest).items():
        wanted = asset_key(environment_name, node, names=names)
        if keys[unique_id] != wanted:
            shown = f"{unique_id!r} is shown as {keys[unique_id].to_user_string()}"
            owner = owners.get(wanted.to_python_identifier())
            spelled = wanted.path[1:] == _parts(node, names)
            yield f"{shown}: {why(owner=owner, spelled=spelled)}"


def upstream(
    manifest: ManifestContent, unique_id: str, keys: Mapping[str, dg.AssetKey]
) -> list[str]:
    """Return the assets that a node reads, directly or through ephemeral models and metrics.

    Sorted by unique id, so that definitions don't depend on the order in a file.
    """
    found: set[str] = set()
    seen = {unique_id}
    queue = [*_parents(manifest, unique_id)]
    while queue:
        parent = queue.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in keys:
            found.add(parent)
        else:
            queue.extend(_parents(manifest, parent))
    return sorted(found)


_READERS = ("nodes", "exposures", "metrics", "semantic_models", "saved_queries", "functions")


def _parents(manifest: ManifestContent, unique_id: str) -> list[str]:
    for section in _READERS:
        if node := manifest.get(section, {}).get(unique_id):
            return listing(mapping(node.get("depends_on")).get("nodes"))
    return []
