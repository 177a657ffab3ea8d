"""Check keys of a manifest's tests and source freshness, no two alike for Dagster; pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from deploy_project.orchestration.nodes.asset_keys import asset_keys
from deploy_project.orchestration.nodes.distinct import (
    CUT,
    GivenNames,
    NameCandidate,
    WantedName,
    distinct,
    marks,
    unless_shown,
)
from deploy_project.orchestration.nodes.freshness import has_criteria
from deploy_project.orchestration.nodes.node_facts import (
    ManifestContent,
    NodeEntry,
    dagster_meta,
    listing,
    mapping,
)
from deploy_project.orchestration.nodes.notes import why

FRESHNESS = "freshness"
"""The name of the check that `dbt source freshness` is on a source."""
_LONGEST = 250


def tests(manifest: ManifestContent) -> dict[str, NodeEntry]:
    """Return the data tests and unit tests of `manifest` by unique id, the root project's first."""
    found = {
        **{key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "test"},
        **_unit_tests(manifest),
    }
    root = manifest["metadata"].get("project_name")
    order = sorted(found, key=lambda key: (found[key]["package_name"] != root, key))
    return {key: found[key] for key in order}


def tested(manifest: ManifestContent, test: NodeEntry) -> str | None:
    """Return the unique id of the node that a test is about, by dagster-dbt's rule if it has one.

    It is the only node that the test reads, else the one that `meta.dagster.ref` names, else the
    one that dbt has attached it to, else the first it reads that is neither ephemeral nor unknown.
    """
    parents: list[str] = listing(mapping(test.get("depends_on")).get("nodes"))
    attached = test.get("attached_node")
    if len(parents) == 1:
        return parents[0]
    referred = mapping(dagster_meta(test).get("ref"))
    if referred:
        named = (each for each in parents if _is_named(_node(manifest, each), referred))
        return next(named, None)
    return attached or next((each for each in parents if _is_asset(_node(manifest, each))), None)


def _node(manifest: ManifestContent, unique_id: str) -> NodeEntry:
    return mapping(manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id))


def _is_asset(node: NodeEntry) -> bool:
    return bool(node) and mapping(node.get("config")).get("materialized") != "ephemeral"


def _is_named(node: NodeEntry, referred: Mapping[str, Any]) -> bool:
    return all(
        wanted is None or str(node.get(field)) == str(wanted)
        for field, wanted in (
            ("name", referred.get("name")),
            ("package_name", referred.get("package")),
            ("version", referred.get("version")),
        )
    )


def find_test(manifest: ManifestContent, unique_id: str) -> NodeEntry:
    """Return a data test or a unit test of `manifest`; an empty node when it has none such."""
    return mapping(manifest["nodes"].get(unique_id) or _unit_tests(manifest).get(unique_id))


def _unit_tests(manifest: ManifestContent) -> Mapping[str, Any]:
    return mapping(manifest.get("unit_tests"))


def _cleaned(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", name)


def check_keys(
    environment_name: str,
    manifest: ManifestContent,
    assets: Mapping[str, dg.AssetKey] | None = None,
    *,
    shown: Mapping[str, dg.AssetCheckKey] | None = None,
) -> dict[str, dg.AssetCheckKey]:
    """Return the keys of all checks of `manifest`, no two of them alike for Dagster.

    Tests are there by their own unique id, the freshness of a source by the source's. The keys are
    those of `check_key` on `assets`, the keys of `asset_keys` where they are known already; a name
    that is taken, or that Dagster can't have, gets a mark of the test's unique id. No check gets
    the key that `shown`, the keys of another commit, has for another one.
    """
    keys = asset_keys(environment_name, manifest) if assets is None else assets
    wanted = [each for each in _wanted(manifest) if each[1] in keys]
    shown_forms = {_candidate(key).form: each for each, key in (shown or {}).items()}
    given = GivenNames(
        {key.to_python_identifier(): each for each, key in keys.items()},
        unless_shown(shown_forms, {unique_id for unique_id, _, _ in wanted}),
    )
    return distinct((_wish(each, keys[about], name) for each, about, name in wanted), given)


def _wish(unique_id: str, about: dg.AssetKey, name: str) -> WantedName[dg.AssetCheckKey]:
    plain = dg.AssetCheckKey(about, name)
    cut = _cleaned(name) if len(name) <= _LONGEST else _cleaned(name)[:CUT]
    return WantedName(
        unique_id,
        _candidate(plain) if name and _cleaned(name) == name and cut == name else None,
        (_candidate(dg.AssetCheckKey(about, f"{cut}_{mark}")) for mark in marks(unique_id)),
    )


def _candidate(key: dg.AssetCheckKey) -> NameCandidate[dg.AssetCheckKey]:
    # Dagster tells outputs apart by this form, an asset's own among them.
    form = f"{key.asset_key.to_python_identifier()}_{key.name}".replace(".", "_")
    return NameCandidate(key, form)


def _wanted(manifest: ManifestContent) -> Iterator[tuple[str, str, str]]:
    """Yield each check's unique id, the unique id of its node, and its name in dbt."""
    for unique_id, source in sorted(manifest["sources"].items()):
        if has_criteria(source):
            yield unique_id, unique_id, FRESHNESS
    for unique_id, test in tests(manifest).items():
        yield unique_id, tested(manifest, test) or "", str(test["name"])


def renamed_checks(
    manifest: ManifestContent,
    assets: Mapping[str, dg.AssetKey],
    checks: Mapping[str, dg.AssetCheckKey],
) -> Iterator[str]:
    """Yield a line for each of `checks` that has another name than in dbt."""
    owners = {_candidate(key).form: unique_id for unique_id, key in checks.items()}
    owners |= {key.to_python_identifier(): unique_id for unique_id, key in assets.items()}
    for unique_id, about, name in _wanted(manifest):
        key = checks.get(unique_id)
        if key is not None and key.name != name:
            wanted = _candidate(dg.AssetCheckKey(assets[about], name))
            shown = f"{unique_id!r} is shown as {key.name!r} of {key.asset_key.to_user_string()}"
            yield f"{shown}: {why(owner=owners.get(wanted.form), spelled=_cleaned(name) == name)}"
