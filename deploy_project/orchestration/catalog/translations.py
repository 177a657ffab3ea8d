"""The translations of dbt nodes by a project's translator; the only importer of dagster-dbt.

Its import takes 0.3 s, and with dbt's own modules, which only a subclass may need, 1.3 s
(`import_alone`). The code server pays it, and no process of a run (`own_names`).
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import dagster as dg

from deploy_project.config.values.deployment import TranslatorClass
from deploy_project.errors import ConfigError
from deploy_project.orchestration.nodes.asset_keys import assets, upstream
from deploy_project.orchestration.nodes.node_facts import (
    ManifestContent,
    NodeEntry,
    cleaned_group,
    cleaned_owners,
    cleaned_tags,
    mapping,
)
from deploy_project.orchestration.nodes.notes import Tell, nobody, reason

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator

_TRANSLATED = ("nodes", "sources")
"""The sections of a manifest whose assets dagster-dbt has; it has no exposures."""
_SECTIONS = ("exposures", "metrics", "semantic_models", "saved_queries", "functions", "unit_tests")
_MACHINERY = frozenset({"dagster_dbt/manifest", "dagster_dbt/dagster_dbt_translator"})
"""Metadata that dagster-dbt keeps for itself: the whole manifest, for one."""


@dataclass(frozen=True)
class Translation:
    """The properties of one node by a translator; our own rule fills in empty ones."""

    key: tuple[str, ...]
    description: str | None = None
    group: str | None = None
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    kinds: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Metadata as dagster-dbt has it without a subclass; ours goes before it."""
    overriding: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Metadata that a subclass has added or changed; it goes before ours."""
    automation_condition: dg.AutomationCondition[Any] | None = None
    also_reads: tuple[dg.AssetKey, ...] = ()
    """Assets that a subclass has added to those that dbt knows of."""


def translations(
    wanted: TranslatorClass | None, manifest: ManifestContent, *, tell: Tell = nobody
) -> dict[str, Translation]:
    """Return the translations of the nodes of `manifest` by unique id, but for its exposures.

    The translator is the class `wanted`, or dagster-dbt's own. A node that it fails on is left out
    and told. Raises `ConfigError` for a class that can't be had.
    """
    whole: ManifestContent = {**{name: dict[str, Any]() for name in _SECTIONS}, **manifest}
    made = _Translating(_translator(wanted), whole)
    return dict(made.each(tell))


def import_alone() -> None:
    """Import dagster-dbt as it is where dbt-core is not installed, which it is made for, too.

    Whatever imports dbt itself later gets it; dagster-dbt goes on without, to the process's end.
    """
    if "dbt" not in sys.modules:
        sys.modules["dbt"] = None  # type: ignore[assignment]  # Python's word for: not there
        try:
            importlib.import_module("dagster_dbt")
        finally:
            del sys.modules["dbt"]


def verify(wanted: TranslatorClass) -> None:
    """Raise `ConfigError` for a class that can't be had."""
    _translator(wanted)


def _translator(wanted: TranslatorClass | None) -> "DagsterDbtTranslator":
    from dagster_dbt import DagsterDbtTranslator

    if wanted is None:
        return DagsterDbtTranslator()
    said = f"{wanted.place}: {wanted.module}:{wanted.name}"
    try:
        found = getattr(_module(wanted), wanted.name, None)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{said} can't be imported from {wanted.file}: {reason(error)}; correct the module, "
            "or take the key out"
        ) from error
    if not isinstance(found, type) or not issubclass(found, DagsterDbtTranslator):
        what = "is not there" if found is None else "is no subclass of DagsterDbtTranslator"
        raise ConfigError(
            f"{said} {what} in {wanted.file}; write `class {wanted.name}(DagsterDbtTranslator):`"
        )
    try:
        return found()
    except Exception as error:
        raise ConfigError(
            f"{said} can't be made without arguments: {reason(error)}; give its `__init__` defaults"
        ) from error


def _module(wanted: TranslatorClass) -> Any:
    """Import the file by its path: a module that is installed under its name is another one."""
    directory = str(wanted.directory)
    if directory not in sys.path:  # last, for what the class itself imports from beside it
        sys.path.append(directory)
    described = importlib.util.spec_from_file_location(wanted.module, wanted.file)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    before = sys.modules.get(wanted.module)
    sys.modules[wanted.module] = module  # dataclasses look their module up
    try:
        described.loader.exec_module(module)
    finally:
        if before is not None:
            sys.modules[wanted.module] = before
    return module


@dataclass(frozen=True)
class _Translating:
    translator: "DagsterDbtTranslator"
    manifest: ManifestContent

    @cached_property
    def changes_metadata(self) -> bool:
        """Whether a subclass has metadata of its own."""
        return _overrides(self.translator, "get_metadata")

    def each(self, tell: Tell) -> Iterator[tuple[str, Translation]]:
        """Yield the translations of nodes and sources, by unique id."""
        nodes = {
            unique_id: node
            for unique_id, node in assets(self.manifest).items()
            if any(unique_id in self.manifest[section] for section in _TRANSLATED)
        }
        has_specs = _overrides(self.translator, "get_asset_spec")
        if has_specs:
            nodes = {unique_id: nodes[unique_id] for unique_id in _in_order(self.manifest, nodes)}
        known = set[dg.AssetKey]()
        for unique_id, node in nodes.items():
            try:
                if has_specs:
                    yield unique_id, self._by_spec(node, known)
                else:
                    yield unique_id, self._by_methods(node)
            except Exception as error:  # such as odd properties, which only our own rule bears
                tell(f"{unique_id!r} is not translated: {reason(error)}")

    def _by_methods(self, node: NodeEntry) -> Translation:
        """Translate method by method: a whole spec takes several times as long."""
        ask: Any = self.translator  # dagster-dbt leaves the type of its conditions open
        usual, overriding = ask.get_metadata(node), dict[str, Any]()
        if self.changes_metadata:
            usual, overriding = self._metadata(node, usual)
        return Translation(
            key=tuple(ask.get_asset_key(node).path),
            description=self._description(node, ask.get_description(node)),
            group=_group(ask.get_group_name(node)),
            owners=_owners(ask.get_owners(self._with_group(node))),
            tags=cleaned_tags(ask.get_tags(node)),
            metadata=usual,
            overriding=overriding,
            automation_condition=ask.get_automation_condition(node),
        )

    def _by_spec(self, node: NodeEntry, known: set[dg.AssetKey]) -> Translation:
        """Translate by the whole spec, as a class wants it; `known` are the keys of the parents."""
        ask: Any = self.translator
        spec: Any = ask.get_asset_spec(self.manifest, node["unique_id"], None)
        known.add(spec.key)
        found = {name: value for name, value in spec.metadata.items() if name not in _MACHINERY}
        usual, overriding = self._metadata(node, found)
        return Translation(
            key=tuple(spec.key.path),
            description=self._description(node, spec.description),
            group=_group(spec.group_name),
            owners=_owners(spec.owners),
            tags=cleaned_tags(spec.tags),
            kinds=frozenset(spec.kinds),
            metadata=usual,
            overriding=overriding,
            automation_condition=spec.automation_condition,
            also_reads=tuple(dep.asset_key for dep in spec.deps if dep.asset_key not in known),
        )

    def _metadata(
        self, node: NodeEntry, found: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return dagster-dbt's own metadata, and that of `found` which a subclass has changed."""
        from dagster_dbt import default_metadata_from_dbt_resource_props

        usual = dict(default_metadata_from_dbt_resource_props(node))
        changed = {
            name: value
            for name, value in found.items()
            if name not in usual or usual[name] != value
        }
        return usual, changed

    def _description(self, node: NodeEntry, found: str | None) -> str | None:
        """Return the translator's description; None for dagster-dbt's own of a node without code.

        That is the word `source`, the name, and an empty block of SQL.
        """
        if node.get("raw_code"):
            return found
        from dagster_dbt import DagsterDbtTranslator

        usual = DagsterDbtTranslator.get_description(self.translator, node)
        return None if found == usual else found

    def _with_group(self, node: NodeEntry) -> NodeEntry:
        """Return a node with dbt's group in full, as dagster-dbt hands it to `get_owners`."""
        groups = mapping(self.manifest.get("groups")).values()
        found = next((each for each in groups if each["name"] == node.get("group")), None)
        return {**node, "group": found} if found else node


def _in_order(manifest: ManifestContent, nodes: Mapping[str, NodeEntry]) -> Iterable[str]:
    """Return the nodes, parents first: dagster-dbt descends into parents that are not made yet."""
    keys = dict.fromkeys(nodes, dg.AssetKey("any"))
    parents = {unique_id: upstream(manifest, unique_id, keys) for unique_id in nodes}
    return TopologicalSorter(parents).static_order()


def _overrides(translator: "DagsterDbtTranslator", method: str) -> bool:
    from dagster_dbt import DagsterDbtTranslator

    return getattr(type(translator), method) is not getattr(DagsterDbtTranslator, method)


def _group(name: str | None) -> str | None:
    return cleaned_group(name) if name else None


def _owners(found: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(cleaned_owners(found or ()))
