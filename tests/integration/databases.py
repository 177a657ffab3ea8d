"""The contents of Dagster's SQLite databases."""

import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path


def values(database: Path) -> Iterator[bytes]:
    """Every value of a database; Dagster keeps some of them compressed."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'select * from "{table}"'):
                for value in row:
                    content = value if isinstance(value, bytes) else str(value).encode()
                    try:
                        yield zlib.decompress(content)
                    except zlib.error:
                        yield content
