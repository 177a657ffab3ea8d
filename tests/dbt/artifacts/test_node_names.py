import pytest

from deploy_project.dbt.artifacts.node_names import kind, name


@pytest.mark.parametrize(
    ("unique_id", "expected"),
    [
        ("model.shop.orders", "orders"),
        ("model.shop.orders.v2", "orders.v2"),
        ("model.shop.売上", "売上"),
        ("seed.shop.countries", "countries"),
        ("source.shop.raw.orders", "raw.orders"),
        ("exposure.shop.board", "board"),
        ("test.shop.orders_are_positive", "orders_are_positive"),
        ("test.shop.not_null_orders_id.cf6c17daed", "not_null_orders_id"),
        ("test.shop.cf6c17daed", "cf6c17daed"),
        ("test.shop.not_null.orders.cf6c17daed", "not_null.orders"),
        ("model.shop.orders.cf6c17daed", "orders.cf6c17daed"),
        ("unit_test.shop.orders.only_paid", "orders.only_paid"),
        ("unit_test.shop.customers.names_survive_v2", "customers.names_survive_v2"),
        ("operation.shop.shop-on-run-end-0", "shop-on-run-end-0"),
        ("nonsense", "nonsense"),
        ("model.shop", "model.shop"),
        ("", ""),
    ],
)
def test_the_name_that_people_have_for_a_node(unique_id: str, expected: str):
    """The guard of schemas called `orders.v2` "v2", and a test by its hash."""
    assert name(unique_id) == expected


def test_the_kind_of_a_node():
    assert kind("unit_test.shop.orders.only_paid") == "unit_test"
