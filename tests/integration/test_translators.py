"""A deployment's own translator: what runs report is what the definitions show."""

import dagster as dg
import pytest

from deploy_project.orchestration.location import definitions, deployed_pointers
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

NAMING = """
from dagster_dbt import DagsterDbtTranslator


class Naming(DagsterDbtTranslator):
    def get_asset_key(self, props):
        return super().get_asset_key(props).with_prefix("lake")
"""
DEPLOY = """
    projects:
      tiny: {repository: REMOTE, translator: "naming:Naming"}
    environments:
      prod: {type: production, branch: main, target: prod}
"""
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build]}
"""
TESTED = """
    models:
      - name: orders
        columns:
          - name: id
            data_tests: [not_null]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("naming"), {**PROJECT, "models/a.yml": TESTED})
    made.configure(jobs=JOBS, deploy=DEPLOY)
    (made.root / "naming.py").write_text(NAMING, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def first(site: Site) -> Result:
    """A run before anything is deployed: no code server has told any name."""
    return site.execute("prod__daily", PYTHONPROFILEIMPORTTIME="1")


def checked(site: Site, run_id: str) -> list[str]:
    found = site.events(run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [each.asset_key.to_user_string() for each in found if "jobs" not in each.asset_key.path]


def test_a_run_reports_by_the_translator_and_does_not_import_dagster_dbt(site: Site, first: Result):
    assert first.success
    assert sorted(site.materialized(first.run_id)) == ["prod/lake/orders", "prod/lake/revenue"]
    assert checked(site, first.run_id) == ["prod/lake/orders"]
    imported = {line.rpartition("|")[2].strip() for line in first.output.splitlines()}
    assert "dagster" in imported
    assert not {each for each in imported if each.partition(".")[0] == "dagster_dbt"}


def test_the_definitions_show_what_the_run_has_reported(site: Site, first: Result):
    keys = {key.to_user_string() for key in site.definitions().resolve_all_asset_keys()}
    assert {*site.materialized(first.run_id)} <= keys
    again = site.run("prod__daily")  # by the names that the definitions have kept
    assert sorted(site.materialized(again.run_id)) == sorted(site.materialized(first.run_id))


def test_the_process_of_a_run_by_hand_has_the_same_keys(site: Site, first: Result):
    deployment, shown = site.deployment, site.definitions()
    pointers = deployed_pointers(deployment, site.state)
    found = definitions(deployment, site.state, pointers=pointers, listeners=(), only="__ASSET_JOB")
    assert {*found.resolve_all_asset_keys()} == {*shown.resolve_all_asset_keys()}
    for key in (dg.AssetKey(["prod", "lake", "orders"]),):
        [built] = [each for each in found.assets or [] if _has(each, key)]
        assert isinstance(built, dg.AssetsDefinition)
        assert {each.name for each in built.check_keys} == {"not_null_orders_id"}


def _has(each: object, key: dg.AssetKey) -> bool:
    return isinstance(each, dg.AssetsDefinition) and key in each.keys


def test_a_new_model_has_its_name_before_it_is_deployed(site: Site, first: Result):
    commit = site.push({"models/fresh.sql": "select 1 as id"})
    done = site.run("prod__daily", {"deploy/commit": commit})
    assert "prod/lake/fresh" in site.materialized(done.run_id)


def test_a_translator_that_is_broken_costs_the_assets_and_nothing_else(site: Site, first: Result):
    file = site.root / "naming.py"
    file.write_text("import nowhere_to_be_found", encoding="utf-8")
    try:
        commit = site.push({"models/fresh.sql": None})
        done = site.execute("prod__daily", "--tags", f'{{"deploy/commit": "{commit}"}}')
        assert done.success
        assert site.materialized(done.run_id) == []
        assert "Nothing is reported to the assets" in done.output
        assert "projects.tiny.translator: naming:Naming can't be imported" in done.output
        [shown] = [
            each
            for each in site.definitions().assets or []
            if isinstance(each, dg.AssetSpec) and each.key.path[-1] == "not_shown"
        ]
        assert "projects.tiny.translator" in (shown.description or "")
    finally:
        file.write_text(NAMING, encoding="utf-8")
