"""Counts the rows of tables and views in a DuckDB file of the example."""

import time
from pathlib import Path

import duckdb

PATIENCE_SECONDS = 60
"""How long a run that writes the file is waited for."""


def rows(file: Path, schema: str) -> dict[str, int]:
    """Return the number of rows of each table and view in `schema` and in `<schema>_<custom>`."""
    with _opened(file) as connection:
        found = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema = $1 or starts_with(table_schema, $1 || '_') order by 2",
            [schema],
        ).fetchall()
        return {name: _count(connection, place, name) for place, name in found}


def _count(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int:
    ((count,),) = connection.table(f'"{schema}"."{name}"').count("*").fetchall()
    return int(count)


def _opened(file: Path) -> duckdb.DuckDBPyConnection:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return duckdb.connect(str(file), read_only=True)
        except duckdb.IOException:  # a file has one writer, and no reader beside it
            if time.monotonic() > until:
                raise
            time.sleep(1)
