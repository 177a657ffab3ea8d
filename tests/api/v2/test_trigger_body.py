"""The body of a trigger, as clients were seen to send it."""

import pytest

from deploy_project.api.http.bodies import checked
from deploy_project.api.http.problems import ApiError
from deploy_project.api.v2.trigger_body import TriggerBody


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
