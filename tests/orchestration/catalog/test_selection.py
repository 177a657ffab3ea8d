import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from deploy_project.orchestration.catalog.selection import (
    Selection,
    freshness_arguments,
    selection_arguments,
)

HERE = Path(__file__).parents[1]
ASSETS = ("model", "seed", "snapshot")
SECTIONS = ("nodes", "sources", "exposures", "unit_tests", "groups")
# What is of no use here, changes with each parse, or is large.
DROPPED = frozenset(
    {"checksum", "created_at", "doc_blocks", "patch_path", "raw_code", "root_path"}
    | {"unrendered_config", "unrendered_database", "unrendered_schema"}
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project with one of everything, parsed."""
    directory = tmp_path_factory.mktemp("shop") / "shop"
    shutil.copytree(HERE / "shop", directory)
    dbt(directory, "deps")
    dbt(directory, "parse")
    return directory


def dbt(directory: Path, *arguments: str) -> Any:
    where = ["--project-dir", str(directory), "--profiles-dir", str(directory)]
    outcome = dbtRunner().invoke(["--quiet", *arguments, *where])
    assert outcome.success, outcome.exception
    return outcome.result


def slim(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {
        "metadata": {name: metadata[name] for name in ("adapter_type", "project_name")},
        **{
            section: {
                key: {name: value for name, value in node.items() if name not in DROPPED}
                for key, node in manifest[section].items()
            }
            for section in SECTIONS
        },
    }


def of_types(manifest: dict[str, Any], *types: str) -> list[str]:
    nodes = {**manifest["nodes"], **manifest["unit_tests"]}
    return [key for key, node in nodes.items() if node["resource_type"] in types]


def test_a_model_is_selected_without_what_lies_in_a_folder_of_its_name(manifest):
    """`fqn:shop.marts.orders` also builds `marts/orders/orders_daily` and the unit tests."""
    chosen = selection_arguments(Selection(("model.shop.orders",)), manifest)
    assert chosen == [
        "build",
        "--select",
        "fqn:shop.marts.order[s],package:shop,resource_type:model",
        "--indirect-selection",
        "empty",
    ]


def test_nothing_chosen_is_no_command(manifest):
    assert selection_arguments(Selection(), manifest) == []
    assert selection_arguments(Selection(("model.shop.gone",)), manifest) == []


def test_everything_chosen_is_a_few_words(manifest):
    """One selector for each of 5,000 models keeps dbt busy for minutes."""
    everything = Selection(
        tuple(of_types(manifest, *ASSETS)), tuple(of_types(manifest, "test", "unit_test"))
    )
    selected = selection_arguments(everything, manifest)[2:-2]
    assert selected == [
        f"resource_type:{kind}" for kind in ("model", "seed", "snapshot", "test", "unit_test")
    ]


def test_names_that_selectors_cannot_hold_become_patterns(manifest):
    test = manifest["nodes"]["test.shop.amounts_agree"]
    test["fqn"] = ["shop", "sums, agree: all+"]
    chosen = selection_arguments(Selection(checks=("test.shop.amounts_agree",)), manifest)
    assert chosen[2] == "fqn:shop.sums??agree??all?,package:shop,resource_type:test"


def test_freshness_is_measured_for_the_chosen_sources(manifest):
    manifest["sources"]["source.shop.raw.orders"]["name"] = "orders.v2"
    chosen = Selection(freshness=("source.shop.raw.orders", "source.shop.raw.gone"))
    assert freshness_arguments(chosen, manifest) == [
        "source",
        "freshness",
        "--select",
        "source:shop.raw.orders?v2",
    ]
    assert freshness_arguments(Selection(), manifest) == []


@pytest.mark.slow
def test_the_recorded_manifest_is_what_dbt_makes_of_the_project(shop: Path, request):
    made = slim(json.loads((shop / "target" / "manifest.json").read_bytes()))
    if request.config.getoption("--update-golden"):
        text = json.dumps(made, indent=1)
        (HERE / "manifest.json").write_text(f"{text}\n", encoding="utf-8")
    assert made == json.loads((HERE / "manifest.json").read_bytes())


@pytest.mark.slow
def test_dbt_selects_exactly_what_is_chosen(shop: Path, manifest):
    assets, tests = of_types(manifest, *ASSETS), of_types(manifest, "test", "unit_test")
    dice = random.Random(1)
    selections = [
        *(Selection((each,)) for each in assets),
        *(Selection(checks=(each,)) for each in tests),
        *(
            Selection(
                tuple(dice.sample(assets, dice.randint(1, len(assets)))),
                tuple(dice.sample(tests, dice.randint(1, len(tests)))),
            )
            for _ in range(8)
        ),
    ]
    for selection in selections:
        arguments = selection_arguments(selection, manifest)
        assert listed(shop, arguments[1:]) == {*selection.unique_ids, *selection.checks}, arguments


def listed(shop: Path, arguments: list[str]) -> set[str]:
    types = ("model", "seed", "snapshot", "test", "unit_test")
    only = [word for kind in types for word in ("--resource-type", kind)]
    lines = dbt(shop, "ls", "--output", "json", "--output-keys", "unique_id", *only, *arguments)
    return {json.loads(line)["unique_id"] for line in lines}
