from typing import Any

import pytest

from deploy_project.dbt.project.schemas import schema_name, schema_of, with_schema
from deploy_project.errors import ConfigError


@pytest.mark.parametrize("name", ["a", "_a", "Trial_2", "dbt_cloud_pr_1_2", "x" * 63])
def test_names_that_every_warehouse_takes(name: str):
    assert schema_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "2a", "a b", "a-b", "a.b", 'a"b', "a'b", "a;drop schema a", "a--", "a/**/b"),
        *("größe", "a\n", "a\0", "{{ env_var('X') }}", "../a", "x" * 64, "٣", "x" * 100_000),
    ],
)
def test_other_names_are_refused(name: str):
    with pytest.raises(ConfigError, match="is no name for a schema to build into") as raised:
        schema_name(name)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"type": "duckdb"}, {"schema": "new"}),
        ({"type": "postgres", "schema": "a", "dbname": "a"}, {"schema": "new", "dbname": "a"}),
        ({"type": "snowflake", "schema": "a", "database": "a"}, {"schema": "new", "database": "a"}),
        ({"type": "bigquery", "dataset": "a", "project": "p"}, {"dataset": "new", "project": "p"}),
        ({"type": "bigquery", "schema": "a"}, {"schema": "new"}),
        ({"type": "bigquery", "schema": "a", "dataset": "b"}, {"dataset": "new"}),
        ({"type": "bigquery"}, {"dataset": "new"}),
        ({"type": "dremio", "dremio_space_folder": "a"}, {"dremio_space_folder": "new"}),
        ({"type": "duckdb", "schema": "a", "dataset": "b"}, {"schema": "new", "dataset": "b"}),
        ({"type": "mysql", "schema": "a", "database": "a"}, {"schema": "new"}),
        ({"type": "impala", "schema": "a", "dbname": "a"}, {"schema": "new"}),
    ],
)
def test_a_schema_is_replaced_under_the_adapters_name(
    output: dict[str, Any], expected: dict[str, Any]
):
    before = dict(output)
    found = with_schema(output, "new")
    assert found == {"type": output["type"], **expected}
    assert schema_of(found) == "new"
    assert output == before


@pytest.mark.parametrize(
    ("output", "schema"),
    [
        ({"type": "bigquery", "dataset": "a"}, "a"),
        ({"type": "bigquery", "dataset": None, "schema": "b"}, "b"),
        ({"type": "duckdb", "dataset": "a"}, None),
        ({}, None),
    ],
)
def test_the_schema_of_an_output(output: dict[str, Any], schema: str | None):
    assert schema_of(output) == schema
