"""Environment variables over the API, as dbt-jobs-as-code reads and changes them."""

from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.files.limited_yaml import read_yaml
from tests.support.api.front import Caller, caller_of

VARIABLES = "projects/7/environment-variables"
MASK = "**********"


@pytest.fixture
def caller(tmp_path: Path):
    with caller_of(tmp_path) as found:
        yield found


@pytest.fixture
def job(caller: Caller) -> int:
    """The id of a job that was made over the API."""
    body = {"name": "Nightly", "environment_id": 11}
    return caller.call("POST", "jobs", body)[1]["data"]["id"]


def of_job(caller: Caller, job: int) -> dict[str, Any]:
    status, answer = caller.call("GET", f"{VARIABLES}/job/?job_definition_id={job}", version="v3")
    assert status == 200
    return answer["data"]


def payload(job: int, name: str, value: str | None, number: int | None = None) -> dict[str, Any]:
    """The body that dbt-jobs-as-code 1.22 sends."""
    return {
        "name": name,
        "type": "job",
        "display_value": None,
        "job_definition_id": job,
        "id": number,
        "project_id": 7,
        "account_id": 3,
        "raw_value": value,
    }


def sent(caller: Caller, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    return caller.call("POST", f"{VARIABLES}/{path}", body, version="v3")


def test_each_scope_has_its_value_and_secrets_are_masked(caller: Caller):
    found = of_job(caller, 5)
    assert {name: {at: each["value"] for at, each in found[name].items()} for name in found} == {
        "DBT_MODE": {"job": "full"},
        "DBT_REGION": {"project": "eu", "environment": "us"},
        "DBT_ENV_SECRET_KEY": {"project": MASK},
    }
    whole = caller.call("GET", f"{VARIABLES}/environment/", version="v3")[1]["data"]
    assert whole["environments"] == ["project", "production", "staging"]
    assert {at: each["value"] for at, each in whole["variables"]["DBT_REGION"].items()} == {
        "project": "eu",
        "production": "us",
    }


def test_a_person_has_the_variables_of_the_project(caller: Caller):
    status, answer = caller.call("GET", f"{VARIABLES}/user/?user_id=4", version="v3")
    assert status == 200
    assert {name: [*scopes] for name, scopes in answer["data"].items()} == {
        "DBT_REGION": ["project"],
        "DBT_ENV_SECRET_KEY": ["project"],
    }
    assert answer["data"]["DBT_ENV_SECRET_KEY"]["project"]["value"] == MASK
    assert caller.call("GET", f"{VARIABLES}/user/", version="v3")[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_many_at_once_are_those_of_deploy_yaml(caller: Caller, method: str):
    body = {"env_vars": {"name": "DBT_REGION", "production": "eu"}}
    status, answer = caller.call(method, f"{VARIABLES}/bulk/", body, version="v3")
    assert (status, "deploy.yaml" in answer["status"]["user_message"]) == (409, True)
    assert caller.call(method, f"{VARIABLES}/bulk/", body, token="runner", version="v3")[0] == 403


def test_a_value_of_a_job_is_made_changed_and_deleted(caller: Caller, job: int):
    status, answer = sent(caller, "", payload(job, "DBT_MODE", "fast {{ now }}"))
    assert (status, answer["data"]["display_value"]) == (200, "fast {{ now }}")
    made = of_job(caller, job)["DBT_MODE"]["job"]
    assert made == {"id": answer["data"]["id"], "value": "fast {{ now }}"}
    status, answer = sent(caller, f"{made['id']}/", payload(job, "DBT_MODE", "slow", made["id"]))
    assert (status, answer["data"]["id"]) == (200, made["id"])
    assert of_job(caller, job)["DBT_MODE"]["job"]["value"] == "slow"
    entry = read_yaml(caller.state.api_jobs.read_text(encoding="utf-8")).data["jobs"]["nightly"]
    assert entry["custom_environment_variables"] == [{"DBT_MODE": "slow"}]
    assert caller.call("DELETE", f"{VARIABLES}/{made['id']}/", version="v3")[0] == 200
    assert "DBT_MODE" not in of_job(caller, job)
    assert caller.call("DELETE", f"{VARIABLES}/{made['id']}/", version="v3")[0] == 404


def test_a_name_without_a_value_stays_known(caller: Caller, job: int):
    """dbt-jobs-as-code stops at a name that a job does not have, also where it is to have none."""
    assert sent(caller, "", payload(job, "DBT_MODE", None))[0] == 200
    assert of_job(caller, job)["DBT_MODE"] == {}


def test_a_secret_is_refused_with_the_line_to_write(caller: Caller, job: int):
    status, answer = sent(caller, "", payload(job, "DBT_ENV_SECRET_TOKEN", "hunter2"))
    assert status == 400
    assert "`DBT_ENV_SECRET_TOKEN: {env: DBT_ENV_SECRET_TOKEN}`" in answer["data"]["raw_value"]
    assert "hunter2" not in str(answer)
    assert "hunter2" not in caller.state.api_jobs.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["DBT_CLOUD_RUN_ID", "dbt_cloud_job_id", "DBT_ENV"])
def test_what_each_run_sets_itself_is_refused(caller: Caller, job: int, name: str):
    """It was taken, and no run ever had it."""
    status, answer = sent(caller, "", payload(job, name, "7"))
    assert (status, [*answer["data"]]) == (400, ["name"])
    assert repr(name.upper()) in answer["data"]["name"]
    assert "custom_environment_variables" not in caller.state.api_jobs.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [("REGION", "x", "must begin with `DBT_`"), ("DBT_REGION", MASK, "is masked")],
)
def test_what_the_loader_refuses_is_told(
    caller: Caller, job: int, name: str, value: str, what: str
):
    status, answer = sent(caller, "", payload(job, name, value))
    assert status == 400
    assert what in str(answer["data"])


def test_those_of_files_in_git_are_only_read(caller: Caller, job: int):
    assert sent(caller, "", payload(5, "DBT_MODE", "fast"))[0] == 409
    number = of_job(caller, 5)["DBT_MODE"]["job"]["id"]
    assert caller.call("DELETE", f"{VARIABLES}/{number}/", version="v3")[0] == 409
    project = of_job(caller, job)["DBT_REGION"]["project"]["id"]
    assert sent(caller, f"{project}/", payload(job, "DBT_REGION", "x", project))[0] == 409
    of_environment = {**payload(job, "DBT_X", "x"), "type": "environment", "environment_id": 11}
    assert sent(caller, "", of_environment)[0] == 409


def test_a_token_of_another_environment_sees_none(caller: Caller, job: int):
    path = f"{VARIABLES}/job/?job_definition_id={job}"
    assert caller.call("GET", path, token="staging", version="v3")[0] == 404
    whole = caller.call("GET", f"{VARIABLES}/environment/", token="staging", version="v3")[1]
    assert whole["data"]["environments"] == ["project", "staging"]


def test_the_job_must_be_named(caller: Caller):
    assert caller.call("GET", f"{VARIABLES}/job/", version="v3")[0] == 400
    for number, status in (("404", 404), ("x", 400), ("9" * 5_000, 400)):
        path = f"{VARIABLES}/job/?job_definition_id={number}"
        assert caller.call("GET", path, version="v3")[0] == status
    assert (
        caller.call("GET", "projects/8/environment-variables/environment/", version="v3")[0] == 404
    )
