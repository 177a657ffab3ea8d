"""Translates dbt nodes to asset specs: keys, owners, groups, tags, columns and links; pure."""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from deploy_project.config.values.deployment import Environment
from deploy_project.git.hosting import file_url
from deploy_project.orchestration.nodes.asset_keys import asset_keys, assets, upstream
from deploy_project.orchestration.nodes.columns import column_schema
from deploy_project.orchestration.nodes.freshness import Freshness, freshness, threshold_text
from deploy_project.orchestration.nodes.node_facts import (
    ManifestContent,
    NodeEntry,
    group,
    group_name,
    is_tag,
    mapping,
    owners,
    table_name,
    tags,
)
from deploy_project.orchestration.nodes.notes import Tell, nobody, reason


def _nothing(_: NodeEntry) -> dict[str, object]:
    return {}


def _of_source(node: NodeEntry) -> dict[str, object]:
    criteria = mapping(node.get("freshness"))
    return {
        "dbt/loader": node.get("loader"),
        "dbt/loaded_at_field": node.get("loaded_at_field"),
        "dbt/warn_after": threshold_text(criteria.get("warn_after")),
        "dbt/error_after": threshold_text(criteria.get("error_after")),
    }


def _of_exposure(node: NodeEntry) -> dict[str, object]:
    return {
        "dbt/type": node.get("type"),
        "dbt/maturity": node.get("maturity"),
        "dbt/label": node.get("label"),
        "dbt/url": _link(node.get("url")),
    }


def _link(url: object) -> object:
    """Return a link for Dagster's UI; a plain value where a browser would run it, say."""
    if isinstance(url, str) and url.lower().startswith(("http://", "https://")):
        return dg.MetadataValue.url(url)
    return url or None


_SPECIFIC: Mapping[str, Callable[[NodeEntry], dict[str, object]]] = {
    "source": _of_source,
    "exposure": _of_exposure,
}


@dataclass(frozen=True)
class Translator:
    """Makes asset specs for one environment from the manifest of its deployed commit."""

    environment: Environment
    manifest: ManifestContent
    commit: str
    project_directory: Path
    """The dbt project within a checkout of `commit`."""
    docs_url: str | None = None
    catalog: Mapping[str, Any] | None = None
    reserved: Collection[dg.AssetKey] = ()
    """Keys that other assets of the code location have."""
    tell: Tell = nobody
    """Hears of nodes that can't be shown as they are."""

    @cached_property
    def assets(self) -> Mapping[str, NodeEntry]:
        """The nodes that are assets, by unique id."""
        return assets(self.manifest)

    @cached_property
    def keys(self) -> Mapping[str, dg.AssetKey]:
        """The keys of the assets, by unique id."""
        return asset_keys(self.environment.name, self.manifest, reserved=self.reserved)

    def specs(self) -> dict[str, dg.AssetSpec]:
        """Return the specs of all assets that can be shown, by unique id."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # code references are in beta
            found = {unique_id: self._shown(unique_id) for unique_id in self.assets}
        return {unique_id: spec for unique_id, spec in found.items() if spec is not None}

    def _shown(self, unique_id: str) -> dg.AssetSpec | None:
        """Return the spec of one asset, or a bare one, or None, as far as Dagster accepts it."""
        try:
            return self.spec(unique_id)
        except Exception as error:  # such as odd properties that Dagster refuses
            why = reason(error)
        try:
            spec = self._bare(unique_id, note=why)
        except Exception as error:
            self.tell(f"{unique_id!r} is not shown: {reason(error)}")
            return None
        self.tell(f"{unique_id!r} is shown with its name alone: {why}")
        return spec

    def _bare(self, unique_id: str, *, note: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            self.keys[unique_id],
            deps=self._parents(unique_id),
            group_name=group_name(self.environment.name, "default"),
            kinds={"dbt"},
            metadata={"dbt/unique_id": unique_id, "dbt/not_shown": note},
            skippable=unique_id in self.manifest["nodes"],
        )

    def _parents(self, unique_id: str) -> list[dg.AssetKey]:
        found = upstream(self.manifest, unique_id, self.keys)
        return [self.keys[parent] for parent in found]

    def spec(self, unique_id: str) -> dg.AssetSpec:
        """Return the spec of one asset."""
        node = self.assets[unique_id]
        built = unique_id in self.manifest["nodes"]
        age = freshness(node) if built else Freshness()
        return dg.AssetSpec(
            self.keys[unique_id],
            deps=self._parents(unique_id),
            description=node.get("description") or node.get("source_description") or None,
            group_name=group_name(self.environment.name, group(node)),
            owners=owners(node, self.manifest),
            tags=tags(node),
            kinds=self._kinds(node),
            metadata=self._metadata(node, age),
            freshness_policy=age.policy,
            skippable=built,
        )

    def _kinds(self, node: NodeEntry) -> set[str]:
        adapter = self.manifest["metadata"].get("adapter_type")
        kind = node["resource_type"]
        if kind in ("source", "exposure"):
            return {"dbt", kind} | ({adapter} if adapter and kind == "source" else set())
        found = (adapter, node["config"].get("materialized"))
        return {"dbt", *(each for each in found if each and is_tag(each))}

    def _metadata(self, node: NodeEntry, age: Freshness) -> dict[str, Any]:
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

    def _docs(self, node: NodeEntry) -> dg.MetadataValue[Any] | None:
        if self.docs_url is None:
            return None
        page = f"{node['resource_type']}/{node['unique_id']}"
        return dg.MetadataValue.url(
            f"{self.docs_url}/docs/{quote(self.environment.name)}/#!/{quote(page)}"
        )

    def _code(self, node: NodeEntry) -> dg.CodeReferencesMetadataValue | None:
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
