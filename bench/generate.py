"""Generates the files of a dbt project and of its deployment, for any number of models."""

import json
from collections.abc import Mapping
from pathlib import Path

LAYER, LAYERS = 10, 20
"""Models in each layer at least, and layers at most: for DuckDB, a view is all views above it."""
SCHEMA = 500
"""Models in each schema at most: dbt looks through all relations of the schema for each model."""

ENVIRONMENT = "bench"
JOB = "bench__build"
CHECKS = "bench__checks"
"""The job of pull requests, of a deployment that has more than one job."""

NOBODY = "http://127.0.0.1:9"
"""An address without a Dagster."""

PULL_REQUESTS = "refs/pull/*/head"
DATABASE = "bench.duckdb"
"""The DuckDB file, in the directory that `DEPLOY_STATE` names."""

DATA_TESTS = ("not_null", "unique")
_THREADS = 2
_TARGET = "prod"

_PROFILES = f"""\
bench:
  target: {_TARGET}
  outputs:
    {_TARGET}:
      type: duckdb
      path: "{{{{ env_var('DEPLOY_STATE') }}}}/{DATABASE}"
      schema: main
      threads: {_THREADS}
"""


def model_name(number: int) -> str:
    """Return the name of a model; numbers begin at 0."""
    return f"model_{number:05}"


def model_file(number: int) -> str:
    """Return the path of a model's file in the project."""
    return f"models/{_part(number)}/{model_name(number)}.sql"


def _part(number: int) -> str:
    return f"part_{number // SCHEMA:02}"


def slow_sql(rounds: int) -> str:
    """Return Jinja that takes dbt longer to parse with each round, and says nothing."""
    loop = f"{{% for each in range({rounds}) %}}{{% if each < 0 %}}-{{% endif %}}{{% endfor %}}"
    return f"{loop * 4}\n"


def model_sql(number: int, *, models: int) -> str:
    """Return the SQL of a model; it depends on two of the layer above, and selects from one.

    A second `ref` in the query itself would double the work of DuckDB with each layer.
    """
    size = max(LAYER, -(-models // LAYERS))
    layer, place = divmod(number, size)
    if layer == 0:
        return f"select {number} as id, 1.5 as amount\n"
    above = (layer - 1) * size
    other = model_name(above + (place + 1) % size)
    return (
        f"-- depends_on: {{{{ ref('{other}') }}}}\n"
        f"select id, amount + 1 as amount from {{{{ ref('{model_name(above + place)}') }}}}\n"
    )


def project_files(models: int, *, tests: int = 0, rounds: int = 0) -> dict[str, str]:
    """Return a dbt project's files by path; each model gets the first `tests` of `DATA_TESTS`.

    With `rounds`, it is slow to parse.
    """
    slow = slow_sql(rounds) if rounds else ""
    files = {
        "dbt_project.yml": _dbt_project(models),
        "profiles.yml": _PROFILES,
        ".gitignore": "target/\nlogs/\n",
        **{model_file(number): slow + model_sql(number, models=models) for number in range(models)},
    }
    if tests:
        files["models/models.yml"] = _properties(models, tests)
    return files


def _dbt_project(models: int) -> str:
    """Return a project of views, each part but the first in a schema of its own; JSON is YAML."""
    parts = {_part(first): {"+schema": _part(first)} for first in range(SCHEMA, models, SCHEMA)}
    settings = {
        "name": "bench",
        "version": "1.0",
        "profile": "bench",
        "model-paths": ["models"],
        "models": {"bench": {"+materialized": "view", **parts}},
    }
    return json.dumps(settings, indent=1)


def _properties(models: int, tests: int) -> str:
    """Return the properties of all models; JSON is YAML."""
    columns = [{"name": "id", "data_tests": list(DATA_TESTS[:tests])}]
    entries = [{"name": model_name(number), "columns": columns} for number in range(models)]
    return json.dumps({"models": entries}, indent=1)


def environment_names(count: int) -> list[str]:
    """Return the names of `count` environments; production is the first."""
    return [ENVIRONMENT, *(f"{ENVIRONMENT}_{number}" for number in range(1, count))]


def deployment_files(
    repository: Path,
    *,
    environments: int = 1,
    jobs: int = 1,
    first: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """Return the configuration of a deployment of `repository`; JSON is YAML.

    The first job is `JOB`, with the keys of `first` over its own. Of the others every fourth has a
    schedule, every fourth waits for merges, every fourth for the first job, and every fourth is
    `CHECKS` or one like it.
    """
    names = environment_names(environments)
    kinds = ["production", "staging", *([None] * environments)]
    project: dict[str, object] = {"repository": str(repository)}
    if jobs > 1:
        project["pull_requests"] = {"refs": PULL_REQUESTS}
    deploy = {
        "projects": {"bench": project},
        "environments": {
            name: _environment(kind) for name, kind in zip(names, kinds, strict=False)
        },
        "jobs": ["jobs.yml"],
        "dagster_url": NOBODY,  # a Dagster that runs here is none of ours
    }
    found = {_job_name(n): _job(n, names[n % environments]) for n in range(jobs)}
    found[_job_name(0)] |= first or {}
    return {"deploy.yaml": json.dumps(deploy), "jobs.yml": json.dumps({"jobs": found})}


def _environment(kind: str | None) -> dict[str, str]:
    found = {"project": "bench", "branch": "main", "target": _TARGET}
    return {**found, "type": kind} if kind else found


def _job_name(number: int) -> str:
    special = {0: "build", 1: "checks"}
    return special.get(number, f"job_{number:03}")


def _job(number: int, environment: str) -> dict[str, object]:
    """Return one job; that of pull requests is always in production, which it defers to."""
    kinds: tuple[dict[str, object], ...] = (
        {"schedule": {"cron": f"{number % 60} 5 * * *"}, "triggers": {"schedule": True}},
        {
            "environment": ENVIRONMENT,
            "job_type": "ci",
            "execute_steps": ["dbt build --select state:modified+"],
        },
        {"job_type": "merge", "triggers": {"on_merge": True}},
        {"job_completion_trigger_condition": {"all": [{"job": JOB, "statuses": [10]}]}},
    )
    return {
        "environment": environment,
        "execute_steps": ["dbt build"],
        "settings": {"threads": _THREADS, "target_name": _TARGET},
        **(kinds[number % len(kinds)] if number else {}),
    }


def write(files: Mapping[str, str], directory: Path) -> None:
    """Write `files` into `directory`, which is made when missing."""
    for name, content in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
