"""The tools that runs are compared with: their packages, commands and variables; pure."""

import re
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "peers"
"""A directory for each environment, with its pinned requirements and the tool's own program."""

_LEFT_OUT = ("AIRFLOW_", "PREFECT_", "PYTHONPATH", "VIRTUAL_ENV")
"""A user's own settings of the tools, which might lead to a server of theirs."""

_NOTHING_SENT = {
    "DO_NOT_TRACK": "true",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "false",
    "SCARF_ANALYTICS": "false",
    "SCARF_NO_ANALYTICS": "true",
}
"""Dagster reads it from its dagster.yaml instead."""


@dataclass(frozen=True)
class Tool:
    """One way of running dbt with another tool."""

    title: str
    environment: str
    package: str
    """The package that gives the tool its version in the table."""
    command: tuple[str, ...]


def _dagster(job: str) -> tuple[str, ...]:
    file = PROGRAMS / "dagster-dbt" / "definitions.py"
    return ("dagster", "job", "execute", "-f", str(file), "-j", job)


def _prefect(flow: str) -> tuple[str, ...]:
    return ("python", str(PROGRAMS / "prefect-dbt" / "flow.py"), flow)


TOOLS = {
    "dagster-dbt": Tool("dagster-dbt", "dagster-dbt", "dagster-dbt", _dagster("build")),
    "dagster-dbt-in-process": Tool(
        "dagster-dbt, in process", "dagster-dbt", "dagster-dbt", _dagster("build_in_process")
    ),
    "prefect-waves": Tool("prefect-dbt, per wave", "prefect-dbt", "prefect-dbt", _prefect("waves")),
    "prefect-runner": Tool(
        "prefect-dbt, its runner", "prefect-dbt", "prefect-dbt", _prefect("runner")
    ),
    "cosmos-watcher": Tool(
        "Cosmos, watcher", "cosmos", "astronomer-cosmos", ("airflow", "dags", "test", "watcher")
    ),
    "cosmos-local": Tool(
        "Cosmos, local", "cosmos", "astronomer-cosmos", ("airflow", "dags", "test", "local")
    ),
}


def pinned(requirements: str, package: str) -> str:
    """Return the version of `package` that pinned requirements name; raise `KeyError`."""
    found = re.search(rf"^{re.escape(package)}==([^\s;\\]+)", requirements, re.MULTILINE)
    if found is None:
        raise KeyError(package)
    return found[1]


def tool_variables(given: dict[str, str], *, programs: Path, home: Path) -> dict[str, str]:
    """Return `given` for a tool that keeps all of its own in `home`, and sends nothing."""
    kept = {name: value for name, value in given.items() if not name.startswith(_LEFT_OUT)}
    return kept | {
        **_NOTHING_SENT,
        "PATH": f"{programs}:{given.get('PATH', '')}",
        "BENCH_PROJECT": str(home / "project"),
        "DAGSTER_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROGRAMS / "cosmos"),
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "airflow" / "cosmos"),
    }
