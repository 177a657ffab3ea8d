"""Column lineage and row counts of built models: both take time, and environments opt in."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.orchestration.nodes.columns import column_lineage, dialect
from deploy_project.orchestration.nodes.node_facts import ManifestContent, NodeEntry
from deploy_project.releases import parses
from deploy_project.runs.model.step_context import CommandContext


class Lineage:
    """Column lineage of the models of one command, from the SQL that dbt has just compiled."""

    def __init__(
        self, context: CommandContext, manifest: ManifestContent, keys: Mapping[str, dg.AssetKey]
    ) -> None:
        self._compiled = context.target_directory / "compiled"
        self._nodes = manifest["nodes"]
        self._dialect = dialect(context.workspace.profile.adapter)
        readable = {**manifest["nodes"], **manifest["sources"]}
        relations = {
            unique_id: node["relation_name"]
            for unique_id, node in readable.items()
            if node.get("relation_name")
        }
        self._keys = {relations[each]: key for each, key in keys.items() if each in relations}
        # What a query has selected is known from here on, also where nobody documents columns.
        self._columns = {
            relation: list(readable[unique_id].get("columns", {}))
            for unique_id, relation in relations.items()
        }

    def of(self, event: NodeFinished) -> dg.TableColumnLineage | None:
        """Return the lineage of the model that `event` is about; None when it can't be told."""
        node = self._nodes.get(event.unique_id, {})
        code = compiled_code(self._compiled, node) if event.resource_type == "model" else ""
        if not code:
            return None
        found = column_lineage(
            code,
            dialect=self._dialect,
            columns_of={name: columns for name, columns in self._columns.items() if columns},
            key_of_relation=self._keys,
        )
        if found is not None:
            self._columns[node["relation_name"]] = list(found.deps_by_column)
        return found


def compiled_code(directory: Path, node: NodeEntry) -> str:
    """Return the code of a node that dbt has left in its `directory` of such; empty for none.

    Several nodes of one file, such as the tests of a YAML file, have a directory of its name.
    """
    package, path = str(node.get("package_name")), str(node.get("original_file_path"))
    if os.path.basename(str(node.get("path"))) != os.path.basename(path):
        path = f"{path}/{node.get('path')}"
    try:
        return (directory / package / path).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def row_counts(context: CommandContext, relations: Mapping[str, str]) -> dict[str, int]:
    """Return the number of rows of each relation by its node, asked for in one query of dbt's.

    Empty when dbt can't tell; the console of the step says why.
    """
    if not relations:
        return {}
    nodes = list(relations)
    query = " union all ".join(
        f"select {number} as node, count(*) as row_count from {relations[node]}"  # noqa: S608 dbt's quoting
        for number, node in enumerate(nodes)
    )
    said: list[str] = []
    directory = context.run.work / "row-counts"
    parses.lend(context.workspace.parsed, directory / "target")
    ended = context.workspace.run(
        ("--quiet", "show", "--inline", query, "--output", "json", "--limit", "-1"),
        directory=directory,
        on_line=said.append,
    )
    text = "\n".join(said)
    if ended.code != 0:
        print(f"Rows could not be counted: {text}", flush=True)
        return {}
    rows = json.loads(text[text.index("{") :])["show"]
    return {nodes[int(row["node"])]: int(row["row_count"]) for row in rows}
