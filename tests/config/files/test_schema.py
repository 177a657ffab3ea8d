"""The published JSON schemas: up to date, and of one mind with the loader."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from deploy_project.config.files.schema import deploy_schema, jobs_schema, texts, write
from tests.support.deployments.configuration_files import DEPLOY
from tests.support.paths import ROOT

PUBLISHED = ROOT / "docs" / "schema"
JOBS = sorted((Path(__file__).parents[1] / "jobs").glob("*.yml"))


def errors(schema: dict[str, Any], text: str) -> list[str]:
    data = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))
    return [error.message for error in Draft202012Validator(schema).iter_errors(data)]


@pytest.mark.parametrize("name", sorted(texts()))
def test_published_schemas_are_up_to_date(name: str) -> None:
    """Run `python -m deploy_project.config.files.schema` to rewrite them."""
    assert (PUBLISHED / name).read_text(encoding="utf-8") == texts()[name]


def test_writing(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "schema")
    assert {file.name for file in (tmp_path / "docs" / "schema").iterdir()} == set(texts())


@pytest.mark.parametrize("schema", [deploy_schema(), jobs_schema()])
def test_schemas_are_schemas(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", [file for file in JOBS if file.stem != "templated"])
def test_jobs_files_are_valid(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("dbt_start", "DBT_START")
    assert errors(jobs_schema(), text) == []


@pytest.mark.parametrize(
    "text",
    [
        DEPLOY,
        DEPLOY + "account: {id: 1, name: a}\njobs: [a.yml]\ndocs_url:\ndefaults: {threads: 4}",
        """
        projects:
          a:
            repository: /a
            hosting: {kind: gitea, url: https://git.example/a}
            token: {env: TOKEN}
            variables: {DBT_A: 1, DBT_B: true, DBT_C: {file: c}, DBT_ENV_SECRET_D: {env: D}}
            pass_variables: [HOST, motherduck_token, DBTX]
        environments:
          a: {schema: x, connection: {type: duckdb, path: x}, row_counts: true}
          b: {pass_variables: [PORT]}
        """,
    ],
)
def test_valid_deploy_files(text: str) -> None:
    assert errors(deploy_schema(), text) == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "projects: {a: {repository: /a}}",
        "projects: {a: {}}\nenvironments: {}",
        "projects: {a b: {repository: /a}}\nenvironments: {}",
        DEPLOY + "jbos: []",
        DEPLOY + "account: {id: '1', name: a}",
        "projects: {a: {repository: /a, token: hunter2}}\nenvironments: {}",
        "projects: {a: {repository: /a, token: {env: A, file: b}}}\nenvironments: {}",
        "projects: {a: {repository: /a, variables: {A: 1}}}\nenvironments: {}",
        "projects: {a: {repository: /a, variables: {DBT_ENV_SECRET_A: 1}}}\nenvironments: {}",
        "projects: {a: {repository: /a, pass_variables: HOST}}\nenvironments: {}",
        "projects: {a: {repository: /a, pass_variables: [HOST, HOST]}}\nenvironments: {}",
        "projects: {a: {repository: /a, pass_variables: [DBT_HOST]}}\nenvironments: {}",
        "projects: {a: {repository: /a, pass_variables: ['A=b']}}\nenvironments: {}",
        "projects: {a: {repository: /a}}\nenvironments: {a: {type: prod}}",
        "projects: {a: {repository: /a}}\nenvironments: {a: {dbt_version: 1.10}}",
    ],
)
def test_invalid_deploy_files(text: str) -> None:
    assert errors(deploy_schema(), text)


@pytest.mark.parametrize(
    "job",
    [
        "{execute_step: [dbt run]}",
        "{execute_steps: dbt run}",
        "{job_type: adaptive}",
        "{dbt_version: 1.10}",
        "{id: one}",
        "{generate_docs: perhaps}",
        "{schedule: {timezone: UTC}}",
        "{job_completion_trigger_condition: {condition: {job_id: 1, statuses: [11]}}}",
        "{job_completion_trigger_condition: {}}",
        "{job_completion_trigger_condition: {any: [{job: a}], all: [{job: a}]}}",
        "{job_completion_trigger_condition: {any: [{statuses: [10]}]}}",
        "{job_completion_trigger_condition: {any: [{job: a, asset: a}]}}",
        "{custom_environment_variables: [{A: 1}]}",
        "{custom_environment_variables: [{DBT_A: 1, DBT_B: 1}]}",
        "{settings: {thread: 1}}",
    ],
)
def test_invalid_jobs(job: str) -> None:
    assert errors(jobs_schema(), f"jobs: {{one: {job}}}")


def test_several_parents() -> None:
    parents = "[{job: a, location: b, statuses: [10]}, {job_id: 1}, {asset: a/b}]"
    for way in ("any", "all"):
        job = f"{{job_completion_trigger_condition: {{{way}: {parents}}}}}"
        assert errors(jobs_schema(), f"jobs: {{one: {job}}}") == []


def test_invalid_identifiers() -> None:
    assert errors(jobs_schema(), "jobs: {my job: {environment: production}}")
