"""The nodes that a command has read from the relations of another run; pure."""

import re
from collections.abc import Iterable, Iterator

from deploy_project.dbt.artifacts.manifest import Manifest
from deploy_project.dbt.artifacts.results import NodeResult


def deferred(results: Iterable[NodeResult], ours: Manifest, state: Manifest) -> list[str]:
    """Return the unique ids of the nodes that SQL of `results` has read from `state`'s relations.

    dbt decides that ref by ref (it defers to nodes that are neither selected nor in the target
    schema), and its decision stands in the SQL that it has run.
    """
    found = {
        parent
        for each in results
        for parent in _parents(each.unique_id, ours)
        if each.compiled_code and _is_read(parent, each.compiled_code, ours, state)
    }
    return sorted(found)


def _parents(unique_id: str, manifest: Manifest) -> Iterator[str]:
    """Yield the parents of a node, through ephemeral models, too: their SQL is in its own."""
    seen: set[str] = set()
    waiting = [*manifest.parents.get(unique_id, ())]
    while waiting:
        parent = waiting.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if manifest.nodes[parent].materialized == "ephemeral":
            waiting += manifest.parents[parent]
        else:
            yield parent


def _is_read(unique_id: str, code: str, ours: Manifest, state: Manifest) -> bool:
    node, theirs = ours.nodes[unique_id], state.nodes.get(unique_id)
    if theirs is None or theirs.relation_name in ("", node.relation_name):
        return False
    # A Python model has the names in strings, with their quotes escaped.
    plain = code.replace("\\", "")
    return re.search(rf"(?<![\w.]){re.escape(theirs.relation_name)}(?!\w)", plain) is not None
