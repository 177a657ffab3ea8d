"""The file and line that a message of dbt's names; pure."""

import re

_FILES = (
    re.compile(r"\bin \w+(?: \w+)? \S+ \(([^()\n]+\.\w+)\)"),  # in model orders (models/orders.sql)
    re.compile(r"^\s*Error reading [\w-]+: (\S+\.\w+)", re.MULTILINE),
)
_LINE = re.compile(
    r"\b(?:LINE|[Ll]ine)[: ](\d{1,7})\b"  # Postgres, DuckDB, Snowflake, Spark, Jinja, YAML
    r"|\[(\d{1,7}):\d{1,7}\]"  # BigQuery
)


def place(message: str) -> tuple[str, int | None]:
    """Return the file, relative to the dbt project, and the line; empty and None for none.

    Databases count the lines of the SQL that they are given, which is the compiled one.
    """
    file = next((match[1] for each in _FILES if (match := each.search(message))), "")
    found = _LINE.search(message)
    return file, int(found[1] or found[2]) if found else None
