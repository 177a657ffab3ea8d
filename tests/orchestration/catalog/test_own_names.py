"""The keys of a deployment's own translator, in processes that don't import dagster-dbt."""

import json
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment, TranslatorClass
from deploy_project.errors import ConfigError
from deploy_project.orchestration.catalog.own_names import keep, own_names

ORDERS = "model.shop.orders"
SOURCE = """
    from dagster_dbt import DagsterDbtTranslator

    print("A module may print what it likes")

    class Naming(DagsterDbtTranslator):
        def get_asset_key(self, props):
            key = super().get_asset_key(props)
            return key.with_prefix("lake") if props["name"] == "orders" else key
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def file(tmp_path: Path, manifest) -> Path:
    made = tmp_path / "manifest.json"
    made.write_text(json.dumps(manifest), encoding="utf-8")
    return made


def with_translator(environment: Environment, directory: Path, source: str) -> Environment:
    file = directory / "naming.py"
    file.write_text(dedent(source), encoding="utf-8")
    wanted = TranslatorClass(directory, file, "naming", "Naming", "deploy.yaml:3: translator")
    return replace(environment, project=replace(environment.project, translator=wanted))


def test_without_a_translator_our_rule_is_all_there_is(environment, state, file, started):
    assert own_names(environment, "c0ffee", file, state) is None
    assert started == []


def test_names_are_those_that_the_code_server_has_kept(environment, state, file, started):
    keep(state, environment, "c0ffee", {ORDERS: ["lake", "orders"]})
    assert own_names(environment, "c0ffee", file, state) == {ORDERS: ["lake", "orders"]}
    assert own_names(environment, "beef", file, state) is None
    keep(state, environment, "c0ffee", {})
    assert own_names(environment, "c0ffee", file, state) is None
    assert started == []


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '"x"'])
def test_a_damaged_file_is_none(environment, state, file, damaged):
    keep(state, environment, "c0ffee", {ORDERS: ["a"]})
    state.names("prod").write_text(damaged, encoding="utf-8")
    assert own_names(environment, "c0ffee", file, state) is None


@pytest.mark.slow
def test_the_names_of_another_commit_are_asked_of_a_process(environment, state, file, tmp_path):
    own = with_translator(environment, tmp_path, SOURCE)
    assert own_names(own, "c0ffee", file, state) == {
        ORDERS: ["lake", "orders"],
        "model.extras.orders": ["lake", "extras", "orders"],
        "source.shop.raw.orders": ["lake", "raw", "orders"],
    }


@pytest.mark.slow
def test_a_class_that_cant_be_had_is_told_with_its_place(environment, state, file, tmp_path):
    own = with_translator(environment, tmp_path, "import nowhere_to_be_found")
    with pytest.raises(ConfigError, match=r"^deploy.yaml:3: translator: naming:Naming can't be"):
        own_names(own, "c0ffee", file, state)
