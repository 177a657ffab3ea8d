"""Dagster's asset checks of dbt's tests and source freshness: their specs and evaluations."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from deploy_project.config.values.deployment import Environment
from deploy_project.dbt.artifacts.events import NodeFinished
from deploy_project.dbt.artifacts.results import SourceResult
from deploy_project.orchestration.catalog.for_people import age_text, code_block, time_text
from deploy_project.orchestration.catalog.selection import Selection
from deploy_project.orchestration.nodes.asset_keys import Names, asset_keys, upstream
from deploy_project.orchestration.nodes.check_keys import check_keys, find_test, tests
from deploy_project.orchestration.nodes.node_facts import (
    ManifestContent,
    NodeEntry,
    listing,
    mapping,
    meta,
)
from deploy_project.orchestration.nodes.notes import Tell, nobody, reason
from deploy_project.orchestration.nodes.op_names import op_of_environment
from deploy_project.runs.outcome.markdown import code

BuildChecks = Callable[[dg.AssetCheckExecutionContext, Selection], Iterable[dg.AssetCheckResult]]


def check_specs(
    manifest: ManifestContent,
    *,
    assets: Mapping[str, dg.AssetKey],
    checks: Mapping[str, dg.AssetCheckKey],
    tell: Tell = nobody,
) -> dict[str, dg.AssetCheckSpec]:
    """Return the specs of `checks`, the keys of `check_keys`; `assets` are those of `asset_keys`.

    A check that Dagster refuses is left out and told. A failing test of severity `error` blocks
    assets downstream, as it does in `dbt build`; but nothing waits for the checks of sources,
    which no run of Dagster's builds.
    """
    sources = {assets[unique_id] for unique_id in manifest["sources"] if unique_id in assets}
    known = tests(manifest)
    found: dict[str, dg.AssetCheckSpec] = {}
    for unique_id, key in checks.items():
        if unique_id not in known:
            found[unique_id] = _freshness_spec(key, unique_id)
            continue
        try:
            also = {assets[each] for each in upstream(manifest, unique_id, assets)}
            may_block = key.asset_key not in sources
            found[unique_id] = _test_spec(key, known[unique_id], also=also, may_block=may_block)
        except Exception as error:  # one test's odd properties must not keep all others out
            tell(f"{unique_id!r} is not shown: {reason(error)}")
    return found


def _test_spec(
    key: dg.AssetCheckKey, test: NodeEntry, *, also: set[dg.AssetKey], may_block: bool
) -> dg.AssetCheckSpec:
    severity = _severity(test)
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description=_described(test),
        additional_deps=sorted(also - {key.asset_key}, key=str),
        blocking=may_block and severity == "error",
        metadata={"dbt/unique_id": test["unique_id"], "dbt/severity": severity},
    )


def _described(test: NodeEntry) -> str:
    """Return the description of a test: its own, else its definition in words."""
    own = _text(test.get("description")) or _text(meta(test).get("description"))
    if own:
        return own
    if test["resource_type"] == "unit_test":
        return f"Unit test of {code(str(test.get('model') or test['name']))}."
    kind = mapping(test.get("test_metadata"))
    if not kind:
        file = code(str(test.get("original_file_path") or test["name"]))
        return f"No row may come of the query in {file}."
    given = mapping(kind.get("kwargs"))
    given = {**given, **mapping(given.get("arguments"))}
    name = ".".join(filter(None, (_text(kind.get("namespace")), _text(kind.get("name")))))
    column = _text(test.get("column_name")) or _text(given.get("column_name"))
    about = f" of column {code(column)}" if column else ""
    options = [
        f"{key}: {_words_of(value)}"
        for key, value in given.items()
        if key not in ("model", "column_name", "arguments")
    ]
    where = _text(mapping(test.get("config")).get("where"))
    limits = [f"where {code(where)}"] if where else []
    return f"{code(name)}{about}{'; '.join(['', *options, *limits])}."


def _words_of(value: object) -> str:
    several = listing(value)
    text = ", ".join(map(str, several)) if several else str(value)
    return code(text)


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _severity(test: NodeEntry) -> str:
    return str(mapping(test.get("config")).get("severity") or "error").lower()


def _freshness_spec(key: dg.AssetCheckKey, source: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description="How old the newest row is, by `dbt source freshness`.",
        metadata={"dbt/unique_id": source},
    )


def source_checks(
    environment: Environment,
    *,
    manifest: ManifestContent,
    build: BuildChecks,
    reserved: Collection[dg.AssetKey] = (),
    names: Names | None = None,
    tell: Tell = nobody,
) -> list[dg.AssetChecksDefinition]:
    """Return one definition with all checks on the environment's sources; none without any."""
    if not manifest["sources"]:
        return []
    assets = asset_keys(environment.name, manifest, reserved=reserved, names=names)
    sources = {assets[each] for each in manifest["sources"] if each in assets}
    checks = {
        unique_id: key
        for unique_id, key in check_keys(environment.name, manifest, assets).items()
        if key.asset_key in sources
    }
    specs = check_specs(manifest, assets=assets, checks=checks, tell=tell)
    if not specs:
        return []

    @dg.multi_asset_check(
        name=op_of_environment(environment, "source_checks"),
        description="Tests of sources, and their freshness.",
        specs=list(specs.values()),
        can_subset=True,
    )
    def run_source_checks(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterable[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        chosen = [each for each, spec in specs.items() if spec.key in selected]
        yield from build(context, _selection(chosen, manifest))

    return [run_source_checks]


def _selection(chosen: Iterable[str], manifest: ManifestContent) -> Selection:
    freshness = tuple(each for each in chosen if each in manifest["sources"])
    return Selection(
        checks=tuple(each for each in chosen if each not in freshness), freshness=freshness
    )


_PASSED = frozenset({"pass", "success"})


def evaluation(
    key: dg.AssetCheckKey,
    event: NodeFinished,
    manifest: ManifestContent,
    *,
    sql: str = "",
    rows: dg.MetadataValue[Any] | None = None,
) -> dg.AssetCheckEvaluation:
    """Return the evaluation of a finished test; status `warn` is a failure of severity WARN.

    `sql` is the test's compiled SQL, `rows` the first ones it has found, where they may be shown.
    """
    metadata: dict[str, dg.MetadataValue[Any] | str | int | float] = {
        "unique_id": event.unique_id,
        "status": event.status,
        "failures": event.failures,
        "time": time_text(event.execution_seconds, compiling=event.compile_seconds, queued=None),
        "execution_seconds": round(float(event.execution_seconds), 3),
        "severity": _severity(find_test(manifest, event.unique_id)),
    }
    if rows is not None:
        metadata["first_rows"] = rows
    if sql:
        metadata["compiled_sql"] = code_block(sql)
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=event.status in _PASSED,
        severity=_check_severity(event.status),
        description=event.message or None,
        metadata=metadata,
    )


def freshness_evaluation(key: dg.AssetCheckKey, result: SourceResult) -> dg.AssetCheckEvaluation:
    """Return the evaluation of one source's freshness; `key` is the key of its check."""
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status in _PASSED,
        severity=_check_severity(result.status),
        description=result.error or _age_in_words(result),
        metadata=freshness_metadata(result),
    )


def _age_in_words(result: SourceResult) -> str | None:
    if result.age_seconds is None:
        return None
    limits = (("warns", result.warn_after), ("fails", result.error_after))
    told = [f"{what} after {_words(limit)}" for what, limit in limits if limit]
    return f"The newest row is {age_text(result.age_seconds)} old; it {' and '.join(told)}."


def freshness_metadata(result: SourceResult) -> dict[str, dg.MetadataValue[Any]]:
    """Return a freshness measurement as metadata, without values that are unknown."""
    values: dict[str, object] = {
        "status": result.status,
        "max_loaded_at": result.max_loaded_at,
        "snapshotted_at": result.snapshotted_at,
        "age": None if result.age_seconds is None else age_text(result.age_seconds),
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
