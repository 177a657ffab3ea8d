"""The pairs of relations to compare, a pull request's with production's; pure (CI-16)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deploy_project.ci.compare.comparison import Comparison
from deploy_project.dbt.artifacts.column_facts import generic_tests, primary_key, sensitive_columns
from deploy_project.dbt.artifacts.manifest import Manifest, Node
from deploy_project.dbt.artifacts.node_names import name
from deploy_project.dbt.relations.compare import Pair, RelationPlace

_TYPES = frozenset({"model", "seed", "snapshot"})


@dataclass(frozen=True)
class Candidate:
    """A node to compare, with its pair of relations, or the reason against it."""

    known: Comparison
    pair: Pair | None = None


def candidates(
    selected: Sequence[str], manifest: Manifest, production: Manifest
) -> list[Candidate]:
    """Return the selected nodes that have relations, then those that only production has."""
    tests = generic_tests(manifest)
    nodes = [manifest.nodes[each] for each in selected if each in manifest.nodes]
    found = [
        _candidate(node, production, primary_key(node, tests.get(node.unique_id, ())))
        for node in nodes
        if node.resource_type in _TYPES
    ]
    return [*found, *_removed(manifest, production)]


def _candidate(node: Node, production: Manifest, key: tuple[str, ...]) -> Candidate:
    if not _has_relation(node):
        why = f"{node.materialized or 'it'} has no relation"
        return Candidate(Comparison(node.unique_id, name(node.unique_id), "not_compared", why))
    was = production.find(node.unique_id)
    after = _place(node)
    if was is None:
        why = "not in production's project"
        return Candidate(
            Comparison(node.unique_id, name(node.unique_id), "new", why, after=str(after))
        )
    if not _has_relation(was):
        why = "no relation in production"
        return Candidate(
            Comparison(node.unique_id, name(node.unique_id), "new", why, after=str(after))
        )
    before = _place(was)
    hidden = _hidden(was, node)
    known = Comparison(
        node.unique_id,
        name(node.unique_id),
        "failed",
        before=str(before),
        after=str(after),
        hidden=sorted(hidden) if hidden is not None else None,
    )
    if before == after:
        why = "it is production's own relation"
        return Candidate(Comparison(node.unique_id, name(node.unique_id), "not_compared", why))
    event_time = node.config.get("event_time") or ""
    return Candidate(known, Pair(before, after, key, str(event_time), hidden))


def _removed(manifest: Manifest, production: Manifest) -> Iterator[Candidate]:
    for was in production.nodes.values():
        is_gone = was.resource_type in _TYPES and was.unique_id not in manifest.nodes
        if is_gone and _has_relation(was):
            why = "not in the pull request's project"
            yield Candidate(
                Comparison(
                    was.unique_id,
                    name(was.unique_id),
                    "removed",
                    why,
                    before=str(_place(was)),
                )
            )


def _has_relation(node: Node) -> bool:
    return node.materialized != "ephemeral" and bool(node.schema)


def _hidden(*nodes: Node) -> frozenset[str] | None:
    found = [sensitive_columns(node) for node in nodes]
    names = [each for each in found if each is not None]
    return frozenset[str]().union(*names) if len(names) == len(found) else None


def _place(node: Node) -> RelationPlace:
    return RelationPlace(node.database, node.schema, node.alias)


def in_order(found: Iterable[Comparison]) -> list[Comparison]:
    """Return the comparisons that differ, then the others, each part by name."""
    return sorted(found, key=lambda each: (not each.differs, each.name))
