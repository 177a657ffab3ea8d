"""dbt's tests and freshness as Dagster's asset checks: their keys, specs and results."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Any

import dagster as dg

from deploy_project.config.deployment import Environment
from deploy_project.dbt.artifacts import SourceResult
from deploy_project.dbt.events import Finished
from deploy_project.orchestration.freshness import has_criteria
from deploy_project.orchestration.nodes import Manifest, Node, dagster_meta, listing, mapping, meta
from deploy_project.orchestration.selection import Selection
from deploy_project.orchestration.translator import asset_key, asset_keys, op_name, upstream

FRESHNESS = "freshness"
"""The name of the check that `dbt source freshness` is on a source."""


BuildChecks = Callable[[dg.AssetCheckExecutionContext, Selection], Iterable[dg.AssetCheckResult]]


def tests(manifest: Manifest) -> dict[str, Node]:
    """Return the data tests and unit tests of `manifest` by unique id, the root project's first."""
    found = {
        **{key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "test"},
        **_unit_tests(manifest),
    }
    root = manifest["metadata"].get("project_name")
    order = sorted(found, key=lambda key: (found[key]["package_name"] != root, key))
    return {key: found[key] for key in order}


def tested(manifest: Manifest, test: Node) -> str | None:
    """Return the unique id of what a test is about, by dagster-dbt's rule where that has one.

    It is the only thing the test reads, else what `meta.dagster.ref` names, else what dbt has
    attached it to, else the first thing it reads that is neither ephemeral nor unknown.
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


def _node(manifest: Manifest, unique_id: str) -> Node:
    return mapping(manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id))


def _is_asset(node: Node) -> bool:
    return bool(node) and mapping(node.get("config")).get("materialized") != "ephemeral"


def _is_named(node: Node, referred: Mapping[str, Any]) -> bool:
    return all(
        wanted is None or str(node.get(field)) == str(wanted)
        for field, wanted in (
            ("name", referred.get("name")),
            ("package_name", referred.get("package")),
            ("version", referred.get("version")),
        )
    )


def check_key(
    environment_name: str, manifest: Manifest, test_unique_id: str
) -> dg.AssetCheckKey | None:
    """Return the check that a test of any manifest is; None when what it tests is no asset."""
    test = _test(manifest, test_unique_id)
    node = _node(manifest, tested(manifest, test) or "")
    if not _is_asset(node):
        return None
    return dg.AssetCheckKey(asset_key(environment_name, node), _check_name(test))


def _test(manifest: Manifest, unique_id: str) -> Node:
    return mapping(manifest["nodes"].get(unique_id) or _unit_tests(manifest).get(unique_id))


def _unit_tests(manifest: Manifest) -> Mapping[str, Any]:
    return mapping(manifest.get("unit_tests"))


def _check_name(test: Node) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", test["name"])


def check_keys(
    environment_name: str, manifest: Manifest, assets: Mapping[str, dg.AssetKey] | None = None
) -> dict[str, dg.AssetCheckKey]:
    """Return the keys of all checks of `manifest`, no two of them alike for Dagster.

    Tests are there by their own unique id, the freshness of a source by the source's. The keys are
    those of `check_key` on `assets`, the keys of `asset_keys` where they are known already; a name
    that is taken gets a hash.
    """
    keys = asset_keys(environment_name, manifest) if assets is None else assets
    taken = {key.to_python_identifier() for key in keys.values()}
    found: dict[str, dg.AssetCheckKey] = {}
    for unique_id, about, name in _wanted(manifest):
        if about not in keys:
            continue
        # Dagster tells outputs apart by this form, an asset's own among them.
        output = f"{keys[about].to_python_identifier()}_{name}"
        if output in taken:
            mark = sha1(unique_id.encode(), usedforsecurity=False).hexdigest()[:8]
            output, name = f"{output}_{mark}", f"{name}_{mark}"
        taken.add(output)
        found[unique_id] = dg.AssetCheckKey(keys[about], name)
    return found


def _wanted(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield each check's unique id, what it is about, and the name it would like."""
    for unique_id, source in sorted(manifest["sources"].items()):
        if has_criteria(source):
            yield unique_id, unique_id, FRESHNESS
    for unique_id, test in tests(manifest).items():
        yield unique_id, tested(manifest, test) or "", _check_name(test)


def check_specs(
    manifest: Manifest,
    *,
    assets: Mapping[str, dg.AssetKey],
    checks: Mapping[str, dg.AssetCheckKey],
) -> dict[str, dg.AssetCheckSpec]:
    """Return the specs of `checks`, the keys of `check_keys`; `assets` are those of `asset_keys`.

    A failing test of severity `error` blocks what is downstream, as it does in `dbt build`; but
    nothing waits for the checks of sources, which no run of Dagster's builds.
    """
    sources = {assets[unique_id] for unique_id in manifest["sources"] if unique_id in assets}
    found = tests(manifest)
    return {
        unique_id: _test_spec(
            key,
            found[unique_id],
            also={assets[each] for each in upstream(manifest, unique_id, assets)},
            may_block=key.asset_key not in sources,
        )
        if unique_id in found
        else _freshness_spec(key, unique_id)
        for unique_id, key in checks.items()
    }


def _test_spec(
    key: dg.AssetCheckKey, test: Node, *, also: set[dg.AssetKey], may_block: bool
) -> dg.AssetCheckSpec:
    severity = _severity(test)
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description=test.get("description") or meta(test).get("description") or None,
        additional_deps=sorted(also - {key.asset_key}, key=str),
        blocking=may_block and severity == "error",
        metadata={"dbt/unique_id": test["unique_id"], "dbt/severity": severity},
    )


def _severity(test: Node) -> str:
    return str(mapping(test.get("config")).get("severity") or "error").lower()


def _freshness_spec(key: dg.AssetCheckKey, source: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description="How old the newest row is, by `dbt source freshness`.",
        metadata={"dbt/unique_id": source},
    )


def source_checks(
    environment: Environment, *, manifest: Manifest, build: BuildChecks
) -> list[dg.AssetChecksDefinition]:
    """Return one definition with all checks on the environment's sources; none without any."""
    if not manifest["sources"]:
        return []
    assets = asset_keys(environment.name, manifest)
    sources = {assets[each] for each in manifest["sources"] if each in assets}
    checks = {
        unique_id: key
        for unique_id, key in check_keys(environment.name, manifest, assets).items()
        if key.asset_key in sources
    }
    if not checks:
        return []
    specs = check_specs(manifest, assets=assets, checks=checks)

    @dg.multi_asset_check(
        name=op_name(environment, "source_checks"),
        description="Tests of sources, and their freshness.",
        specs=list(specs.values()),
        can_subset=True,
    )
    def run_source_checks(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterable[dg.AssetCheckResult]:
        chosen = [each for each, key in checks.items() if key in context.selected_asset_check_keys]
        yield from build(context, _selection(chosen, manifest))

    return [run_source_checks]


def _selection(chosen: Iterable[str], manifest: Manifest) -> Selection:
    freshness = tuple(each for each in chosen if each in manifest["sources"])
    return Selection(
        checks=tuple(each for each in chosen if each not in freshness), freshness=freshness
    )


_PASSED = frozenset({"pass", "success"})


def evaluation(
    key: dg.AssetCheckKey, event: Finished, manifest: Manifest
) -> dg.AssetCheckEvaluation:
    """Return what a finished test says; a status of `warn` is a failure of severity WARN."""
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=event.status in _PASSED,
        severity=_check_severity(event.status),
        description=event.message or None,
        metadata={
            "unique_id": event.unique_id,
            "status": event.status,
            "failures": event.failures,
            "execution_seconds": float(event.execution_seconds),
            "severity": _severity(_test(manifest, event.unique_id)),
        },
    )


def freshness_evaluation(source: dg.AssetKey, result: SourceResult) -> dg.AssetCheckEvaluation:
    """Return what `dbt source freshness` says of one source, whose key is `source`."""
    return dg.AssetCheckEvaluation(
        asset_key=source,
        check_name=FRESHNESS,
        passed=result.status in _PASSED,
        severity=_check_severity(result.status),
        description=result.error or None,
        metadata=freshness_metadata(result),
    )


def freshness_metadata(result: SourceResult) -> dict[str, dg.MetadataValue[Any]]:
    """Return the measurement as metadata; what is unknown is left out."""
    values: dict[str, object] = {
        "status": result.status,
        "max_loaded_at": result.max_loaded_at,
        "snapshotted_at": result.snapshotted_at,
        "age_seconds": result.age_seconds,
        "warn_after": result.warn_after and _words(result.warn_after),
        "error_after": result.error_after and _words(result.error_after),
    }
    return {name: _value(value) for name, value in values.items() if value is not None}


def _value(value: object) -> dg.MetadataValue[Any]:
    if isinstance(value, datetime):
        return dg.MetadataValue.timestamp(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(value)
    return dg.MetadataValue.text(str(value))


def _words(span: timedelta) -> str:
    """Return a criterion as people write it: `2 days`, `90 minutes`."""
    for unit in ("day", "hour", "minute"):
        count, rest = divmod(span, timedelta(**{f"{unit}s": 1}))
        if count and not rest:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return str(span)


def _check_severity(status: str) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.WARN if status == "warn" else dg.AssetCheckSeverity.ERROR
