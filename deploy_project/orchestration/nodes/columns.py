"""Columns of a table: their types and constraints, and their lineage from SQL; pure."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg

from deploy_project.orchestration.nodes.node_facts import NodeEntry, listing

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.schema import MappingSchema

_DIALECTS = {
    "athena": "athena",
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "duckdb": "duckdb",
    "fabric": "fabric",
    "mysql": "mysql",
    "oracle": "oracle",
    "postgres": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "spark": "spark",
    "sqlite": "sqlite",
    "sqlserver": "tsql",
    "synapse": "tsql",
    "teradata": "teradata",
    "trino": "trino",
}


def dialect(adapter_type: str) -> str | None:
    """Return sqlglot's name for the SQL that a dbt adapter speaks; None when there is none."""
    return _DIALECTS.get(adapter_type)


def column_schema(node: NodeEntry, catalog_node: NodeEntry | None = None) -> dg.TableSchema | None:
    """Return the columns of a node of the manifest; types come from the catalog when it has them.

    Columns that only the manifest knows come last; None when neither knows any.
    """
    documented = {str(name).lower(): column for name, column in node.get("columns", {}).items()}
    found = sorted(
        (catalog_node or {}).get("columns", {}).values(), key=lambda column: column.get("index", 0)
    )
    columns = [
        _column(each["name"], each, documented.pop(each["name"].lower(), {})) for each in found
    ]
    columns += [_column(str(each["name"]), {}, each) for each in documented.values()]
    if not columns:
        return None
    constraints = [_constraint(each) for each in listing(node.get("constraints"))]
    return dg.TableSchema(
        columns=columns,
        constraints=dg.TableConstraints(other=constraints) if constraints else None,
    )


def _column(name: str, found: Mapping[str, Any], documented: Mapping[str, Any]) -> dg.TableColumn:
    constraints: list[Mapping[str, Any]] = listing(documented.get("constraints"))
    kinds = {each.get("type") for each in constraints}
    return dg.TableColumn(
        name=name,
        type=str(found.get("type") or documented.get("data_type") or "?"),
        description=documented.get("description") or found.get("comment") or None,
        constraints=dg.TableColumnConstraints(
            nullable=not kinds & {"not_null", "primary_key"},
            unique=bool(kinds & {"unique", "primary_key"}),
            other=[_constraint(each) for each in constraints if each.get("type") not in _FLAGS],
        ),
    )


_FLAGS = ("not_null", "unique")


def _constraint(constraint: Mapping[str, Any]) -> str:
    columns = ", ".join(map(str, listing(constraint.get("columns"))))
    words = (
        str(constraint.get("type") or "constraint").replace("_", " "),
        f"({columns})" if columns else "",
        str(constraint.get("expression") or ""),
        f"to {constraint['to']}" if constraint.get("to") else "",
    )
    return " ".join(filter(None, words))


def column_lineage(
    compiled_sql: str,
    *,
    dialect: str | None,
    columns_of: Mapping[str, Iterable[str]],
    key_of_relation: Mapping[str, dg.AssetKey],
) -> dg.TableColumnLineage | None:
    """Return the columns of assets that each column of a query is made of.

    `dialect` is named as in sqlglot. Relations are written as dbt writes `relation_name`, quoted
    or not. `columns_of` is needed for `select *` and for columns without a table; a table missing
    there, or in `key_of_relation`, only leaves gaps. None when the query can't be understood.
    """
    from sqlglot.errors import SqlglotError  # costs 0.2 s, and most deployments never ask

    try:
        query = _query(compiled_sql, dialect)
        tables = _tables(query)
        read = {
            name: list(each) for name, each in columns_of.items() if _parts(name, dialect) in tables
        }
        found = _sources(query, _schema(read, dialect), dialect)
        spelled = {
            (_parts(relation, dialect), column.lower()): column
            for relation, columns in read.items()
            for column in columns
        }
        keys = {_parts(name, dialect): key for name, key in key_of_relation.items()}
        deps = {column: _deps(sources, keys, spelled) for column, sources in found.items()}
    except (SqlglotError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # sqlglot meets odd SQL with more than its own errors
    except RecursionError:  # and deep SQL with this one
        return None
    known = {column: sources for column, sources in deps.items() if sources}
    return dg.TableColumnLineage(known) if known else None


_Table = tuple[str, ...]
_Column = tuple[_Table, str]


@cache
def _parts(relation: str, dialect: str | None) -> _Table:
    from sqlglot import exp

    return tuple(part.name.lower() for part in exp.to_table(relation, dialect=dialect).parts)


def _query(sql: str, dialect: str | None) -> "exp.Query":
    from sqlglot import exp, parse_one

    parsed = parse_one(sql, dialect=dialect)
    if not isinstance(parsed, exp.Query):
        raise ValueError("not a query")
    return parsed


def _tables(query: "exp.Query") -> set[_Table]:
    """Return the tables that the query names, its own subqueries among them."""
    from sqlglot import exp

    return {tuple(part.name.lower() for part in table.parts) for table in query.find_all(exp.Table)}


def _schema(columns_of: Mapping[str, Iterable[str]], dialect: str | None) -> "MappingSchema":
    from sqlglot import exp
    from sqlglot.schema import MappingSchema

    schema = MappingSchema(dialect=dialect)
    for relation, columns in columns_of.items():
        table = exp.to_table(relation, dialect=dialect)
        # Any type will do: lineage needs the names only.
        schema.add_table(table, dict.fromkeys(columns, "text"), match_depth=False)
    return schema


def _sources(
    query: "exp.Query", schema: "MappingSchema", dialect: str | None
) -> dict[str, list[_Column]]:
    """Return, for each column of the query, the columns of tables that it is made of."""
    from sqlglot import exp
    from sqlglot.lineage import lineage  # pyright: ignore[reportUnknownVariableType]
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    spelled = {name.lower(): name for name in query.named_selects}
    query = qualify(query, dialect=dialect, schema=schema, validate_qualify_columns=False)
    scope = build_scope(query)
    if scope is None:
        return {}
    # Trimming only makes prettier labels, and takes quadratic time on wide tables.
    settings: dict[str, Any] = {"dialect": dialect, "scope": scope, "trim_selects": False}
    return {
        spelled.get(name.lower(), name): [
            (tuple(part.name.lower() for part in leaf.expression.parts), _last(leaf.name))
            for leaf in lineage(exp.column(name, quoted=True), query, schema, **settings).walk()
            if isinstance(leaf.expression, exp.Table)
        ]
        for name in query.named_selects
        if name != "*"
    }


def _last(column: str) -> str:
    from sqlglot import exp

    return exp.to_column(column).name


def _deps(
    sources: list[_Column], tables: Mapping[_Table, dg.AssetKey], spelled: Mapping[_Column, str]
) -> list[dg.TableColumnDep]:
    found = {
        (tables[table], spelled.get((table, column.lower()), column))
        for table, column in sources
        if table in tables
    }
    return [
        dg.TableColumnDep(asset_key=key, column_name=column)
        for key, column in sorted(found, key=lambda dep: (dep[0].path, dep[1]))
    ]
