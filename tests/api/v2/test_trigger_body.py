"""The body of a trigger, as clients were seen to send it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy_project.api.http.bodies import checked
from deploy_project.api.http.problems import ApiError
from deploy_project.api.v2.trigger_body import TriggerBody
from tests.support.api.front import Caller, caller_of

CHECKS = """
    jobs:
      daily: {id: 5, environment: production, execute_steps: [dbt build]}
      checks: {id: 6, environment: production, job_type: ci, execute_steps: [dbt build]}
    """


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with caller_of(tmp_path_factory.mktemp("front"), jobs=CHECKS) as found:
        yield found


def test_kestra_and_forms_send_numbers_as_text():
    body = checked(
        TriggerBody,
        {"cause": "x", "threads_override": "8", "github_pull_request_id": "41"},
    )
    assert (body.threads_override, body.github_pull_request_id) == (8, 41)


def test_dbt_cloud_cli_sends_the_ids_of_the_path_again():
    body = checked(TriggerBody, {"account_id": 7, "job_id": 1, "cause": "x", "git_sha": None})
    assert body.cause == "x"


@pytest.mark.parametrize("given", ["four", "", "-1", "1.5", "9" * 17, True])
def test_what_is_no_number_is_refused_by_its_name(given: object):
    with pytest.raises(ApiError) as refused:
        checked(TriggerBody, {"cause": "x", "github_pull_request_id": given})
    assert refused.value.status == 400
    assert list(refused.value.data) == ["github_pull_request_id"]


REFUSED: list[tuple[int, dict[str, Any], str]] = [
    (5, {"steps_override": ["rm -rf /"]}, "override 'steps_override.0': the command"),
    (5, {"steps_override": ["dbt frobnicate"]}, "override 'steps_override.0': the command"),
    (5, {"threads_override": 0}, "override 'threads_override': "),
    (5, {"timeout_seconds_override": -1}, "override 'timeout_seconds_override': "),
    (5, {"target_name_override": "-x"}, "override 'target_name_override' is no name"),
    (5, {"dbt_version_override": "one"}, "override 'dbt_version_override' is not a version"),
    (5, {"git_sha": "main"}, """{"git_sha": "'main' is not a full commit id"""),
    (5, {"git_branch": "a..b"}, """{"git_branch": "branch 'a..b' is a name that git refuses"""),
    (5, {"schema_override": "no; drop"}, """{"schema_override": "'no; drop' is no name"""),
    (5, {"github_pull_request_id": 3}, "together with git_sha or git_branch, and without schema_"),
    (
        5,
        {"github_pull_request_id": 3, "git_sha": "a" * 40},
        "or leave github_pull_request_id or gitlab_merge_request_id",
    ),
    (6, {}, "give the number of one, as github_pull_request_id or gitlab_merge_request_id"),
]


@pytest.mark.parametrize(("job", "fields", "what"), REFUSED, ids=lambda each: str(each)[:40])
def test_a_refusal_names_the_field_and_no_option_of_the_command_line(
    caller: Caller, job: int, fields: dict[str, Any], what: str
):
    """They were told as `--step` and `--commit`, which no client has."""
    status, answer = caller.call("POST", f"jobs/{job}/run", {"cause": "x", **fields})
    told = json.dumps(answer["data"])
    assert status == 400
    assert what in told
    assert " --" not in told


def test_a_key_that_is_too_long_is_no_key(caller: Caller):
    """Two keys that begin alike were one."""
    key = {"Idempotency_Key": "k" * 256}
    status, answer = caller.call("POST", "jobs/5/run", {"cause": "x"}, **key)
    assert (status, [*answer["data"]]) == (400, ["Idempotency-Key"])
