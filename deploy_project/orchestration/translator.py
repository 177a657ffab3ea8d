"""What Dagster shows of each dbt node: its key, owners, group, tags, columns and links; pure."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from deploy_project.config.deployment import Environment
from deploy_project.git.hosting import file_url
from deploy_project.orchestration.columns import column_schema
from deploy_project.orchestration.freshness import Freshness, freshness, threshold_text
from deploy_project.orchestration.nodes import (
    Manifest,
    Node,
    dagster_meta,
    group,
    group_name,
    listing,
    mapping,
    owners,
    table_name,
    tags,
)

_RANK = {"model": 0, "snapshot": 1, "seed": 2, "source": 3, "exposure": 4}


def assets(manifest: Manifest) -> dict[str, Node]:
    """Return the nodes that are assets, by unique id: whatever is a relation, and exposures.

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


def _exists(node: Node) -> bool:
    config = mapping(node.get("config"))
    return config.get("enabled") is not False and config.get("materialized") != "ephemeral"


def asset_key(environment_name: str, node: Node) -> dg.AssetKey:
    """Return the key of a node of any manifest: the environment, then what dagster-dbt gives.

    This is dagster-dbt's `DagsterDbtTranslator.get_asset_key`, written again because importing it
    costs every process of a run 1.5 s; a test holds the two together. Characters that no name in
    Dagster may have become `_`.
    """
    configured = dagster_meta(node).get("asset_key")
    path: list[str | None]
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
    return dg.AssetKey([environment_name, *(_name(part) for part in path if part is not None)])


@cache
def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def asset_keys(environment_name: str, manifest: Manifest) -> dict[str, dg.AssetKey]:
    """Return the keys of all assets of `manifest` by unique id, no two of them alike for Dagster.

    They are those of `asset_key`, unless an asset wants the key of another: a source that is a
    seed's table, say. Then the source's key is `[<environment>, source, <package>, …]`.
    """
    keys: dict[str, dg.AssetKey] = {}
    taken: set[str] = set()
    for unique_id, node in assets(manifest).items():
        key = asset_key(environment_name, node)
        # Dagster tells outputs apart by this form, in which `a.b` and `a__b` are the same.
        if key.to_python_identifier() in taken:
            key = dg.AssetKey([environment_name, *(_name(part) for part in unique_id.split("."))])
        taken.add(key.to_python_identifier())
        keys[unique_id] = key
    return keys


def op_name(environment: Environment, purpose: str) -> str:
    """Return the name of an op that serves one environment."""
    return f"{environment.name.replace('-', '_')}_{purpose}"


def upstream(manifest: Manifest, unique_id: str, keys: Mapping[str, dg.AssetKey]) -> list[str]:
    """Return the assets that a node reads, seen through what is none (ephemeral models, metrics).

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


def _parents(manifest: Manifest, unique_id: str) -> list[str]:
    for section in _READERS:
        if node := manifest.get(section, {}).get(unique_id):
            return listing(mapping(node.get("depends_on")).get("nodes"))
    return []


def _nothing(_: Node) -> dict[str, object]:
    return {}


def _of_source(node: Node) -> dict[str, object]:
    criteria = mapping(node.get("freshness"))
    return {
        "dbt/loader": node.get("loader"),
        "dbt/loaded_at_field": node.get("loaded_at_field"),
        "dbt/warn_after": threshold_text(criteria.get("warn_after")),
        "dbt/error_after": threshold_text(criteria.get("error_after")),
    }


def _of_exposure(node: Node) -> dict[str, object]:
    return {
        "dbt/type": node.get("type"),
        "dbt/maturity": node.get("maturity"),
        "dbt/label": node.get("label"),
        "dbt/url": dg.MetadataValue.url(node["url"]) if node.get("url") else None,
    }


_SPECIFIC: Mapping[str, Callable[[Node], dict[str, object]]] = {
    "source": _of_source,
    "exposure": _of_exposure,
}


@dataclass(frozen=True)
class Translator:
    """Makes asset specs for one environment from the manifest of its deployed commit."""

    environment: Environment
    manifest: Manifest
    commit: str
    project_directory: Path
    """The dbt project within a checkout of `commit`."""
    docs_url: str | None = None
    catalog: Mapping[str, Any] | None = None

    @cached_property
    def assets(self) -> Mapping[str, Node]:
        """The nodes that are assets, by unique id."""
        return assets(self.manifest)

    @cached_property
    def keys(self) -> Mapping[str, dg.AssetKey]:
        """Their keys."""
        return asset_keys(self.environment.name, self.manifest)

    def specs(self) -> dict[str, dg.AssetSpec]:
        """Return the specs of all assets, by unique id."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # code references are in beta
            return {unique_id: self.spec(unique_id) for unique_id in self.assets}

    def spec(self, unique_id: str) -> dg.AssetSpec:
        """Return the spec of one asset."""
        node = self.assets[unique_id]
        parents = upstream(self.manifest, unique_id, self.keys)
        built = unique_id in self.manifest["nodes"]
        age = freshness(node) if built else Freshness()
        return dg.AssetSpec(
            self.keys[unique_id],
            deps=[self.keys[parent] for parent in parents],
            description=node.get("description") or node.get("source_description") or None,
            group_name=group_name(self.environment.name, group(node)),
            owners=owners(node, self.manifest),
            tags=tags(node),
            kinds=self._kinds(node),
            metadata=self._metadata(node, age),
            freshness_policy=age.policy,
            skippable=built,
        )

    def _kinds(self, node: Node) -> set[str]:
        adapter = self.manifest["metadata"].get("adapter_type")
        kind = node["resource_type"]
        if kind in ("source", "exposure"):
            return {"dbt", kind} | ({adapter} if adapter and kind == "source" else set())
        return {"dbt", *filter(None, (adapter, node["config"].get("materialized")))}

    def _metadata(self, node: Node, age: Freshness) -> dict[str, Any]:
        found = mapping((self.catalog or {}).get("nodes")).get(node["unique_id"]) or mapping(
            (self.catalog or {}).get("sources")
        ).get(node["unique_id"])
        values: dict[str, object] = {
            "dbt/unique_id": node["unique_id"],
            "dbt/materialized": mapping(node.get("config")).get("materialized"),
            "dbt/docs": self._docs(node),
            "dbt/freshness_note": age.note,
            "dagster/table_name": table_name(node),
            "dagster/column_schema": column_schema(node, found),
            "dagster/code_references": self._code(node),
            **_SPECIFIC.get(node["resource_type"], _nothing)(node),
        }
        return {name: value for name, value in values.items() if value not in (None, "")}

    def _docs(self, node: Node) -> dg.MetadataValue[Any] | None:
        if self.docs_url is None:
            return None
        page = f"{node['resource_type']}/{node['unique_id']}"
        return dg.MetadataValue.url(
            f"{self.docs_url}/docs/{quote(self.environment.name)}/#!/{quote(page)}"
        )

    def _code(self, node: Node) -> dg.CodeReferencesMetadataValue | None:
        # Files of packages are not in the repository.
        if node["package_name"] != self.manifest["metadata"].get("project_name"):
            return None
        project, file = self.environment.project, node["original_file_path"]
        if project.hosting is None:
            here = f"{self.project_directory}/{file}"
            return _references(dg.LocalFileCodeReference(file_path=here))
        path = f"{project.subdirectory}/{file}" if project.subdirectory else file
        url = file_url(project.hosting, commit=self.commit, path=path)
        return _references(dg.UrlCodeReference(url=url, label=file))


def _references(
    reference: dg.LocalFileCodeReference | dg.UrlCodeReference,
) -> dg.CodeReferencesMetadataValue:
    return dg.CodeReferencesMetadataValue(code_references=[reference])
