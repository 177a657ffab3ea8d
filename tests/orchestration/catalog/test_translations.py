"""What dagster-dbt's translator, or a subclass beside deploy.yaml, says of nodes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import dagster as dg
import pytest

from deploy_project.config.values.deployment import Environment, TranslatorClass
from deploy_project.errors import ConfigError
from deploy_project.orchestration.catalog.assets import environment_assets
from deploy_project.orchestration.catalog.own_names import differing
from deploy_project.orchestration.catalog.translations import import_alone, translations
from deploy_project.orchestration.catalog.translator import Translator
from deploy_project.orchestration.nodes.asset_keys import asset_keys

ORDERS = "model.shop.orders"
STAGED = "model.shop.stg_orders"
SOURCE = "source.shop.raw.orders"

BY_METHODS = """
    import dagster as dg
    from dagster_dbt import DagsterDbtTranslator
    from house_words import TEAM


    class Naming(DagsterDbtTranslator):
        def get_asset_key(self, props):
            return super().get_asset_key(props).with_prefix("lake")

        def get_group_name(self, props):
            return "all of it"

        def get_owners(self, props):
            return [TEAM]

        def get_tags(self, props):
            return {"tier": "gold", "dagster/kind/evil": ""}

        def get_description(self, props):
            return f"About {props['name']}"

        def get_metadata(self, props):
            return {**super().get_metadata(props), "rank": 1, "dagster/table_name": "theirs"}

        def get_automation_condition(self, props):
            return dg.AutomationCondition.eager()
"""

BY_SPEC = """
    import dagster as dg
    from dagster_dbt import DagsterDbtTranslator


    class Naming(DagsterDbtTranslator):
        def get_asset_spec(self, manifest, unique_id, project):
            spec = super().get_asset_spec(manifest, unique_id, project)
            if unique_id != "model.shop.orders":
                return spec
            return spec.replace_attributes(
                key=spec.key.with_prefix("lake"),
                deps=[*spec.deps, dg.AssetKey("from_elsewhere")],
                group_name="gold",
                kinds={"dbt", "iceberg"},
            ).merge_attributes(metadata={"rank": 1})
"""


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Path]:
    """The directory of a deploy.yaml, which is forgotten again."""
    before, known = [*sys.path], {*sys.modules}
    yield tmp_path
    sys.path[:] = before
    for name in {*sys.modules} - known:
        if name in ("naming", "house_words"):
            del sys.modules[name]


def wanted(directory: Path, source: str, name: str = "Naming") -> TranslatorClass:
    (directory / "house_words.py").write_text('TEAM = "team:house"\n', encoding="utf-8")
    file = directory / "naming.py"
    file.write_text(dedent(source), encoding="utf-8")
    place = "deploy.yaml:3: projects.shop.translator"
    return TranslatorClass(directory, file, "naming", name, place)


def test_dagster_dbts_own_translator_and_our_rule_give_the_same_keys(manifest):
    """Processes of runs go by our rule alone: what they report must be what is shown."""
    found = translations(None, manifest)
    assert {*found} >= {ORDERS, SOURCE, "seed.shop.raw_orders", "snapshot.shop.orders_history"}
    assert not {*found} & {*manifest["exposures"]}
    assert differing(found, manifest) == {}


ALONE = """
    import json, sys

    from deploy_project.orchestration.catalog.translations import import_alone, translations

    import_alone()
    found = translations(None, json.load(sys.stdin))
    assert not [name for name in sys.modules if name.split(".")[0] == "dbt"]
    from dbt.version import __version__

    print(json.dumps({name: repr(each) for name, each in found.items()}))
"""


@pytest.mark.slow
def test_dagster_dbts_own_translator_says_the_same_without_dbt(manifest):
    meta = {"dagster": {"auto_materialize_policy": {"type": "eager"}}, "owner": "a@example.com"}
    manifest["nodes"][ORDERS].update(meta=meta, raw_code="select 1 as id")
    alone = subprocess.run(
        [sys.executable, "-c", dedent(ALONE)],
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr
    found = translations(None, manifest)
    assert json.loads(alone.stdout) == {name: repr(each) for name, each in found.items()}


def test_a_dbt_that_is_there_already_stays(monkeypatch):
    there = ModuleType("dbt")
    monkeypatch.setitem(sys.modules, "dbt", there)
    import_alone()
    assert sys.modules["dbt"] is there


def test_dagster_dbt_goes_before_our_rule_which_fills_in_what_it_leaves_empty(
    environment, manifest
):
    manifest["nodes"][ORDERS]["raw_code"] = "select 1 as id"
    found = translations(None, manifest)
    made = Translator(environment, manifest, "c0ffee", translated=found)
    orders, source = made.spec(ORDERS), made.spec(SOURCE)
    assert orders.description is not None
    assert orders.description.startswith("Paid orders\n\n#### Raw SQL:\n```sql\n")
    assert orders.metadata["dagster-dbt/materialization_type"] == "table"
    assert made.spec(STAGED).group_name == "prod/staging"  # the folder, which it does not look at
    # It has an empty block of SQL for a source, and `dbt source orders`.
    node = manifest["sources"][SOURCE]
    assert (source.description or "") == (node["description"] or node["source_description"] or "")
    assert made.spec("exposure.shop.revenue_board").description


def test_the_jobs_are_told_before_the_code(environment, manifest):
    manifest["nodes"][ORDERS]["raw_code"] = "select 1 as id"
    jobs = {ORDERS: "- daily", STAGED: "- hourly"}
    found = translations(None, manifest)
    made = Translator(environment, manifest, "c0ffee", translated=found, built_by=jobs)
    assert made.spec(ORDERS).description == (
        "Paid orders\n\n#### Built by:\n\n- daily\n\n#### Raw SQL:\n```sql\n    select 1 as id\n```"
    )
    plain = Translator(environment, manifest, "c0ffee", built_by=jobs)
    assert plain.spec(STAGED).description == "#### Built by:\n\n- hourly"
    assert plain.spec("seed.shop.raw_orders").description is None


def test_meta_of_dagster_dbt_is_an_automation_condition(environment, manifest):
    meta = {"dagster": {"auto_materialize_policy": {"type": "eager"}}}
    manifest["nodes"][ORDERS]["meta"] = meta
    made = Translator(environment, manifest, "c0ffee", translated=translations(None, manifest))
    assert made.spec(ORDERS).automation_condition is not None
    assert made.spec(STAGED).automation_condition is None


def test_a_subclass_decides_method_by_method(environment, manifest, beside):
    found = translations(wanted(beside, BY_METHODS), manifest)
    names = differing(found, manifest)
    assert names[ORDERS] == ["lake", "orders"]
    made = Translator(environment, manifest, "c0ffee", translated=found, names=names)
    spec = made.spec(ORDERS)
    assert spec.key == dg.AssetKey(["prod", "lake", "orders"])
    assert dg.AssetKey(["prod", "lake", "stg_orders"]) in {dep.asset_key for dep in spec.deps}
    assert spec.group_name == "prod/all_of_it"
    assert list(spec.owners) == ["team:house"]
    assert {name: value for name, value in spec.tags.items() if "kind" not in name} == {
        "tier": "gold"
    }
    assert spec.description == "About orders"
    assert (spec.metadata["rank"], spec.metadata["dagster/table_name"]) == (1, "theirs")
    assert spec.metadata["dbt/unique_id"] == ORDERS
    assert spec.automation_condition is not None


def test_a_subclass_decides_by_whole_specs(environment, manifest, beside):
    manifest["nodes"]["model.shop.orders_daily"]["meta"] = {}  # its group is too much for it
    found = translations(wanted(beside, BY_SPEC), manifest)
    names = differing(found, manifest)
    assert names == {ORDERS: ["lake", "orders"]}
    made = Translator(environment, manifest, "c0ffee", translated=found, names=names)
    spec = made.spec(ORDERS)
    assert {dep.asset_key for dep in spec.deps} == {
        dg.AssetKey(["prod", "stg_orders"]),
        dg.AssetKey("from_elsewhere"),
    }
    assert (spec.group_name, spec.kinds) == ("prod/gold", {"dbt", "iceberg"})
    assert spec.metadata["rank"] == 1
    assert "dagster_dbt/manifest" not in spec.metadata
    assert made.spec("model.shop.orders_daily").kinds == {"dbt", "duckdb", "view"}


def test_a_long_line_of_models_is_translated_by_whole_specs(manifest, beside):
    """dagster-dbt descends into the parents of a node, and ended in a RecursionError."""
    manifest["nodes"]["model.shop.orders_daily"]["meta"] = {}  # its group is too much for it
    order = manifest["nodes"][ORDERS]
    for number in range(1500):
        parent = f"model.shop.link_{number - 1:04}" if number else STAGED
        name = f"link_{number:04}"
        link = {**order, "unique_id": f"model.shop.{name}", "name": name}
        manifest["nodes"][link["unique_id"]] = {**link, "depends_on": {"nodes": [parent]}}
    told: list[str] = []
    found = translations(wanted(beside, BY_SPEC), manifest, tell=told.append)
    assert told == []
    assert "model.shop.link_1499" in found


def test_the_definitions_of_a_subclass_load(environment: Environment, manifest, beside):
    found = translations(wanted(beside, BY_SPEC), manifest)
    assets = environment_assets(
        environment,
        manifest=manifest,
        commit="c0ffee",
        docs_url=None,
        catalog=None,
        build=lambda _context, _selection: (),
        translated=found,
        names=differing(found, manifest),
    )
    dg.Definitions.validate_loadable(dg.Definitions(assets=assets))


def test_a_node_that_the_translator_fails_on_is_told_and_goes_by_our_rule(manifest):
    manifest["nodes"][ORDERS]["config"]["meta"] = {"dagster": {"asset_key": {"a": 1}}}
    told: list[str] = []
    found = translations(None, manifest, tell=told.append)
    assert ORDERS not in found
    [line] = told
    assert line.startswith("'model.shop.orders' is not translated: ")
    assert asset_keys("prod", manifest)[ORDERS] == dg.AssetKey(["prod", "orders"])


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("import nowhere_to_be_found", "Naming", "can't be imported from"),
        ("1 +", "Naming", "can't be imported from"),
        ("Naming = 5", "Naming", "is no subclass of DagsterDbtTranslator"),
        ("class Naming: pass", "Naming", "is no subclass of DagsterDbtTranslator"),
        (BY_METHODS, "Other", "is not there"),
        (
            "from dagster_dbt import DagsterDbtTranslator\n"
            "class Naming(DagsterDbtTranslator):\n"
            "    def __init__(self, settings): pass",
            "Naming",
            "can't be made without arguments",
        ),
    ],
    ids=["imports nothing", "no Python", "a number", "another class", "another name", "arguments"],
)
def test_a_class_that_cant_be_had_is_one_error_with_its_place(
    manifest, beside, source, name, expected
):
    asked = wanted(beside, source, name)
    with pytest.raises(ConfigError) as raised:
        translations(asked, manifest)
    said = str(raised.value)
    assert said.startswith(f"deploy.yaml:3: projects.shop.translator: naming:{name} {expected}")
    assert str(asked.file) in said or "arguments" in expected


def test_a_module_that_is_installed_under_the_name_is_another_one(manifest, beside):
    """The file beside deploy.yaml is meant, even if it is called as a module of Python's."""
    asked = wanted(beside, BY_METHODS)
    moved = asked.file.rename(beside / "calendar.py")
    import calendar

    found = translations(replace(asked, file=moved, module="calendar"), manifest)
    assert found[ORDERS].key == ("lake", "orders")
    assert sys.modules["calendar"] is calendar
