from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
import pytest

from deploy_project.config.values.deployment import Environment
from deploy_project.orchestration.catalog.assets import Build, environment_assets
from deploy_project.orchestration.catalog.checks import source_checks
from deploy_project.orchestration.catalog.selection import Selection


def definitions(
    environment: Environment, manifest: dict[str, Any], build: Build | None = None
) -> dg.Definitions:
    def nothing(_context: object, _selection: Selection) -> Iterable[dg.AssetCheckResult]:
        return ()

    assets = environment_assets(
        environment,
        manifest=manifest,
        commit="c0ffee",
        docs_url=None,
        catalog=None,
        build=build or nothing,
    )
    checks = source_checks(environment, manifest=manifest, build=nothing)
    return dg.Definitions(assets=assets, asset_checks=checks)


def loads(loaded: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(loaded)
    assert loaded.get_repository_def().get_all_jobs()


class Dbt:
    """Builds nothing, remembers what was chosen, and says that all went well unless silent."""

    def __init__(self, *, silent: bool = False) -> None:
        self.chosen: list[Selection] = []
        self._silent = silent

    def __call__(
        self, context: dg.AssetExecutionContext, selection: Selection
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        self.chosen.append(selection)
        if self._silent:  # it has reported by itself while it ran
            return
        for key in sorted(context.selected_asset_keys, key=str):
            yield dg.MaterializeResult(asset_key=key)
        for check in sorted(context.selected_asset_check_keys, key=str):
            yield dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name)


def test_the_definitions_of_two_environments_load_together(environment, manifest):
    staging = Environment(name="stag-ing", id=3, project=environment.project, type="staging")
    both = dg.Definitions.merge(definitions(environment, manifest), definitions(staging, manifest))
    loads(both)
    keys = {key.to_user_string() for key in both.resolve_asset_graph().get_all_asset_keys()}
    assert {"prod/orders", "stag-ing/orders", "prod/raw/orders"} <= keys
    assert "prod/paid" not in keys


def test_a_project_without_models_loads(environment, manifest):
    for section in ("nodes", "exposures", "unit_tests"):
        manifest[section] = {}
    loads(definitions(environment, manifest))


@pytest.mark.parametrize(
    ("unique_id", "changes"),
    [
        ("model.shop.stg_orders", {"name": "stg-orders with: (odd) name"}),
        ("model.shop.stg_orders", {"name": "prod__orders"}),
        ("model.shop.orders", {"name": "stg_orders_no_negative_amounts"}),
        ("model.shop.orders", {"group": None, "config": {"group": "★", "schema": "a b"}}),
        ("test.shop.amounts_agree", {"name": "orders & days agree!"}),
        ("test.shop.no_negative_amounts", {"config": {"severity": None}, "depends_on": {}}),
    ],
)
def test_odd_names_and_settings_load(environment, manifest, unique_id, changes):
    manifest["nodes"][unique_id].update(changes)
    loads(definitions(environment, manifest))


def test_one_asset_chosen_by_hand_is_built_with_its_tests(environment, manifest):
    dbt = Dbt()
    loaded = definitions(environment, manifest, dbt)
    job = loaded.resolve_implicit_global_asset_job_def()
    ended = job.execute_in_process(asset_selection=[dg.AssetKey(["prod", "orders"])])
    assert ended.success
    [selection] = dbt.chosen
    assert selection.unique_ids == ("model.shop.orders",)
    assert set(selection.checks) == {
        "test.extras.unique_orders_order_id.fed79b3a6e",
        "test.shop.amounts_agree",
        "test.shop.not_null_orders_order_id.cf6c17daed",
        "test.shop.relationships_orders_customer_id__customer_id__ref_stg_customers_.918495ce16",
        "test.shop.unique_orders_order_id.fed79b3a6e",
        "unit_test.shop.orders.only_paid_orders",
    }
    assert selection.freshness == ()


def test_one_check_chosen_by_hand_is_run_alone(environment, manifest):
    dbt = Dbt()
    [built, *_] = definitions(environment, manifest, dbt).assets or []
    assert isinstance(built, dg.AssetsDefinition)
    check = dg.AssetCheckKey(dg.AssetKey(["prod", "orders"]), "amounts_agree")
    ended = dg.materialize([built], selection=dg.AssetSelection.checks(check))
    assert ended.success
    assert dbt.chosen == [Selection(checks=("test.shop.amounts_agree",))]


def test_everything_chosen_is_everything_but_what_concerns_sources(environment, manifest):
    dbt = Dbt(silent=True)
    [built, *_] = definitions(environment, manifest, dbt).assets or []
    assert isinstance(built, dg.AssetsDefinition)
    assert dg.materialize([built]).success
    [selection] = dbt.chosen
    types = ("model", "seed", "snapshot")
    assert set(selection.unique_ids) == {
        key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in types and key != "model.shop.paid"
    }
    assert "test.shop.source_unique_raw_orders_id.56401af608" not in selection.checks
    assert len(selection.checks) == 10
