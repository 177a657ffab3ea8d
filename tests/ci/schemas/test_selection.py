"""What `dbt ls` is asked with, so that it selects what the command will."""

import pytest

from deploy_project.ci.schemas.selection import Relation, relations
from deploy_project.dbt.arguments.commands import selection_options
from deploy_project.dbt.artifacts.events import Listed
from deploy_project.errors import DbtError


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("build", ""),
        ("build --select state:modified+", "--select state:modified+"),
        ("--warn-error build -s a b --full-refresh", "-s a b"),
        ("run --threads 4 --select a --exclude b c --fail-fast", "--select a --exclude b c"),
        ("run --select=a+ --favor-state --vars={x:1}", "--select=a+ --vars={x:1}"),
        ("build --selector nightly --target prod x", "--selector nightly --target prod"),
        ("build --vars {a:-1} -x --exclude a", "--vars {a:-1} --exclude a"),
        ("test --store-failures --resource-type test", "--resource-type test"),
        ("build --state elsewhere --defer", "--state elsewhere"),
        ("run --sample 3 days --models a", "--models a"),
    ],
)
def test_the_options_that_select_are_kept(command: str, expected: str):
    assert selection_options(command.split()) == expected.split()


def node(unique_id: str, schema: str = "pr", **config: object) -> dict[str, object]:
    return {"unique_id": unique_id, "database": "db", "schema": schema, "config": config}


NODES = [
    node("model.shop.orders", materialized="table"),
    node("model.shop.between", materialized="ephemeral"),
    node("seed.shop.countries", materialized="seed"),
    node("snapshot.shop.history", materialized="snapshot"),
    node("test.shop.quiet", "pr_dbt_test__audit", materialized="test", store_failures=None),
    node("test.shop.kept", "pr_dbt_test__audit", materialized="test", store_failures=True),
    node("unit_test.shop.one"),
    {"unique_id": "function.shop.tax", "schema": "pr"},
    {"unique_id": "exposure.shop.report"},
]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("build", "orders countries history kept tax"),
        ("build --store-failures", "orders countries history quiet kept tax"),
        ("run", "orders"),
        ("seed", "countries"),
        ("test", "kept"),
        ("clone", "orders countries history"),
    ],
)
def test_what_a_command_writes(command: str, expected: str):
    found = relations(command.split(), Listed(NODES, ""))
    assert [each.name for each in found] == expected.split()
    assert all(each.schema.startswith("pr") for each in found)


def test_what_dbt_can_not_list_is_an_error_in_its_words():
    with pytest.raises(DbtError, match=r"`dbt ls` of what is to be built failed: no such model"):
        relations(["build"], Listed([], "no such model"))


def test_a_versioned_model_is_called_by_its_name_and_version():
    """The guard of schemas called `model.shop.orders.v2` "v2", and a test by its hash."""
    assert Relation("model.shop.orders.v2", "db", "prod").name == "orders.v2"
    found = Relation("test.shop.unique_orders_id.fed79b3a6e", "db", "prod")
    assert found.name == "unique_orders_id"
