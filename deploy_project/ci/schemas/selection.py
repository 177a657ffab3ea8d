"""The relations that a dbt command will write, from the nodes that dbt lists before it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy_project.dbt.arguments.commands import ListCommand, selection_options, subcommand
from deploy_project.dbt.arguments.flags import PARSING
from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.events import Listed
from deploy_project.errors import DbtError
from deploy_project.runs.model.step_context import CommandContext
from deploy_project.runs.retry.results import SELECTING

_WRITTEN = ("unique_id", "database", "schema")


@dataclass(frozen=True)
class Relation:
    """The relation that a selected node is going to write."""

    unique_id: str
    database: str
    schema: str

    @property
    def name(self) -> str:
        """The name of the node, for people."""
        return node_names.name(self.unique_id)


def wanted(context: CommandContext) -> ListCommand | None:
    """Return the list command to run before the command; None for one that writes no nodes.

    Hooks, operations and macros that write are no nodes.
    """
    arguments = context.step.arguments
    if subcommand(arguments) not in SELECTING:
        return None
    kept = selection_options(arguments)
    if context.state is not None and not any(each.split("=")[0] == "--state" for each in kept):
        kept += ["--state", str(context.state)]  # `dbt retry` has another one
    return ListCommand(kept, (*_WRITTEN, "config"), PARSING.divided(arguments)[0])


def relations(arguments: Sequence[str], found: Listed) -> list[Relation]:
    """Return the relations that a command will write, of the nodes that dbt has listed for it.

    Raises `DbtError` with dbt's own words when it could not list.
    """
    if found.problem:
        raise DbtError(f"`dbt ls` of what is to be built failed: {found.problem}")
    types = SELECTING[subcommand(arguments) or ""]
    stores = "--store-failures" in arguments
    return [
        Relation(*(str(each.get(field) or "") for field in _WRITTEN))
        for each in found.nodes
        if _kind(each) in types and _writes(each, stores=stores)
    ]


def _kind(node: Mapping[str, Any]) -> str:
    return node_names.kind(str(node["unique_id"]))


def _writes(node: Mapping[str, Any], *, stores: bool) -> bool:
    config: Mapping[str, Any] = node.get("config") or {}
    match _kind(node):
        case "test":
            return stores or bool(config.get("store_failures"))
        case "unit_test":
            return False
        case _:
            return bool(node.get("schema")) and config.get("materialized") != "ephemeral"
