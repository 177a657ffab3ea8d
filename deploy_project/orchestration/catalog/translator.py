"""Translates dbt nodes to asset specs: keys, owners, groups, tags, columns and links; pure.

What dagster-dbt's translator says goes first; our own rule is for what it leaves empty, for
exposures, and for the processes of runs, which do without it.
"""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

import dagster as dg

from deploy_project.config.values.deployment import Environment
from deploy_project.git.hosting import file_url
from deploy_project.orchestration.catalog.translations import Translation
from deploy_project.orchestration.nodes.asset_keys import Names, asset_keys, assets, upstream
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

_BUILT_BY = "#### Built by:"
_RAW_SQL = "\n\n#### Raw SQL:\n"
"""The heading of dagster-dbt's, which the code of a model follows."""


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
    docs_url: str | None = None
    catalog: Mapping[str, Any] | None = None
    reserved: Collection[dg.AssetKey] = ()
    """Keys that other assets of the code location have."""
    tell: Tell = nobody
    """Hears of nodes that can't be shown as they are."""
    translated: Mapping[str, Translation] = field(default_factory=dict[str, Translation])
    """The translations by dagster-dbt's translator; empty where nobody looks at the specs."""
    names: Names | None = None
    """The keys that our own rule would not give."""
    built_by: Mapping[str, str] = field(default_factory=dict[str, str])
    """The jobs that build a node, in Markdown, by unique id."""

    @cached_property
    def assets(self) -> Mapping[str, NodeEntry]:
        """The nodes that are assets, by unique id."""
        return assets(self.manifest)

    @cached_property
    def keys(self) -> Mapping[str, dg.AssetKey]:
        """The keys of the assets, by unique id."""
        return asset_keys(
            self.environment.name, self.manifest, reserved=self.reserved, names=self.names
        )

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
        by = self.translated.get(unique_id) or Translation(key=())
        kinds = self._kinds(node)
        own = node.get("description") or node.get("source_description") or None
        return dg.AssetSpec(
            self.keys[unique_id],
            deps=[*self._parents(unique_id), *by.also_reads],
            description=self._described(unique_id, by.description or own),
            group_name=group_name(self.environment.name, by.group or group(node)),
            owners=by.owners or owners(node, self.manifest),
            tags=by.tags or tags(node),
            kinds=kinds if by.kinds <= kinds else {*by.kinds},  # of which Dagster takes three
            metadata={**by.metadata, **self._metadata(node, age), **by.overriding},
            freshness_policy=age.policy,
            automation_condition=by.automation_condition if built else None,
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
            "dbt/file": node.get("original_file_path"),
            **_SPECIFIC.get(node["resource_type"], _nothing)(node),
        }
        return {name: value for name, value in values.items() if value not in (None, "")}

    def _described(self, unique_id: str, text: str | None) -> str | None:
        """Return a description with the jobs in it: metadata is shown far below, after columns."""
        jobs = self.built_by.get(unique_id)
        if not jobs:
            return text
        said, heading, code = (text or "").partition(_RAW_SQL)
        return "\n\n".join(filter(None, [said.strip(), f"{_BUILT_BY}\n\n{jobs}"])) + heading + code

    def _docs(self, node: NodeEntry) -> dg.MetadataValue[Any] | None:
        if self.docs_url is None:
            return None
        page = f"{node['resource_type']}/{node['unique_id']}"
        return dg.MetadataValue.url(
            f"{self.docs_url}/docs/{quote(self.environment.name)}/#!/{quote(page)}"
        )

    def _code(self, node: NodeEntry) -> dg.CodeReferencesMetadataValue | None:
        # Files of packages are not in the repository, and a path here is no link in a browser.
        project, file = self.environment.project, node["original_file_path"]
        is_ours = node["package_name"] == self.manifest["metadata"].get("project_name")
        if project.hosting is None or not is_ours:
            return None
        path = f"{project.subdirectory}/{file}" if project.subdirectory else file
        url = file_url(project.hosting, commit=self.commit, path=path)
        reference = dg.UrlCodeReference(url=url, label=file)
        return dg.CodeReferencesMetadataValue(code_references=[reference])
