"""Facts of one manifest node in Dagster's spelling: meta, group, owners, tags, table; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

NodeEntry = Mapping[str, Any]
ManifestContent = Mapping[str, Any]

_GROUPS = {"seed": "seeds", "snapshot": "snapshots", "source": "sources", "exposure": "exposures"}
# Dagster's own pattern of an e-mail address; any other owner must be a team.
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,7}")
_TAG = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one: people write all sorts of things."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def meta(node: NodeEntry) -> Mapping[str, Any]:
    """Return the node's `meta`, wherever this version of dbt keeps it."""
    return mapping(mapping(node.get("config")).get("meta")) or mapping(node.get("meta"))


def dagster_meta(node: NodeEntry) -> Mapping[str, Any]:
    """Return the node's `meta.dagster`; empty without one."""
    return mapping(meta(node).get("dagster"))


def group_name(environment_name: str, name: str) -> str:
    """Return the group within its environment: the UI shows the one inside the other."""
    return f"{environment_name.replace('-', '_')}/{name}"


def group(node: NodeEntry) -> str:
    """Return the group: `meta.dagster.group`, dbt's group, or the first folder of a model."""
    chosen = dagster_meta(node).get("group") or mapping(node.get("config")).get("group")
    if not chosen:
        folders = node["fqn"][1:-2] if node.get("version") else node["fqn"][1:-1]
        chosen = _GROUPS.get(node["resource_type"]) or next(iter(folders), "")
    return cleaned_group(str(chosen))


def cleaned_group(text: str) -> str:
    """Return `text` as a group that Dagster takes; `default` where nothing is left of it."""
    parts = (re.sub(r"[^A-Za-z0-9_]+", "_", part).strip("_") for part in text.split("/"))
    return "/".join(filter(None, parts)) or "default"


def owners(node: NodeEntry, manifest: ManifestContent) -> list[str]:
    """Return the owners of a node, each an e-mail address or `team:…`, none twice.

    They come from the owner of dbt's group, an exposure's own `owner`, `meta.owner`, and
    `meta.dagster.owners`.
    """
    name = mapping(node.get("config")).get("group")
    dbt_group = mapping(manifest.get("groups", {}).get(f"group.{node['package_name']}.{name}"))
    written = (
        dbt_group.get("owner"),
        node.get("owner"),
        meta(node).get("owner"),
        dagster_meta(node).get("owners"),
    )
    return cleaned_owners(written)


def cleaned_owners(written: Iterable[object]) -> list[str]:
    """Return the owners that people have written, as Dagster takes them."""
    found = (_owner(text) for each in written for text in _texts(each))
    return list(dict.fromkeys(filter(None, found)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in listing(value):
        yield from _texts(each)
    if person := mapping(value):
        yield from _texts(person.get("email") or person.get("name"))


def _owner(text: str) -> str | None:
    if _EMAIL.fullmatch(text):
        return text
    team = re.sub(r"[^\w.&@ -]+", "_", text.strip().removeprefix("team:")).strip("_ ")
    return f"team:{team}" if team else None


def tags(node: NodeEntry) -> dict[str, str]:
    """Return dbt's tags that Dagster accepts, without those that begin with `dagster/`."""
    return cleaned_tags({str(tag): "" for tag in listing(node.get("tags"))})


def cleaned_tags(found: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that Dagster accepts, without those that begin with `dagster/`."""
    return {
        name: value
        for name, value in found.items()
        if is_tag(name) and not name.startswith("dagster/")
    }


def is_tag(text: object) -> bool:
    """Return whether Dagster takes `text` as a tag's name."""
    return isinstance(text, str) and _TAG.fullmatch(text) is not None


def table_name(node: NodeEntry) -> str | None:
    """Return the full name of a node's relation, without quotes; None when there is none."""
    if not node.get("relation_name"):
        return None
    last = node.get("identifier") or node.get("alias") or node["name"]
    return ".".join(filter(None, (node.get("database"), node.get("schema"), last)))
