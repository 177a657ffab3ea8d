from typing import Any

import pytest

from deploy_project.api.changes.job_entry import JobBody, changed, new_id, new_identifier
from deploy_project.api.objects.cron_forms import FormError

NEW = {
    "name": "Nightly",
    "description": "",
    "environment_id": 11,
    "job_type": "other",
    "settings": {"threads": 4, "target_name": "default"},
    "execution": {"timeout_seconds": 0},
    "execute_steps": ["dbt build"],
    "run_generate_sources": False,
    "generate_docs": False,
    "triggers": {
        "github_webhook": False,
        "git_provider_webhook": False,
        "schedule": False,
        "on_merge": False,
    },
}


def entry(before: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    return changed(before or {}, JobBody.model_validate(body))


def test_a_new_job_has_the_values_of_dbt_clouds_own_form():
    """dagster-dbt makes its jobs with ids, a name and a type only, and runs other steps."""
    assert entry(name="Nightly", environment_id=11, job_type="other") == NEW


@pytest.mark.parametrize(
    ("triggers", "job_type", "command"),
    [
        ({}, "other", "dbt build"),
        ({"schedule": True}, "scheduled", "dbt build"),
        ({"github_webhook": True}, "ci", "dbt build --select state:modified+"),
        ({"git_provider_webhook": True}, "ci", "dbt build --select state:modified+"),
        ({"on_merge": True}, "merge", "dbt build --select state:modified+"),
    ],
)
def test_its_type_and_its_command_follow_from_its_triggers(
    triggers: dict[str, bool], job_type: str, command: str
):
    made = entry(name="Nightly", environment_id=11, triggers=triggers)
    assert (made["job_type"], made["execute_steps"]) == (job_type, [command])


def test_a_change_leaves_alone_what_it_does_not_name():
    before = {**NEW, "id": 7, "custom_environment_variables": [{"DBT_A": "1"}]}
    after = entry(
        before, settings={"threads": 8}, triggers={"schedule": None}, dbt_version="1.10.*"
    )
    assert after == {
        **before,
        "settings": {"threads": 8, "target_name": "default"},
        "dbt_version": "1.10.*",
    }


def test_null_stands_for_the_default():
    before = {
        **NEW,
        "dbt_version": "1.10.*",
        "deferring_environment_id": 11,
        "schedule": {"cron": "0 5 * * *"},
    }
    sent = {
        "dbt_version": None,
        "deferring_environment_id": None,
        "settings": None,
        "description": None,
        "schedule": None,
        "job_completion_trigger_condition": None,
    }
    assert entry(before, **sent) == NEW


def test_what_nobody_sets_is_taken_and_not_kept():
    """Clients send a job as they have read it, with one key changed."""
    sent = {
        "id": 7,
        "account_id": 1,
        "project_id": 2,
        "state": 1,
        "created_at": "2024-05-27T10:42:10.111442+00:00",
        "next_run": None,
        "lifecycle_webhooks": False,
        "environment": {"id": 11},
    }
    assert entry({**NEW, "id": 7}, **sent) == {"id": 7, **NEW}


def test_a_schedule_keeps_its_form_beside_its_cron_line():
    days = {"type": "days_of_week", "days": [1, 2]}
    hours = {"type": "at_exact_hours", "hours": [5]}
    made = entry(
        NEW, schedule={"cron": "17 4 * * *", "date": days, "time": {**hours, "interval": None}}
    )
    assert made["schedule"] == {"cron": "17 5 * * 1,2", "date": days, "time": hours}
    with pytest.raises(FormError):
        entry(NEW, schedule={"date": {"type": "days_of_week"}, "time": hours})


def test_a_condition_on_another_job_is_kept():
    made = entry(NEW, job_completion_trigger_condition={"condition": {"job_id": 3}})
    assert made["job_completion_trigger_condition"] == {"condition": {"job_id": 3}}


@pytest.mark.parametrize(
    ("name", "taken", "identifier"),
    [
        ("Nightly build", [], "nightly_build"),
        ("Nightly build", ["nightly_build", "nightly-build_2"], "nightly_build_3"),
        ("Daily [[daily]]", [], "daily"),
        ("Daily [[prod:daily-1]]", ["daily_1"], "daily-1_2"),
        ("Daily [[a:b:c]]", [], "daily_a_b_c"),
        ("  ../../etc/passwd ", [], "etc_passwd"),
        ("日本", ["job"], "job_2"),
        ("requested", [], "requested_2"),
        ("CI sweep", [], "ci_sweep_2"),
        ("x" * 300, [], "x" * 90),
    ],
)
def test_an_identifier_is_made_of_the_name(name: str, taken: list[str], identifier: str):
    assert new_identifier(name, taken) == identifier


def test_a_number_tells_nothing_of_the_name():
    """Who knows the number of a job could have found out which names were taken before it."""
    found = {new_id([]) for _ in range(20)}
    assert len(found) == 20
    assert all(0 < each < 2**31 for each in found)
