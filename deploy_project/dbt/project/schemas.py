"""Schemas: valid names, those of pull requests, and the key each adapter has for one; pure."""

import re
from collections.abc import Mapping
from typing import Any

from deploy_project.errors import ConfigError

_OTHER_NAMES = {"bigquery": "dataset", "dremio": "dremio_space_folder", "upsolver": "target_schema"}
_DATABASE_IS_SCHEMA = frozenset(
    {
        *("clickhouse", "doris", "glue", "hive", "impala", "mariadb", "mysql", "mysql5"),
        *("spark", "starrocks", "teradata", "tidb", "watsonx_spark"),
    }
)
_LONGEST = 63
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{_LONGEST - 1}}}")


def schema_name(text: str) -> str:
    """Return `text` when every warehouse takes it for a schema, quoted or not.

    Raises `ConfigError` otherwise. Beyond 63 letters Postgres cuts names off, so that two of them
    would be one.
    """
    if not _NAME.fullmatch(text):
        raise ConfigError(
            f"{text[: _LONGEST + 1]!r} is no name for a schema to build into; give one of at most "
            f"{_LONGEST} letters (A-Z, a-z), digits and `_`, which does not begin with a digit"
        )
    return text


def refuse_other_capitals(asked: str, own: str) -> None:
    """Raise `ConfigError` for a schema that is the environment's `own` but for capitals.

    Most warehouses take both for one, and dbt then fails to build in the other spelling.
    """
    if asked != own and asked.casefold() == own.casefold():
        raise ConfigError(
            f"{asked!r} is the environment's own schema {own!r} in other capitals, which most "
            "warehouses take for the same; give another name for a schema to build into"
        )


def pull_request_schema(job_id: int, number: int) -> str:
    """Return the schema that a job builds a pull request into (CI-3)."""
    return f"dbt_cloud_pr_{job_id}_{number}"


def schema_of(output: Mapping[str, Any]) -> Any:
    """Return the schema that an output of profiles.yml names, or None."""
    return next((output[key] for key in _keys(output) if output.get(key) is not None), None)


def with_schema(output: Mapping[str, Any], schema: object) -> dict[str, Any]:
    """Return `output` with another schema, under the name that it has there or can have.

    `schema` is a field of every adapter's credentials (`Credentials` in dbt-adapters); the table
    holds the adapters whose `_ALIASES` have another word for it, and dbt refuses both at once.
    Where database and schema are one thing, `__post_init__` of the credentials refuses a
    `database` that differs, and takes none at all. Read from the adapters on PyPI, November 2026.
    """
    names = _keys(output)
    name = next((key for key in names if key in output), names[0])
    dropped = {*names}
    if output.get("type") in _DATABASE_IS_SCHEMA:
        dropped |= {"database", "dbname"}
    return {**{key: value for key, value in output.items() if key not in dropped}, name: schema}


def _keys(output: Mapping[str, Any]) -> tuple[str, ...]:
    other = _OTHER_NAMES.get(str(output.get("type")))
    return (other, "schema") if other else ("schema",)
