import json
import re
from pathlib import Path

import pytest

from bench.generate import CHECKS, deployment_files, model_file, model_name, project_files
from deploy_project.config.resolve.loading import load_deployment

REF = re.compile(r"ref\('(\w+)'\)")


def parents(models: int) -> dict[str, list[str]]:
    files = project_files(models)
    return {model_name(n): REF.findall(files[model_file(n)]) for n in range(models)}


@pytest.mark.parametrize("models", [1, 10, 11, 25, 200])
def test_there_are_as_many_models_as_asked_for(models: int):
    assert sum(name.endswith(".sql") for name in project_files(models)) == models


@pytest.mark.parametrize(("models", "layer"), [(30, 10), (200, 10), (201, 11), (1000, 50)])
def test_a_model_depends_on_two_different_models_of_the_layer_above(models: int, layer: int):
    """Of twenty layers at most: no project is a hundred views deep."""
    found = parents(models)
    assert all(not found[model_name(number)] for number in range(layer))
    for number in range(layer, models):
        begin = number // layer * layer
        above = {model_name(n) for n in range(begin - layer, begin)}
        assert len(set(found[model_name(number)]) & above) == 2


def test_a_schema_has_five_hundred_models_at_most():
    def schemas(models: int) -> dict[str, str]:
        settings = json.loads(project_files(models)["dbt_project.yml"])["models"]["bench"]
        return {part: each["+schema"] for part, each in settings.items() if part[0] != "+"}

    assert schemas(500) == {}
    assert schemas(1001) == {"part_01": "part_01", "part_02": "part_02"}
    assert model_file(499) == "models/part_00/model_00499.sql"
    assert model_file(500) == "models/part_01/model_00500.sql"


def test_the_query_itself_has_one_parent():
    """Two parents in the query made DuckDB's work grow with two to the power of the layers."""
    statements = project_files(20)[model_file(15)].splitlines()
    queries = [line for line in statements if not line.startswith("--")]
    assert len(REF.findall(" ".join(queries))) == 1


@pytest.mark.parametrize(
    ("tests", "expected"), [(0, None), (1, ["not_null"]), (2, ["not_null", "unique"])]
)
def test_tests_are_optional(tests: int, expected: list[str] | None):
    written = project_files(2, tests=tests).get("models/models.yml")
    if expected is None:
        assert written is None
    else:
        assert written is not None
        columns = [each["columns"] for each in json.loads(written)["models"]]
        assert columns == [[{"name": "id", "data_tests": expected}]] * 2


def test_the_deployment_is_a_valid_one_of_the_repository(tmp_path: Path):
    for name, content in deployment_files(tmp_path / "repository").items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    deployment = load_deployment(tmp_path / "deploy.yaml", state=tmp_path / "state")
    assert list(deployment.jobs) == ["bench__build"]
    assert deployment.projects["bench"].repository == str(tmp_path / "repository")


def test_larger_deployments_have_jobs_of_every_kind_and_are_valid(tmp_path: Path):
    files = deployment_files(tmp_path / "repository", environments=10, jobs=50)
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    deployment = load_deployment(tmp_path / "deploy.yaml", state=tmp_path / "state")
    jobs = deployment.jobs.values()
    assert (len(deployment.environments), len(jobs)) == (10, 50)
    assert deployment.jobs[CHECKS].builds_pull_requests
    assert sum(job.on_merge for job in jobs) >= 12
    assert sum(job.completion is not None for job in jobs) >= 12
