"""The manifest of a dbt project as typed values: nodes, parents, cycles, and build order."""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from deploy_project.dbt.artifacts.results import MALFORMED, Readable, document, text_in
from deploy_project.errors import DbtError

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Node:
    """Any entry with a unique id in a manifest; fields that it doesn't have are empty."""

    unique_id: str
    name: str
    resource_type: str
    path: str
    depends_on: tuple[str, ...]
    materialized: str
    database: str
    schema: str
    relation_name: str
    group: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    alias: str
    columns: Mapping[str, Mapping[str, Any]]
    """The columns that the project describes, which may be fewer than there are."""
    constraints: Sequence[Mapping[str, Any]]
    primary_key: tuple[str, ...]
    """The columns that dbt infers; since dbt 1.8."""
    attached_node: str
    """The unique id of the node that a generic test is attached to."""
    test_metadata: Mapping[str, Any]


class Nodes(Mapping[str, Node]):
    """One section of a manifest by unique id; nodes are made when they are asked for.

    That raises `DbtError` for an entry that is not one of dbt's.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = dict(raw)

    def __getitem__(self, unique_id: str) -> Node:
        raw = self._raw[unique_id]
        try:
            return _node(unique_id, raw)
        except MALFORMED as error:
            why = f"{type(error).__name__}: {error}"
            raise DbtError(
                f"the entry of {unique_id!r} in the manifest is not one of dbt's ({why}); run the "
                "command again"
            ) from error

    def __contains__(self, unique_id: object) -> bool:
        return unique_id in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


@dataclass(frozen=True)
class Manifest:
    """The manifest of a project at one commit."""

    dbt_version: str
    adapter_type: str
    invocation_id: str
    nodes: Nodes
    """Models, seeds, snapshots, tests, analyses and operations."""
    sources: Nodes
    exposures: Nodes
    unit_tests: Nodes

    def find(self, unique_id: str) -> Node | None:
        """Return the node of any section that has this unique id."""
        sections = (self.nodes, self.sources, self.exposures, self.unit_tests)
        return next((each[unique_id] for each in sections if unique_id in each), None)

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The parents of each node; both are only those that commands have results of."""
        sections = (self.nodes, self.unit_tests, self.exposures)
        executable = [node for section in sections for node in section.values()]
        known = {node.unique_id for node in executable}
        return {
            node.unique_id: tuple(parent for parent in node.depends_on if parent in known)
            for node in executable
        }


def content_while_written(path: Readable, *, patience_seconds: float = 60) -> Mapping[str, Any]:
    """Return a manifest that dbt may be writing, as JSON: it does so again as a command ends.

    Raises `DbtError` for one that is not whole after `patience_seconds`.
    """
    until = time.monotonic() + patience_seconds
    while True:
        try:
            return json.loads(path.read_bytes())
        except ValueError as error:
            if time.monotonic() >= until:
                raise DbtError(f"dbt's artifact {str(path)!r} is not whole: {error}") from error
            time.sleep(_LOOK_SECONDS)


def read_manifest(path: Readable) -> Manifest:
    """Return the manifest in `path`, or raise `DbtError`."""
    with document(path, "manifest") as found:
        metadata = found["metadata"]
        return Manifest(
            dbt_version=text_in(metadata, "dbt_version"),
            adapter_type=text_in(metadata, "adapter_type"),
            invocation_id=text_in(metadata, "invocation_id"),
            nodes=Nodes(found["nodes"]),
            sources=Nodes(found["sources"]),
            exposures=Nodes(found.get("exposures", {})),
            unit_tests=Nodes(found.get("unit_tests", {})),
        )


def cycle(manifest: Manifest) -> tuple[str, ...]:
    """Return nodes that refer to each other in a circle, the first one again at the end.

    `dbt parse` takes them; every other command of dbt refuses the whole project. Empty for none.
    """
    try:
        TopologicalSorter(manifest.parents).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def _node(unique_id: str, raw: Mapping[str, Any]) -> Node:
    config: Mapping[str, Any] = raw.get("config") or {}
    depends_on: Mapping[str, Sequence[str]] = raw.get("depends_on") or {}
    return Node(
        unique_id=unique_id,
        name=text_in(raw, "name"),
        resource_type=text_in(raw, "resource_type"),
        path=text_in(raw, "path"),
        depends_on=_texts(depends_on, "nodes"),
        materialized=text_in(config, "materialized"),
        database=text_in(raw, "database"),
        schema=text_in(raw, "schema"),
        relation_name=text_in(raw, "relation_name"),
        group=text_in(raw, "group") or text_in(config, "group"),
        tags=_texts(raw, "tags"),
        config=config,
        alias=text_in(raw, "alias") or text_in(raw, "name"),
        columns=raw.get("columns") or {},
        constraints=raw.get("constraints") or (),
        primary_key=_texts(raw, "primary_key"),
        attached_node=text_in(raw, "attached_node"),
        test_metadata=raw.get("test_metadata") or {},
    )


def _texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found: Sequence[Any] = raw.get(key) or ()
    if not all(isinstance(each, str) for each in found):
        raise TypeError(f"{key!r} are not all texts")
    return tuple(found)


def build_parents(manifest: Manifest) -> Mapping[str, Collection[str]]:
    """Return the nodes that each node waits for in `dbt build`.

    Beside its parents these are the tests of its ancestors, where a test of several nodes holds up
    only the descendants of all of them (`Linker.add_test_edges` of dbt-core). The unit tests of a
    model run just before it.
    """
    waits = {unique_id: set(parents) for unique_id, parents in manifest.parents.items()}
    below = _Below(manifest)
    for test in manifest.nodes.values():
        if test.resource_type == "test":
            for unique_id in below.first_of_all(test.depends_on):
                waits[unique_id].add(test.unique_id)
    for test in manifest.unit_tests.values():
        for model in manifest.parents[test.unique_id][:1]:  # as dbt does: what follows are inputs
            waits[test.unique_id] = waits[model] - manifest.unit_tests.keys()
            waits[model].add(test.unique_id)
    return waits


class _Below:
    """The descendants of each node, tests left out: one bit per node, parents before children."""

    def __init__(self, manifest: Manifest) -> None:
        built = [each for each in manifest.nodes.values() if each.resource_type != "test"]
        parents = {node.unique_id: node.depends_on for node in built}
        self._order = list(TopologicalSorter(parents).static_order())
        self._places = {unique_id: place for place, unique_id in enumerate(self._order)}
        self._masks = [0] * len(self._order)
        for place in reversed(range(len(self._order))):
            for parent in parents.get(self._order[place], ()):
                self._masks[self._places[parent]] |= self._masks[place] | 1 << place

    def first_of_all(self, above: Sequence[str]) -> Iterator[str]:
        """Yield the first nodes that are below all of `above`."""
        common = -1 if above else 0  # -1 has every bit
        for each in above:
            common &= self._masks[self._places[each]] if each in self._places else 0
        while common:
            place = (common & -common).bit_length() - 1
            yield self._order[place]
            common &= ~(self._masks[place] | 1 << place)
