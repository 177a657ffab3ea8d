"""Jobs over HTTP: their objects, lists and histories."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.runs.model import tags
from deploy_project.runs.model.streak import fingerprint
from tests.support.api.api_fields import EXTRA, JOB, RUN
from tests.support.history.past_front import DAILY, NONE, PRODS, SHOPS, PastFront, past_front
from tests.support.history.past_runs import BEGAN

FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastFront]:
    """A front without any run."""
    with past_front(tmp_path_factory.mktemp("jobs")) as made:
        yield made


def ids(front: PastFront, **query: Any) -> list[int]:
    return [each["id"] for each in front.get("jobs", **query).data]


def test_all_fields_of_all_jobs(front: PastFront):
    related = "environment,project,account,custom_environment_variables,fusion_readiness"
    for included in ("", related):
        found = front.get("jobs", include_related=included)
        assert [*EXTRA.faults(found.json["extra"])] == []
        assert len(found.data) == 4
        assert [fault for each in found.data for fault in JOB.faults(each)] == []
        assert [
            front.get(f"jobs/{each['id']}", include_related=included).data["name"]
            for each in found.data
        ] == [each["name"] for each in found.data]


def test_a_job_in_dbt_clouds_words(front: PastFront):
    found = front.get("jobs/1/").data
    assert found["name"] == "Daily"
    assert found["execute_steps"] == ["dbt seed", "dbt build"]
    assert found["settings"] == {"threads": 4, "target_name": "default"}
    assert found["execution"] == {"timeout_seconds": 0}
    assert found["triggers"] == {
        "github_webhook": False,
        "git_provider_webhook": False,
        "schedule": True,
        "on_merge": False,
    }
    assert found["schedule"]["cron"] == "6 */12 * * 0,1,2,3,4,5,6"
    assert found["schedule"]["date"]["type"] == "interval_cron"
    assert found["schedule"]["date"]["days"] == [0, 1, 2, 3, 4, 5, 6]
    assert found["schedule"]["time"] == {"type": "every_hour", "interval": 12}
    assert found["cron_humanized"].startswith("At 6 minutes past the hour, every 12 hours, only on")
    assert found["next_run"].endswith(":06:00.000000+00:00")
    assert found["next_run_humanized"].endswith(" from now")
    assert (found["deactivated"], found["run_failure_count"]) == (False, 0)
    assert (found["generate_docs"], found["generate_sources"]) == (True, True)


def test_a_job_without_a_schedule_has_no_next_run(front: PastFront):
    found = front.get("jobs/4").data
    assert (found["next_run"], found["next_run_humanized"]) == (None, None)
    assert front.get("jobs/2").data["next_run"] is None  # it has a cron line, and is not scheduled


def test_a_ci_job(front: PastFront):
    found = front.get("jobs/3").data
    assert found["job_type"] == "ci"
    assert found["deferring_environment_id"] == 20
    assert found["deferring_job_definition_id"] is None
    assert found["triggers"]["github_webhook"] is True
    assert found["is_deferrable"] is False


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, [1, 2, 3, 4]),
        ({"project_id": 10}, [1, 2, 3]),
        ({"project_id__in": [11]}, [4]),
        ({"project_id__in": "[10,11]"}, [1, 2, 3, 4]),
        ({"environment_id": 20}, [1, 2]),
        ({"name__icontains": "AI"}, [1]),
        ({"name__icontains": "L"}, [1, 2, 4]),
        ({"triggers_schedule": "true"}, [1]),
        ({"triggers_schedule": "false"}, [2, 3, 4]),
        ({"is_system": "true"}, []),
        ({"state": "deleted"}, []),
        ({"state": "1"}, [1, 2, 3, 4]),
        ({"pk": 3}, [3]),
        ({"account_id": 7}, [1, 2, 3, 4]),
        ({"order_by": "-id"}, [4, 3, 2, 1]),
        ({"order_by": "name"}, [3, 1, 2, 4]),
        ({"order_by": "-environment_id,id"}, [4, 3, 1, 2]),
        ({"limit": 2, "offset": 1}, [2, 3]),
        ({"project_id": "", "environment_id": 20}, [1, 2]),
    ],
)
def test_lists(front: PastFront, query: Mapping[str, Any], wanted: list[int]):
    assert ids(front, **query) == wanted


def test_pages_of_jobs(front: PastFront):
    extra = front.get("jobs", limit=3, offset=2, project_id=10).json["extra"]
    assert extra["pagination"] == {"count": 1, "total_count": 3}
    assert extra["filters"] == {
        "limit": 3,
        "offset": 2,
        "state": "active",
        "account_id": 7,
        "project_id": 10,
    }


@pytest.mark.parametrize(
    "query", [{"no_such": 1}, {"project_id": "x"}, {"is_system": "x"}, {"order_by": "x"}]
)
def test_what_is_no_filter_is_400(front: PastFront, query: Mapping[str, Any]):
    found = front.get("jobs", **query)
    assert found.status == 400
    assert [*found.json["data"]] == [*query]


def test_jobs_are_seen_by_tokens_of_their_place(front: PastFront):
    assert ids(front, token=PRODS) == [1, 2]
    assert ids(front, token=SHOPS) == [1, 2, 3]
    assert front.get("jobs/3", token=PRODS).status == 404
    assert front.get("jobs", token=NONE).status == 403


@pytest.mark.parametrize("indexed", [True, False])
def test_the_history_of_a_job(tmp_path: Path, indexed: bool):
    with past_front(tmp_path, indexed=indexed) as front:
        add = front.history.add
        minutes = iter(BEGAN + timedelta(minutes=each) for each in range(99))
        for status in (FAILURE, SUCCESS, FAILURE, FAILURE):
            last = add(status=status, created=next(minutes))
        front.history.catch_up()
        queued = add(status=dg.DagsterRunStatus.QUEUED, created=next(minutes))
        found = front.get("jobs/1", include_related="most_recent_run,most_recent_completed_run")
        assert found.data["run_failure_count"] == 2
        assert found.data["most_recent_run"]["id"] == tags.run_number(queued)
        assert found.data["most_recent_completed_run"]["id"] == tags.run_number(last)
        assert [*RUN.faults(found.data["most_recent_run"])] == []
        other = front.get("jobs/2", include_related="most_recent_run").data
        assert (other["most_recent_run"], other["run_failure_count"]) == (None, 0)


def test_a_job_that_has_failed_a_hundred_times_is_deactivated(tmp_path: Path):
    with past_front(tmp_path) as front:
        definition = fingerprint(DAILY)
        for number in range(100):
            created = BEGAN + timedelta(minutes=number)
            front.history.add(status=FAILURE, created=created, definition=definition)
        front.history.catch_up()
        found = front.get("jobs/1").data
        assert (found["deactivated"], found["run_failure_count"]) == (True, 100)
        assert front.get("jobs/2").data["deactivated"] is False
