"""Jobs made, changed and deleted over the API, and the file that they are in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.files.limited_yaml import read_yaml
from deploy_project.processes.locks import locked
from tests.support.api.front import Caller, caller_of
from tests.support.waiting import PATIENCE

PARENT = {
    "name": "Nightly",
    "environment_id": 11,
    "project_id": 7,
    "account_id": 3,
    "job_type": "other",
}


@pytest.fixture
def caller(tmp_path: Path):
    with caller_of(tmp_path) as found:
        yield found


def kept(caller: Caller) -> dict[str, Any]:
    """The jobs in the file of the API."""
    return read_yaml(caller.state.api_jobs.read_text(encoding="utf-8")).data["jobs"]


def test_a_job_is_made_as_dagster_makes_it_and_can_be_read_at_once(caller: Caller):
    status, answer = caller.call("POST", "jobs", {**PARENT, "description": "An adhoc job."})
    job = answer["data"]
    assert status == 201
    assert (job["name"], job["environment_id"], job["state"]) == ("Nightly", 11, 1)
    assert (job["execute_steps"], job["settings"]["threads"]) == (["dbt build"], 4)
    assert caller.call("GET", f"jobs/{job['id']}")[1]["data"]["name"] == "Nightly"
    assert list(kept(caller)) == ["nightly"]


def test_a_job_is_changed_and_deleted(caller: Caller):
    job = caller.call("POST", "jobs/", PARENT)[1]["data"]
    status, answer = caller.call(
        "POST", f"jobs/{job['id']}/", {**job, "execute_steps": ["dbt run"]}
    )
    assert (status, answer["data"]["execute_steps"]) == (200, ["dbt run"])
    assert answer["data"]["created_at"] == job["created_at"]
    status, answer = caller.call("DELETE", f"jobs/{job['id']}/")
    assert (status, answer["data"]["state"], answer["data"]["id"]) == (200, 2, job["id"])
    assert caller.call("GET", f"jobs/{job['id']}")[0] == 404
    assert kept(caller) == {}


def test_a_job_of_thousands_of_commands_is_refused(caller: Caller):
    """Dagster could not load the definitions of any job then."""
    body = {**PARENT, "execute_steps": ["dbt ls"] * 2_000}
    status, answer = caller.call("POST", "jobs", body)
    assert (status, "execute_steps" in answer["data"]) == (400, True)
    assert not caller.state.api_jobs.exists()


def test_state_2_deletes(caller: Caller):
    job = caller.call("POST", "jobs", PARENT)[1]["data"]
    status, answer = caller.call("POST", f"jobs/{job['id']}", {**job, "state": 2})
    assert (status, answer["data"]["state"]) == (200, 2)
    assert kept(caller) == {}


def test_another_name_is_the_same_job(caller: Caller):
    """dbt-jobs-as-code links a job by a new name; its history must stay with it."""
    job = caller.call("POST", "jobs", PARENT)[1]["data"]
    answer = caller.call("POST", f"jobs/{job['id']}", {"name": "Nightly [[other]]"})[1]
    assert (answer["data"]["id"], answer["data"]["name"]) == (job["id"], "Nightly [[other]]")
    assert list(kept(caller)) == ["nightly"]
    found = caller.call("GET", "jobs?name__icontains=NIGHTLY%20[[other]]")[1]["data"]
    assert [each["id"] for each in found] == [job["id"]]


def test_jobs_of_one_name_are_two_jobs(caller: Caller):
    ids = {caller.call("POST", "jobs", PARENT)[1]["data"]["id"] for _ in range(3)}
    assert len(ids) == 3
    assert list(kept(caller)) == ["nightly", "nightly_2", "nightly_3"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_job_of_a_file_in_git_is_only_read(caller: Caller, method: str):
    status, answer = caller.call(method, "jobs/5", {"name": "x"} if method == "POST" else None)
    assert status == 409
    assert answer["status"]["user_message"] == (
        "Job 'daily' is in the file jobs.yml:3, and only changed there."
    )
    assert not caller.state.api_jobs.exists()


def test_an_identifier_of_a_file_in_git_is_taken(caller: Caller):
    status, answer = caller.call("POST", "jobs", {**PARENT, "name": "Daily [[daily]]"})
    assert (status, answer["status"]["user_message"]) == (
        409,
        "There is a job 'daily' already, in jobs.yml:3.",
    )


@pytest.mark.parametrize(
    ("change", "data"),
    [
        (
            {"triggers": {"custom_branch_only": False}},
            {
                "triggers": "Additional properties are not allowed "
                "('custom_branch_only' was unexpected)"
            },
        ),
        (
            {"nonsense": 1},
            {"nonsense": "Additional properties are not allowed ('nonsense' was unexpected)"},
        ),
        ({"name": None}, {"job": "'name' is a required property"}),
        ({"environment_id": None}, {"job": "'environment_id' is a required property"}),
        ({"environment_id": 99}, {"environment_id": "is the id of no environment"}),
        ({"project_id": 99}, {"project_id": "is not the project of the environment"}),
        ({"account_id": 99}, {"account_id": "is not the account's, which is 3"}),
        (
            {"schedule": {"date": {"type": "every_day"}, "time": {"type": "at_exact_hours"}}},
            {"schedule.time.hours": "must be a list of numbers from 0 to 23"},
        ),
        (
            {"deferring_job_definition_id": 404},
            {"deferring_job_definition_id": "is the id of none"},
        ),
        ({"deferring_environment_id": 404}, {"deferring_environment_id": "is the id of none"}),
        (
            {"job_completion_trigger_condition": {"condition": {"job_id": 404}}},
            {"job_completion_trigger_condition.condition.job_id": "is the id of none"},
        ),
        (
            {"execute_steps": ["dbt build --target=prod"]},
            {
                "execute_steps": "'dbt build --target=prod' has the option --target, which is not "
                "taken over the API: a run builds with the connection of its job's environment; "
                "leave the option out"
            },
        ),
        (
            {"deferring_environment_id": 11, "deferring_job_definition_id": 5},
            {
                "deferring_job_definition_id": "is given beside deferring_environment_id; keep one",
            },
        ),
    ],
)
def test_a_wrong_body_is_told_by_its_keys(caller: Caller, change: Any, data: Any):
    status, answer = caller.call("POST", "jobs", {**PARENT, **change})
    assert (status, answer["data"]) == (400, data)
    assert not caller.state.api_jobs.exists()


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        ({"schedule": {"cron": "61 * * * *"}}, "schedule.cron", "has no valid minute"),
        ({"execute_steps": []}, "execute_steps", "has no command"),
        ({"execute_steps": ["rm -rf /"]}, "execute_steps.0", ""),
        ({"execute_steps": ["dbt frobnicate"]}, "job", "frobnicate"),
        ({"job_type": "adaptive"}, "job_type", "is a type that is not supported"),
        ({"dbt_version": "one"}, "dbt_version", "is not a version of dbt"),
        ({"triggers": {"schedule": True}}, "schedule.cron", "is missing"),
        ({"name": "x [[a:b:c]]"}, "name", "has no valid identifier"),
    ],
)
def test_what_the_loader_refuses_is_told_by_its_key(
    caller: Caller, change: Any, key: str, what: str
):
    status, answer = caller.call("POST", "jobs", {**PARENT, **change})
    assert (status, list(answer["data"])) == (400, [key])
    assert what in answer["data"][key]
    assert str(caller.state.root.parent) not in str(answer)
    assert not caller.state.api_jobs.exists()


def test_a_refused_change_leaves_the_file_as_it_was(caller: Caller):
    job = caller.call("POST", "jobs", PARENT)[1]["data"]
    before = caller.state.api_jobs.read_bytes()
    for change in ({"execute_steps": ["make"]}, {"schedule": {"cron": "x"}}, {"nonsense": 1}):
        assert caller.call("POST", f"jobs/{job['id']}", change)[0] == 400
    assert caller.call("POST", "jobs", {**PARENT, "job_type": "adaptive"})[0] == 400
    assert caller.state.api_jobs.read_bytes() == before
    assert caller.call("GET", f"jobs/{job['id']}")[1]["data"] == job


def test_a_mistake_elsewhere_is_not_told_as_the_jobs(caller: Caller):
    (caller.state.root.parent / "jobs.yml").write_text("jobs: {daily: {nonsense: 1}}")
    status, answer = caller.call("POST", "jobs", PARENT)
    assert status == 503
    assert "configuration files have mistakes" in answer["status"]["user_message"]


def test_a_name_is_data_and_no_template(caller: Caller):
    name = "{{ 7 * 7 }} {% raw %} *alias &anchor \u2028 'quoted'"
    job = caller.call("POST", "jobs", {**PARENT, "name": name})[1]["data"]
    assert job["name"] == name
    assert "{{" not in caller.state.api_jobs.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("token", "statuses"),
    [("runner", (403, 403, 403)), ("staging", (403, 404, 404)), ("creator", (201, 200, 200))],
)
def test_only_those_who_may_change_jobs_do(
    caller: Caller, token: str, statuses: tuple[int, int, int]
):
    """A token for another environment does not even learn that there is one."""
    job = caller.call("POST", "jobs", PARENT)[1]["data"]
    path = f"jobs/{job['id']}"
    assert (
        caller.call("POST", "jobs", PARENT, token=token)[0],
        caller.call("POST", path, {"name": "x"}, token=token)[0],
        caller.call("DELETE", path, token=token)[0],
    ) == statuses


def test_a_job_does_not_move_to_an_environment_that_its_token_must_not_change(caller: Caller):
    job = caller.call("POST", "jobs", {**PARENT, "environment_id": 12}, token="staging")[1]["data"]
    status, _ = caller.call("POST", f"jobs/{job['id']}", {"environment_id": 11}, token="staging")
    assert status == 403
    assert kept(caller)["nightly"]["environment_id"] == 12


def test_a_job_refers_to_none_that_its_token_does_not_see(caller: Caller):
    body = {**PARENT, "environment_id": 12, "deferring_job_definition_id": 5}
    assert caller.call("POST", "jobs", body)[0] == 201
    status, answer = caller.call("POST", "jobs", body, token="staging")
    assert (status, answer["data"]) == (400, {"deferring_job_definition_id": "is the id of none"})


UNSEEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"environment_id": 11}, {"environment_id": 404}),
    ({"deferring_environment_id": 11}, {"deferring_environment_id": 404}),
    ({"deferring_job_definition_id": 5}, {"deferring_job_definition_id": 404}),
    *(
        (
            {"job_completion_trigger_condition": {"condition": {"job_id": hidden, **more}}},
            {"job_completion_trigger_condition": {"condition": {"job_id": 404, **more}}},
        )
        for hidden, more in ((5, {}), (6, {"project_id": 7}))
    ),
    ({"name": "Daily [[daily]]"}, {"name": "Daily [[dailies]]"}),
    ({"name": "Daily [[night-ly]]"}, {"name": "Daily [[night-lies]]"}),
    ({"name": "Daily"}, {"name": "Dailies"}),
    ({"id": 5}, {"id": 404}),
    ({"id": 6}, {"id": 404}),
]
"""Bodies that name something that the token `staging` does not see, and that there is not."""


@pytest.mark.parametrize(("unseen", "missing"), UNSEEN, ids=lambda each: str(each)[:40])
@pytest.mark.parametrize("changes", [False, True], ids=["create", "change"])
def test_what_a_token_does_not_see_is_to_it_as_what_there_is_not(
    tmp_path: Path, unseen: dict[str, Any], missing: dict[str, Any], *, changes: bool
):
    """By 409 and 400 a narrowed token had learned names, ids and places of others' jobs."""
    hidden = """
        jobs:
          daily: {id: 5, environment: production, execute_steps: [dbt build]}
          night_ly: {id: 6, environment: production, execute_steps: [dbt build]}
        """
    with caller_of(tmp_path, jobs=hidden) as caller:
        own = {**PARENT, "environment_id": 12, "name": "Own"}
        path = "jobs"
        if changes:
            path = f"jobs/{caller.call('POST', 'jobs', own, token='staging')[1]['data']['id']}"
            own = {}
        answers = [
            caller.call("POST", path, {**own, **body}, token="staging")
            for body in (unseen, missing)
        ]
        assert _without_own(answers[0]) == _without_own(answers[1])


def _without_own(answer: tuple[int, Any]) -> tuple[int, Any]:
    """An answer without the name, number and times that are the job's own."""
    status, content = answer
    if status >= 400:
        return answer
    own = ("id", "name", "created_at", "updated_at")
    return status, {key: each for key, each in content["data"].items() if key not in own}


def test_a_number_that_is_sent_with_a_new_job_is_not_its_own(caller: Caller):
    """The refusal of a taken one had told that there is a job of that number."""
    status, answer = caller.call("POST", "jobs", {**PARENT, "id": 5})
    assert (status, answer["data"]["id"] == 5) == (201, False)


def test_a_reference_to_a_job_that_was_deleted_does_not_keep_the_other_from_changing(
    caller: Caller,
):
    parent = caller.call("POST", "jobs", PARENT)[1]["data"]["id"]
    waits = {"job_completion_trigger_condition": {"condition": {"job_id": parent}}}
    defers = {"deferring_job_definition_id": parent}
    child = caller.call("POST", "jobs", {**PARENT, **waits, **defers})[1]["data"]
    assert caller.call("DELETE", f"jobs/{parent}")[0] == 200
    status, answer = caller.call("POST", f"jobs/{child['id']}", {**child, "name": "Other"})
    assert (status, answer["data"]["name"]) == (200, "Other")
    assert answer["data"]["deferring_job_definition_id"] == parent


def test_a_flood_is_refused_before_the_file_can_not_be_read(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    """Whoever had filled the file had filled it for everybody."""
    monkeypatch.setattr("deploy_project.api.changes.jobs_file._ROOM", 20_000)
    body = {**PARENT, "execute_steps": [f"dbt build --select {'x' * 4_000}"]}
    answers = [caller.call("POST", "jobs", body) for _ in range(5)]
    assert [status for status, _ in answers] == [201] * 4 + [409]
    assert "delete some" in answers[-1][1]["status"]["user_message"]
    assert len(kept(caller)) == 4
    first = caller.call("GET", "jobs?name__icontains=nightly")[1]["data"][0]["id"]
    assert caller.call("DELETE", f"jobs/{first}")[0] == 200
    assert caller.call("POST", "jobs", PARENT)[0] == 201


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_changes_that_wait_hold_up_no_read(caller: Caller, method: str):
    """More of them than the server has threads had every read wait, too."""
    job = caller.call("POST", "jobs", PARENT)[1]["data"]["id"]
    body = {"name": "Changed"} if method == "POST" else None
    with ThreadPoolExecutor(50) as pool:
        with locked(caller.state.api_jobs_lock, seconds=PATIENCE):
            waiting = [pool.submit(caller.call, method, f"jobs/{job}", body) for _ in range(50)]
            for _ in range(5):
                assert caller.call("GET", f"jobs/{job}")[0] == 200
                assert not [each for each in waiting if each.done()]
        assert 200 in [each.result()[0] for each in waiting]


def test_many_at_once_lose_nothing(caller: Caller):
    answers = caller.at_once(
        [("POST", "jobs", {**PARENT, "name": f"Job {index % 2}"}) for index in range(12)]
    )
    assert [status for status, _ in answers] == [201] * 12
    assert len(kept(caller)) == 12
    assert len({answer["data"]["id"] for _, answer in answers}) == 12
