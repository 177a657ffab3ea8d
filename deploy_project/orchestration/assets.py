"""All assets of one environment: one multi-asset that dbt builds, with sources and exposures."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from deploy_project.config.deployment import Environment
from deploy_project.orchestration.checks import check_keys, check_specs
from deploy_project.orchestration.nodes import Manifest
from deploy_project.orchestration.selection import Selection
from deploy_project.orchestration.translator import Translator, op_name

Build = Callable[
    [dg.AssetExecutionContext, Selection], Iterable[dg.MaterializeResult[Any] | dg.AssetCheckResult]
]
"""Builds the selection; yields its results, unless it has reported them itself."""


def environment_assets(
    environment: Environment,
    *,
    manifest: Manifest,
    commit: str,
    project_directory: Path,
    docs_url: str | None,
    catalog: Mapping[str, Any] | None,
    build: Build,
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the environment's assets at `commit`, whose dbt project is `project_directory`.

    Models, seeds and snapshots are one multi-asset that `build` can build any part of; sources
    and exposures are specs around it.
    """
    translator = Translator(environment, manifest, commit, project_directory, docs_url, catalog)
    specs = translator.specs()
    built = {key: spec for key, spec in specs.items() if key in manifest["nodes"]}
    around = [spec for key, spec in specs.items() if key not in built]
    if not built:
        return [*around]
    return [_multi_asset(environment, manifest, built, translator.keys, build), *around]


def _multi_asset(
    environment: Environment,
    manifest: Manifest,
    specs: Mapping[str, dg.AssetSpec],
    keys: Mapping[str, dg.AssetKey],
    build: Build,
) -> dg.AssetsDefinition:
    own = {spec.key for spec in specs.values()}
    checks = {
        unique_id: key
        for unique_id, key in check_keys(environment.name, manifest, keys).items()
        if key.asset_key in own
    }

    @dg.multi_asset(
        name=op_name(environment, "dbt_assets"),
        specs=list(specs.values()),
        check_specs=list(check_specs(manifest, assets=keys, checks=checks).values()),
        can_subset=True,
    )
    def build_selection(context: dg.AssetExecutionContext) -> Iterable[Any]:
        chosen, checked = context.selected_asset_keys, context.selected_asset_check_keys
        yield from build(
            context,
            Selection(
                unique_ids=tuple(each for each, spec in specs.items() if spec.key in chosen),
                checks=tuple(each for each, key in checks.items() if key in checked),
            ),
        )

    return build_selection
