"""All assets of one environment: one multi-asset that dbt builds, with sources and exposures."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import dagster as dg

from deploy_project.config.values.deployment import Environment
from deploy_project.orchestration.catalog.checks import check_specs
from deploy_project.orchestration.catalog.selection import Selection
from deploy_project.orchestration.catalog.translations import Translation
from deploy_project.orchestration.catalog.translator import Translator
from deploy_project.orchestration.nodes.asset_keys import Names, renamed_assets
from deploy_project.orchestration.nodes.check_keys import check_keys, renamed_checks
from deploy_project.orchestration.nodes.node_facts import ManifestContent
from deploy_project.orchestration.nodes.notes import Tell, nobody
from deploy_project.orchestration.nodes.op_names import op_of_environment

Build = Callable[
    [dg.AssetExecutionContext, Selection], Iterable[dg.MaterializeResult[Any] | dg.AssetCheckResult]
]
"""Builds the selection; yields its results, unless it has reported them itself."""


def environment_assets(
    environment: Environment,
    *,
    manifest: ManifestContent,
    commit: str,
    docs_url: str | None,
    catalog: Mapping[str, Any] | None,
    build: Build,
    reserved: Collection[dg.AssetKey] = (),
    translated: Mapping[str, Translation] | None = None,
    names: Names | None = None,
    built_by: Mapping[str, str] | None = None,
    tell: Tell = nobody,
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the assets of one environment at its deployed `commit`.

    Models, seeds and snapshots are one multi-asset that `build` can build any part of; sources
    and exposures are specs around it. `reserved` keys are those of other assets; `translated`,
    `names` and `built_by` are as `Translator` has them; `tell` hears of nodes that can't be shown
    as they are.
    """
    translator = Translator(
        environment,
        manifest,
        commit,
        docs_url,
        catalog,
        reserved,
        tell,
        translated or {},
        names,
        built_by or {},
    )
    specs, keys = translator.specs(), translator.keys
    checks = check_keys(environment.name, manifest, keys)
    for line in renamed_assets(environment.name, manifest, keys, names):
        tell(line)
    for line in renamed_checks(manifest, keys, checks):
        tell(line)
    built = {key: spec for key, spec in specs.items() if key in manifest["nodes"]}
    around = [spec for key, spec in specs.items() if key not in built]
    if not built:
        return [*around]
    own = {spec.key for spec in built.values()}
    tests = check_specs(
        manifest,
        assets=keys,
        checks={unique_id: key for unique_id, key in checks.items() if key.asset_key in own},
        tell=tell,
    )
    return [_multi_asset(environment, built, tests, build), *around]


def _multi_asset(
    environment: Environment,
    specs: Mapping[str, dg.AssetSpec],
    checks: Mapping[str, dg.AssetCheckSpec],
    build: Build,
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=op_of_environment(environment, "dbt_assets"),
        specs=list(specs.values()),
        check_specs=list(checks.values()),
        can_subset=True,
    )
    def build_selection(context: dg.AssetExecutionContext) -> Iterable[Any]:
        chosen, checked = context.selected_asset_keys, context.selected_asset_check_keys
        yield from build(
            context,
            Selection(
                unique_ids=tuple(each for each, spec in specs.items() if spec.key in chosen),
                checks=tuple(each for each, spec in checks.items() if spec.key in checked),
            ),
        )

    return build_selection
