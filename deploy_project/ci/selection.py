"""What a dbt command selects, asked of dbt itself before the command runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy_project.dbt.commands import subcommand
from deploy_project.dbt.manifest import Manifest, read_manifest
from deploy_project.errors import DbtError
from deploy_project.releases.packages import last_words
from deploy_project.runs import run as runs
from deploy_project.runs.results import SELECTING
from deploy_project.runs.scene import Scene

_MANY = frozenset(
    {"--select", "-s", "--models", "--model", "-m", "--exclude"}
    | {"--resource-type", "--resource-types", "--exclude-resource-type"}
    | {"--exclude-resource-types"}
)
_ONE = frozenset(
    {"--selector", "--indirect-selection", "--vars", "--target", "-t", "--profile"}
    | {"--state", "--defer-state"}
)
_FIELDS = ("unique_id", "database", "schema")


@dataclass(frozen=True)
class Relation:
    """What a selected node is going to write."""

    unique_id: str
    database: str
    schema: str

    @property
    def name(self) -> str:
        """What people call the node."""
        return self.unique_id.split(".")[-1]


def options(arguments: Sequence[str]) -> list[str]:
    """Return those of a command's `arguments` that decide what it selects, as `dbt ls` takes them.

    What is unknown here does not narrow the selection.
    """
    kept: list[str] = []
    taking, left = False, 0
    for word in arguments:
        name = word.split("=", 1)[0]
        if word.startswith("-") and not left:
            taking = name in _MANY or name in _ONE
            left = 1 if taking and name in _ONE and "=" not in word else 0
            if taking:
                kept.append(word)
            taking = taking and "=" not in word
        elif taking:
            kept.append(word)
            taking, left = name in _MANY or left == 0, 0
    return kept


def relations(scene: Scene) -> list[Relation]:
    """Return what the command of `scene` is going to write node by node.

    Hooks, operations and macros that write are no nodes. Raises `DbtError` with dbt's own words.
    """
    arguments = scene.step.arguments
    types = SELECTING.get(subcommand(arguments) or "", frozenset[str]())
    if not types:
        return []
    listed = list(_listed(scene, arguments))
    manifest = read_manifest(scene.target_directory / "manifest.json")
    stores = "--store-failures" in arguments
    return [
        each
        for each in listed
        if each.unique_id.split(".")[0] in types and _writes(each, manifest, stores=stores)
    ]


def _writes(relation: Relation, manifest: Manifest, *, stores: bool) -> bool:
    node = manifest.find(relation.unique_id)
    if node is None:
        return bool(relation.schema)  # such as a function
    if node.resource_type == "test":
        return stores or bool(node.config.get("store_failures"))
    return node.resource_type != "unit_test" and node.materialized != "ephemeral"


def _listed(scene: Scene, arguments: Sequence[str]) -> Iterator[Relation]:
    said: list[str] = []
    ended = scene.workspace.run(
        ("ls", "--quiet", "--output", "json", "--output-keys", *_FIELDS, *options(arguments)),
        directory=scene.target_directory.parent,
        on_line=said.append,
        state=scene.state,
        timeout_seconds=runs.seconds_left(scene.run),
    )
    if ended.code != 0:
        raise DbtError(f"`dbt ls` of what is to be built failed: {last_words(said)}")
    for line in said:
        if line.startswith("{"):
            found: Mapping[str, str | None] = json.loads(line)
            yield Relation(*(found.get(name) or "" for name in _FIELDS))
