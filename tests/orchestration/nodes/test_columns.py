import dagster as dg
import pytest
from sqlglot.dialects.dialect import Dialect

from deploy_project.orchestration.nodes.columns import column_lineage, column_schema, dialect

ORDERS, CUSTOMERS = '"m"."main"."orders"', '"m"."main"."customers"'
COLUMNS = {ORDERS: ["id", "customer_id", "amount"], CUSTOMERS: ["id", "name", "Full Name"]}
KEYS = {ORDERS: dg.AssetKey(["prod", "orders"]), CUSTOMERS: dg.AssetKey(["prod", "customers"])}


def found(sql: str) -> dict[str, set[str]] | None:
    lineage = column_lineage(sql, dialect="duckdb", columns_of=COLUMNS, key_of_relation=KEYS)
    return lineage and {
        column: {f"{dep.asset_key.path[-1]}.{dep.column_name}" for dep in deps}
        for column, deps in lineage.deps_by_column.items()
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            f"select * from {ORDERS}",
            {
                "id": {"orders.id"},
                "customer_id": {"orders.customer_id"},
                "amount": {"orders.amount"},
            },
        ),
        (
            f"select o.id, c.name as who, o.amount * 2 as twice, 1 as one"
            f" from {ORDERS} as o join {CUSTOMERS} as c on c.id = o.customer_id",
            {"id": {"orders.id"}, "who": {"customers.name"}, "twice": {"orders.amount"}},
        ),
        (
            f"with a as (select * from {ORDERS}), b as"
            " (select customer_id, sum(amount) as total from a group by 1)"
            f" select b.*, name from b left join {CUSTOMERS} as c on c.id = b.customer_id",
            {
                "customer_id": {"orders.customer_id"},
                "total": {"orders.amount"},
                "name": {"customers.name"},
            },
        ),
        (
            f"select id, amount from {ORDERS} union all select id, 0 from {CUSTOMERS}",
            {"id": {"orders.id", "customers.id"}, "amount": {"orders.amount"}},
        ),
        (
            f"select amount + customer_id as mixed, (select max(name) from {CUSTOMERS}) as top"
            f" from {ORDERS}",
            {"mixed": {"orders.amount", "orders.customer_id"}, "top": {"customers.name"}},
        ),
        (
            f'select "Full Name" as "A Name", x.y from {CUSTOMERS}, unknown as x',
            {"A Name": {"customers.Full Name"}},
        ),
        ("select x.y from unknown as x", None),
        ("select * from unknown", None),
        ("select 1 as a", None),
        ("create table x as select 1", None),
        ("not SQL ((", None),
        ("", None),
        (f"select {'(' * 3000}id{')' * 3000} from {ORDERS}", None),
    ],
)
def test_lineage(sql, expected):
    assert found(sql) == expected


@pytest.mark.parametrize(
    ("adapter", "relation", "column"),
    [("snowflake", "M.MAIN.ORDERS", "ID"), ("bigquery", "`p-1`.`d`.`orders`", "id")],
)
def test_lineage_in_other_dialects(adapter, relation, column):
    key = dg.AssetKey("orders")
    lineage = column_lineage(
        f"select id as order_id from {relation.lower()}",
        dialect=dialect(adapter),
        columns_of={relation: [column]},
        key_of_relation={relation: key},
    )
    assert lineage == dg.TableColumnLineage({"order_id": [dg.TableColumnDep(key, column)]})


def test_every_dialect_is_one_that_sqlglot_knows():
    known = ("duckdb", "postgres", "snowflake", "bigquery", "redshift", "databricks", "sqlserver")
    assert all(Dialect.get_or_raise(dialect(adapter)) for adapter in known)
    assert all(dialect(adapter) for adapter in known)
    assert dialect("nobody_knows") is None


def test_columns_of_the_manifest(manifest):
    schema = column_schema(manifest["nodes"]["model.shop.orders"])
    assert schema is not None
    order_id, customer_id, _ = schema.columns
    assert order_id.type == "bigint"
    assert order_id.description == "The key"
    assert not order_id.constraints.nullable
    assert customer_id.constraints.nullable
    assert schema.constraints.other == ["primary key (order_id)"]
    assert column_schema(manifest["nodes"]["model.shop.stg_orders"]) is None


def test_the_catalog_knows_better(manifest):
    catalog_node = {
        "columns": {
            "AMOUNT": {"name": "AMOUNT", "type": "DECIMAL", "index": 2, "comment": "In euros"},
            "ORDER_ID": {"name": "ORDER_ID", "type": "INT64", "index": 1, "comment": None},
        }
    }
    schema = column_schema(manifest["nodes"]["model.shop.orders"], catalog_node)
    assert schema is not None
    assert [(column.name, column.type, column.description) for column in schema.columns] == [
        ("ORDER_ID", "INT64", "The key"),
        ("AMOUNT", "DECIMAL", "In euros"),
        ("customer_id", "bigint", None),
    ]
