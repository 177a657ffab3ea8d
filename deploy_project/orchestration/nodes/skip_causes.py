"""The failures that dbt has skipped a node for, and how they are told; pure."""

from collections.abc import Collection, Iterator

from deploy_project.dbt.artifacts import node_names
from deploy_project.orchestration.nodes.node_facts import ManifestContent, listing, mapping

FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
"""The states of a node that those below it are skipped for."""
_TESTS = ("test", "unit_test")
_MOST = 5


def told_skip(unique_id: str, manifest: ManifestContent, failed: Collection[str]) -> str:
    """Return the reason why a node was skipped, in words; `failed` are nodes and tests."""
    causes = sorted(skip_causes(unique_id, manifest, failed))
    named = [f"{_spoken(each)} failed" for each in causes[:_MOST]]
    more = [f"{len(causes) - _MOST} more"] if len(causes) > _MOST else []
    return f"Skipped: {', '.join([*named, *more]) or 'the command ended before its turn'}"


def skip_causes(
    unique_id: str, manifest: ManifestContent, failed: Collection[str]
) -> frozenset[str]:
    """Return the nearest of the nodes above that have `failed`, and the tests that hold it up."""
    tested: dict[str, set[str]] = {}
    for each in failed:
        if node_names.kind(each) in _TESTS:
            for parent in _above(each, manifest):
                tested.setdefault(parent, set()).add(each)
    found: set[str] = set()
    seen, queue = {unique_id}, [*_above(unique_id, manifest)]
    while queue:
        parent = queue.pop()
        if parent in seen:
            continue
        seen.add(parent)
        causes = {parent} & set(failed) or tested.get(parent, set())
        found |= causes
        if not causes:
            queue.extend(_above(parent, manifest))
    return frozenset(found)


def _above(unique_id: str, manifest: ManifestContent) -> Iterator[str]:
    """Yield the nodes that a node reads, or a test tests."""
    for section in ("nodes", "unit_tests"):
        entry = mapping(mapping(manifest.get(section)).get(unique_id))
        yield from map(str, listing(mapping(entry.get("depends_on")).get("nodes")))


def _spoken(unique_id: str) -> str:
    kind = node_names.kind(unique_id)
    told = f"{kind.replace('_', ' ')} " if kind in _TESTS else ""
    return told + node_names.name(unique_id)
