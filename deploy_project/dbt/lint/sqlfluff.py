"""SQLFluff as a tool: its installation beside a dbt, and its dialect for a dbt adapter."""

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes import uv
from deploy_project.dbt.processes.installation import (
    Installation,
    adapter_package,
    existing,
    requirements,
)
from deploy_project.dbt.processes.process import Program
from deploy_project.errors import DbtError, LintError, VersionError

_TEMPLATER = "sqlfluff-templater-dbt>=4.4,<5"
"""It needs the SQLFluff of its own version."""
_PROGRAM = Path(__file__).with_name("program.py")
# https://docs.sqlfluff.com/en/stable/reference/dialects.html
_SAME = frozenset(
    {"athena", "bigquery", "clickhouse", "databricks", "db2", "doris", "duckdb", "exasol"}
    | {"greenplum", "hive", "impala", "mariadb", "materialize", "mysql", "oracle", "postgres"}
    | {"redshift", "snowflake", "sqlite", "starrocks", "teradata", "trino", "vertica"}
)
_OTHER = {
    "alloydb": "postgres",
    "fabric": "tsql",
    "fabricspark": "sparksql",
    "glue": "sparksql",
    "mysql5": "mysql",
    "spark": "sparksql",
    "sqlserver": "tsql",
    "synapse": "tsql",
}


def dialect(adapter: str) -> str:
    """Return SQLFluff's dialect for a dbt adapter; `ansi` for one that it does not know."""
    return adapter if adapter in _SAME else _OTHER.get(adapter, "ansi")


def linter(dbt: Installation, adapter: str, state: StateDirectory) -> Program:
    """Return SQLFluff beside the same versions of dbt and of its adapter, made when not there.

    Raises `LintError` with the installer's own words.
    """
    wanted = _beside(dbt, adapter)
    root = _root(wanted, adapter, state)
    if not uv.python(root).exists():
        try:
            uv.make(root, [_TEMPLATER, *wanted])
        except DbtError as error:
            raise _unavailable(wanted, error) from None
    return Program(uv.python(root), _PROGRAM)


def verify(version: str | None, adapter: str, state: StateDirectory) -> None:
    """Raise `LintError` when the package index says that `linter` can't be made for this dbt.

    Raises `DbtError` when it can't be asked. Nothing is installed.
    """
    dbt = existing(version, adapter, state)
    wanted = _beside(dbt, adapter) if dbt else requirements(version or "", adapter)
    if dbt and uv.python(_root(wanted, adapter, state)).exists():
        return
    try:
        uv.resolve([_TEMPLATER, *wanted])
    except VersionError as error:
        raise _unavailable(wanted, error) from None


def _root(wanted: Sequence[str], adapter: str, state: StateDirectory) -> Path:
    versions = [each.partition("==")[2] for each in wanted]
    here = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return state.dbt("-".join(["sqlfluff4", adapter, *versions, here]))


def _beside(dbt: Installation, adapter: str) -> list[str]:
    """Return the requirements of just the versions of dbt and the adapter that `dbt` has."""
    site = [str(each) for each in dbt.python.parents[1].glob("lib/python*/site-packages")]
    path = sys.path if dbt.python == Path(sys.executable) else site
    found = metadata.distributions(name=adapter_package(adapter), path=path)
    return [f"dbt-core=={dbt.dbt_version}", *(f"{each.name}=={each.version}" for each in found)]


def _unavailable(wanted: Sequence[str], error: DbtError) -> LintError:
    return LintError(
        f"SQLFluff can't be installed beside {' and '.join(wanted)}: {error}\nSee that this "
        "machine reaches a package index, or set `run_lint: false` of the job"
    )
