"""Primary keys and sensitive columns of a model, from dbt's manifest; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from deploy_project.dbt.artifacts.manifest import Manifest, Node

SENSITIVE = "sensitive"
"""The tag, or the key of `meta`, that marks a column, or a whole model."""


def generic_tests(manifest: Manifest) -> Mapping[str, Sequence[Node]]:
    """Return the generic tests by the unique id of the node they are attached to."""
    found: dict[str, list[Node]] = {}
    for node in manifest.nodes.values():
        if node.attached_node and node.test_metadata:
            found.setdefault(node.attached_node, []).append(node)
    return found


def primary_key(node: Node, tests: Iterable[Node]) -> tuple[str, ...]:
    """Return the primary key of `node`; empty when neither constraints, tests nor dbt name one.

    Constraints come first, then a column with the tests `unique` and `not_null`, one that is just
    `unique`, a combination of columns, and the key that dbt itself infers. Tests of some rows only
    (`where`) say nothing of the others.
    """
    whole = [each for each in tests if not each.config.get("where")]
    unique = _tested(whole, "unique")
    not_null = _tested(whole, "not_null")
    candidates = (
        *(_listed(each.get("columns")) for each in node.constraints if _is_key(each)),
        *((name,) for name, column in node.columns.items() if _has_key(column)),
        *((name,) for name in unique if name in not_null),
        *((name,) for name in unique),
        *_combinations(whole),
        tuple(sorted(node.primary_key)),
    )
    return next((each for each in candidates if each), ())


def sensitive_columns(node: Node | None) -> frozenset[str] | None:
    """Return the columns of `node` that are marked, in small letters; None for all of them."""
    if node is None:
        return frozenset()
    if _is_marked({"config": node.config, "tags": node.tags}):
        return None
    return frozenset(name.lower() for name, column in node.columns.items() if _is_marked(column))


def reads_sensitive(unique_id: str, *manifests: Manifest) -> bool:
    """Return whether a node refers to anything marked as sensitive; columns have aliases."""
    return any(
        sensitive_columns(manifest.find(parent)) != frozenset()
        for manifest in manifests
        for parent in _read(unique_id, manifest)
    )


def _read(unique_id: str, manifest: Manifest) -> Iterator[str]:
    """Yield the nodes that a node refers to, also by way of ephemeral models."""
    waiting, seen = [unique_id], set[str]()
    while waiting:
        node = manifest.find(waiting.pop())
        for parent in node.depends_on if node is not None else ():
            if parent not in seen:
                seen.add(parent)
                yield parent
                known = manifest.find(parent)
                if known is not None and known.materialized == "ephemeral":
                    waiting.append(parent)


def _is_marked(found: Mapping[str, Any]) -> bool:
    config: Mapping[str, Any] = found.get("config") or {}
    metas: list[Mapping[str, Any]] = [found.get("meta") or {}, config.get("meta") or {}]
    tags = (*_listed(found.get("tags")), *_listed(config.get("tags")))
    return SENSITIVE in tags or any(meta.get(SENSITIVE) for meta in metas)


def _is_key(constraint: Mapping[str, Any]) -> bool:
    return constraint.get("type") == "primary_key"


def _has_key(column: Mapping[str, Any]) -> bool:
    constraints: Sequence[Mapping[str, Any]] = column.get("constraints") or ()
    return any(map(_is_key, constraints))


def _tested(tests: Iterable[Node], name: str) -> list[str]:
    found = (_arguments(each).get("column_name") for each in tests if _name(each) == name)
    return [column for column in found if isinstance(column, str)]


def _combinations(tests: Iterable[Node]) -> list[tuple[str, ...]]:
    wanted = [each for each in tests if _name(each) == "unique_combination_of_columns"]
    return [_listed(_arguments(each).get("combination_of_columns")) for each in wanted]


def _name(test: Node) -> Any:
    return test.test_metadata.get("name")


def _arguments(test: Node) -> Mapping[str, Any]:
    """Return the arguments of a generic test; since dbt 1.10 some projects nest them."""
    found: Mapping[str, Any] = test.test_metadata.get("kwargs") or {}
    return {**found, **(found.get("arguments") or {})}


def _listed(found: Any) -> tuple[str, ...]:
    if isinstance(found, str):
        return (found,)
    return tuple(each for each in found or () if isinstance(each, str))
