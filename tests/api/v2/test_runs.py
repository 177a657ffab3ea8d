"""Runs over HTTP: their objects in every state, and lists by every filter and order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import config_of_job, config_of_steps
from deploy_project.runs.model.overrides import read as overrides
from deploy_project.runs.model.run_facts import ArtifactFacts, FreshnessFacts
from deploy_project.runs.model.status import Status
from tests.support.api.api_fields import (
    CAUSES,
    EXTRA,
    JOB,
    PAGINATION,
    RUN,
    STATUS,
    TRIGGER,
)
from tests.support.history.past_front import (
    DAILY,
    NONE,
    PRODS,
    SHOPS,
    PastFront,
    past_front,
)
from tests.support.history.past_runs import BEGAN, facts_of

COUNT = 260
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED
STARTING, CANCELED = dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELED
CANCELING = dg.DagsterRunStatus.CANCELING
STATES = {
    1: (QUEUED, "Queued"),
    2: (STARTING, "Starting"),
    3: (STARTED, "Running"),
    10: (SUCCESS, "Success"),
    20: (FAILURE, "Error"),
    30: (CANCELED, "Cancelled"),
}
Run = Mapping[str, Any]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastFront]:
    """A front over runs of all kinds, all that have ended in the index."""
    with past_front(tmp_path_factory.mktemp("filled")) as front:
        front.history.fill(COUNT)
        front.history.spread()
        front.history.catch_up()
        front.history.index.set_whole_until(datetime.now(UTC) + timedelta(hours=1))
        yield front


@pytest.fixture
def front(tmp_path: Path) -> Iterator[PastFront]:
    with past_front(tmp_path) as made:
        yield made


def number(run_id: str) -> int:
    return tags.run_number(run_id)


@pytest.mark.parametrize("code", STATES)
def test_a_run_has_all_fields_in_every_state(front: PastFront, code: int):
    status, word = STATES[code]
    run_id = front.history.add(status=status, cause="Because", trigger="scheduled")
    found = front.get(
        f"runs/{number(run_id)}", include_related="trigger,job,environment,audit"
    ).data
    assert [*RUN.faults(found)] == []
    assert [*TRIGGER.faults(found["trigger"])] == []
    assert [*JOB.faults(found["job"])] == []
    assert (found["status"], found["status_humanized"]) == (code, word)
    assert (found["id"], found["job_id"]) == (number(run_id), 1)
    assert (found["account_id"], found["project_id"], found["environment_id"]) == (7, 10, 20)
    assert found["href"] == f"http://dagster.example:3000/runs/{run_id}"
    ended = code >= 10
    assert (found["is_complete"], found["in_progress"]) == (ended, not ended)
    assert [found[f"is_{each}"] for each in ("success", "error", "cancelled", "running")] == [
        code == each for each in (10, 20, 30, 3)
    ]
    assert (found["finished_at"] is not None) is ended
    assert (found["status_message"] is not None) is (code in (20, 30))
    assert (found["retry_not_supported_reason"] == "RETRY_NOT_FAILED_RUN") is (code != 20)


def test_the_job_of_a_run_has_the_kinds_of_its_schedule(front: PastFront):
    """Other than the job itself, which has all of its date and time."""
    run_id = front.history.add()
    found = front.get(f"runs/{number(run_id)}", include_related="job").data["job"]
    assert found["schedule"] == {
        "cron": "6 */12 * * 0,1,2,3,4,5,6",
        "date": "interval_cron",
        "time": "every_hour",
    }


def test_a_run_that_is_being_cancelled_is_still_running(front: PastFront):
    run_id = front.history.add(status=CANCELING)
    found = front.get(f"runs/{number(run_id)}").data
    assert (found["status"], found["status_humanized"]) == (3, "Running")
    assert [each["id"] for each in front.get("runs", status="3").data] == [number(run_id)]


def test_without_related_objects_they_are_null(front: PastFront):
    run_id = front.history.add()
    for query in ({}, {"include_related": ""}, {"include_related": "no_such_thing"}):
        found = front.get(f"runs/{number(run_id)}", **query).data
        names = ("trigger", "job", "environment", "repository", "audit", "used_repo_cache")
        assert {found[name] for name in names} == {None}
        assert found["run_steps"] == []


@pytest.mark.parametrize(
    "spelling",
    [
        "trigger,job",
        '["trigger","job"]',
        "['trigger', 'job']",
        '["trigger","job",,"audit"',
        "trigger&include_related=job",
    ],
)
def test_related_objects_are_asked_for_in_any_spelling(front: PastFront, spelling: str):
    run_id = front.history.add()
    written = spelling if "&" in spelling else spelling.replace(" ", "%20").replace('"', "%22")
    target = f"/api/v2/accounts/7/runs/{number(run_id)}/?include_related={written}"
    found = front.raw(target).data
    assert found["trigger"] is not None
    assert found["job"]["id"] == 1
    assert found["environment"] is None


def asked_for(front: PastFront, run_config: Mapping[str, Any], **own: Any) -> Any:
    run_id = front.history.add(run_config=run_config, **own)
    return front.get(f"runs/{number(run_id)}", include_related="trigger").data["trigger"]


def test_a_trigger_has_every_override(front: PastFront):
    asked = overrides(
        {
            "steps": ("dbt build -s orders",),
            "threads": 8,
            "target_name": "big",
            "dbt_version": "1.10.*",
            "timeout_seconds": 60,
            "generate_docs": False,
        }
    )
    found = asked_for(
        front,
        config_of_steps(DAILY, asked),
        commit_override="a" * 40,
        branch_override="next",
        schema_override="mine",
        pull_request="7",
        pull_request_kind="azure",
        trigger="api",
        cause="Kicked off by a program",
    )
    assert [*TRIGGER.faults(found)] == []
    assert found == {
        "id": found["id"],
        "cause": "Kicked off by a program",
        "job_definition_id": 1,
        "git_branch": "next",
        "git_sha": "a" * 40,
        "azure_pull_request_id": 7,
        "github_pull_request_id": None,
        "gitlab_merge_request_id": None,
        "non_native_pull_request_id": None,
        "schema_override": "mine",
        "dbt_version_override": "1.10.*",
        "threads_override": 8,
        "target_name_override": "big",
        "generate_docs_override": False,
        "timeout_seconds_override": 60,
        "steps_override": ["dbt build -s orders"],
        "cause_category": "api",
    }


def test_a_trigger_without_overrides_has_nulls(front: PastFront):
    found = asked_for(front, config_of_job(overrides({})), trigger="scheduled")
    assert found["cause_category"] == "scheduled"
    assert {value for key, value in found.items() if key.endswith("_override")} == {None}
    assert {value for key, value in found.items() if key.endswith("request_id")} == {None}
    assert (found["git_sha"], found["git_branch"]) == (None, None)


def test_the_trigger_of_a_pull_request_names_it_and_its_commit(front: PastFront):
    """Artifacts are looked up by both: `trigger.git_sha` and `trigger.github_pull_request_id`."""
    sha = "b" * 40
    own = {"pull_request": "12", "full_commit": sha, "commit": sha[:7], "hidden_branch": "feature"}
    found = asked_for(front, {}, trigger="ci", **own)
    assert (found["github_pull_request_id"], found["git_sha"]) == (12, sha)
    assert found["git_branch"] == "feature"


def test_a_rerun_does_not_repeat_the_commit_that_its_parent_was_asked_for(front: PastFront):
    parent = front.history.add()
    own = {"parent": parent, "commit_override": "a" * 40, "cancelled_by": "ada"}
    found = asked_for(front, {}, **own)
    assert found["git_sha"] is None
    assert found["cause_category"] == "rerun"


def test_a_queued_run_names_the_runs_that_it_waits_for(front: PastFront):
    add = front.history.add
    running = add(status=STARTED, queue="prod__daily")
    first = add(status=QUEUED, queue="prod__daily", created=BEGAN + timedelta(minutes=1))
    add("prod__hourly", STARTED, queue="prod__hourly")
    free = add("prod__hourly", QUEUED, queue="another", created=BEGAN + timedelta(minutes=2))
    found = {each["id"]: each["blocked_by"] for each in front.get("runs", status=1).data}
    assert found == {number(first): [number(running)], number(free): []}
    assert front.get(f"runs/{number(first)}").data["blocked_by"] == [number(running)]
    assert front.get(f"runs/{number(running)}").data["blocked_by"] == []


def test_a_token_hears_of_no_run_that_it_does_not_see(front: PastFront):
    """The slots of the account had named runs of other environments."""
    add = front.history.add
    hidden = add("staging__checks", STARTED, queue="c", slots_2="account")
    seen = add("prod__hourly", STARTED, queue="prod__hourly", slots_2="account")
    waiting = number(add("prod__daily", QUEUED, queue="prod__daily", slots_2="account"))
    wanted = {"": [number(hidden), number(seen)], PRODS: [number(seen)]}
    for token, blocked in wanted.items():
        own = {"token": token} if token else {}
        [listed] = front.get("runs", status=1, **own).data
        for found in (listed, front.get(f"runs/{waiting}", **own).data):
            assert sorted(found["blocked_by"]) == sorted(blocked)


def test_slots_block_once_all_of_them_are_taken(front: PastFront):
    add = front.history.add
    one = add("prod__daily", STARTED, queue="prod__daily", slots_2="account")
    waiting = add("staging__checks", QUEUED, queue="c", slots_2="account")
    assert front.get(f"runs/{number(waiting)}").data["blocked_by"] == []
    two = add("prod__hourly", STARTED, queue="prod__hourly", slots_2="account")
    found = front.get(f"runs/{number(waiting)}").data["blocked_by"]
    assert sorted(found) == sorted([number(one), number(two)])


def test_the_facts_of_a_run_are_in_its_object(front: PastFront):
    deferred = front.history.add()
    sha = "c" * 40
    run_id = front.history.add(status=FAILURE, full_commit=sha, commit=sha[:7])
    made = facts_of(
        run_id, Status.ERROR, docs="made", dbt_version="1.11.2", deferred_to=deferred, commit=sha
    )
    front.history.keep(
        replace(
            made,
            reason="Database Error in model orders",
            freshness=(FreshnessFacts("source.shop.raw.orders", "raw.orders", "pass"),),
            artifacts=(ArtifactFacts("04-dbt-build/target/manifest.json", 1),),
        )
    )
    found = front.get(f"runs/{number(run_id)}").data
    assert found["status_message"] == "Database Error in model orders"
    assert (found["git_sha"], found["git_branch"]) == (sha, "main")
    assert found["deferring_run_id"] == number(deferred)
    assert (found["has_docs_generated"], found["has_sources_generated"]) == (True, True)
    assert (found["artifacts_saved"], found["dbt_version"]) == (True, "1.11.2")


def test_whoever_asked_and_cancelled_is_in_the_audit(front: PastFront):
    run_id = front.history.add(status=CANCELED, who="ada", cancelled_by="bob")
    found = front.get(f"runs/{number(run_id)}", include_related="audit").data["audit"]
    assert found["trigger"]["actor"]["name"] == "ada"
    assert found["cancellation"]["actor"]["name"] == "bob"
    assert isinstance(found["trigger"]["actor"]["id"], str)
    nobody = front.history.add(trigger="scheduled")
    found = front.get(f"runs/{number(nobody)}", include_related="audit").data["audit"]
    assert found == {
        "trigger": {"actor": {"id": None, "type": "system", "name": None}},
        "cancellation": None,
    }


def test_the_retries_of_a_run_are_listed(front: PastFront):
    parent = front.history.add(status=FAILURE)
    retry = front.history.add(parent=parent, resumed_run=parent)
    front.history.add()
    found = front.get(f"runs/{number(parent)}", include_related="run_retries").data
    assert [each["id"] for each in found["run_retries"]] == [number(retry)]
    assert found["retrying_run_id"] is None
    assert front.get(f"runs/{number(retry)}").data["retrying_run_id"] == number(parent)


def test_only_the_latest_failure_of_a_job_can_be_retried(front: PastFront):
    """Of the job with one command, `dbt build`; the step of that has left its results."""
    job = "prod__hourly"
    failed = front.history.add(job, FAILURE)
    later = front.history.add(job, FAILURE, created=BEGAN + timedelta(minutes=5))
    for run_id in (failed, later):
        front.history.keep(facts_of(run_id, Status.ERROR))
    refused = "retry_not_supported_reason"
    reasons = {each["id"]: each[refused] for each in front.get("runs").data}
    assert reasons == {
        number(failed): "RETRY_NOT_LATEST_RUN",
        number(later): "RETRY_NO_RUN_RESULTS",
    }
    for run_id in (failed, later):
        assert front.get(f"runs/{number(run_id)}").data[refused] == reasons[number(run_id)]
    made = facts_of(later, Status.ERROR)
    left = (ArtifactFacts("04-dbt-build/target/run_results.json", 1),)
    front.history.keep(replace(made, artifacts=left))
    for found in (front.get("runs").data[1], front.get(f"runs/{number(later)}").data):
        assert (found["id"], found["can_retry"], found[refused]) == (number(later), True, None)


def test_a_number_is_no_beginning_of_an_id(front: PastFront):
    """The command line takes both, and would find two runs here."""
    mine = front.history.add(run_id="00000000-0100-4000-8000-000000000000")
    assert number(mine) == 256
    other = front.history.add(run_id="25600000-0000-4000-8000-000000000000")
    assert front.get("runs/256").data["id"] == 256
    assert front.get("runs/25600000").status == 404
    assert front.get(f"runs/{number(other)}").status == 200


def test_a_run_that_is_not_there_or_not_a_jobs_is_404(front: PastFront):
    other = front.history.add("somebody_elses", is_ours=False)
    for path in ("runs/1", f"runs/{number(other)}", "runs/99999999999999999999", "runs/x"):
        found = front.get(path)
        assert (found.status, found.json["status"]["code"]) == (404, 404)
        assert found.json["data"] is None


def test_a_token_sees_runs_of_its_projects_and_environments(filled: PastFront):
    every = filled.get("runs").json["extra"]["pagination"]["total_count"]
    prod = filled.get("runs", token=PRODS, limit=100)
    assert 0 < prod.json["extra"]["pagination"]["total_count"] < every
    assert {each["environment_id"] for each in prod.data} == {20}
    assert filled.get("runs", token=SHOPS).json["extra"]["pagination"]["total_count"] == every
    assert filled.get("runs", token=PRODS, environment_id=21).data == []
    staging = filled.get("runs", environment_id=21, limit=1).data[0]["id"]
    assert filled.get(f"runs/{staging}", token=PRODS).status == 404
    assert filled.get("runs", token=NONE).status == 403


def pages(front: PastFront, limit: int, **query: Any) -> tuple[list[Run], int]:
    """All runs that a query finds, as clients page through them."""
    found, total = list[Run](), 1
    while len(found) < total:
        answer = front.get("runs", limit=limit, offset=len(found), **query)
        assert [*STATUS.faults(answer.json["status"])] == []
        extra = answer.json["extra"]
        assert [*EXTRA.faults(extra)] == []
        assert [*PAGINATION.faults(extra["pagination"])] == []
        assert extra["filters"]["limit"] == limit
        assert extra["filters"]["offset"] == len(found)
        assert extra["pagination"]["count"] == len(answer.data)
        total = extra["pagination"]["total_count"]
        found += answer.data
        if not answer.data:
            break
    return found, total


MIDDLE = BEGAN + timedelta(minutes=COUNT // 4)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def within(first: datetime, last: datetime, name: str) -> Callable[[Run], bool]:
    def test(run: Run) -> bool:
        written = run[name]
        return written is not None and first <= datetime.fromisoformat(written) <= last

    return test


def span(first: datetime, last: datetime) -> list[str]:
    return [first.isoformat(), last.isoformat()]


FILTERS: Mapping[str, tuple[Mapping[str, Any], Callable[[Run], bool]]] = {
    "none": ({}, lambda run: True),
    "job": ({"job_definition_id": 1}, lambda run: run["job_id"] == 1),
    "no such job": ({"job_definition_id": 99}, lambda run: False),
    "project": ({"project_id": 10}, lambda run: run["project_id"] == 10),
    "projects": ({"project_id__in": [10, 11]}, lambda run: run["project_id"] in (10, 11)),
    "another project": ({"project_id": 11}, lambda run: run["project_id"] == 11),
    "environment": ({"environment_id": 21}, lambda run: run["environment_id"] == 21),
    "status": ({"status": 20}, lambda run: run["status"] == 20),
    "statuses": ({"status__in": [1, 2, 3]}, lambda run: run["status"] in (1, 2, 3)),
    "both": ({"status": 10, "status__in": [10, 20]}, lambda run: run["status"] == 10),
    "created": (
        {"created_at__range": span(MIDDLE, MIDDLE + timedelta(minutes=9))},
        within(MIDDLE, MIDDLE + timedelta(minutes=9), "created_at"),
    ),
    "finished": (
        {"finished_at__range": span(BEGAN, FAR)},
        within(BEGAN, FAR, "finished_at"),
    ),
    "finished before": (
        {"finished_at__range": span(BEGAN, MIDDLE)},
        within(BEGAN, MIDDLE, "finished_at"),
    ),
    "version": ({"dbt_version": "1.10.4"}, lambda run: run["dbt_version"] == "1.10.4"),
    "versions": (
        {"dbt_version__in": ["1.10.4", "1.11.2"]},
        lambda run: run["dbt_version"] in ("1.10.4", "1.11.2"),
    ),
    "docs": ({"has_docs_generated": "true"}, lambda run: run["has_docs_generated"]),
    "no docs": ({"has_docs_generated": "False"}, lambda run: not run["has_docs_generated"]),
    "no sources": ({"has_sources_generated": "0"}, lambda run: not run["has_sources_generated"]),
    "state": ({"state": "active"}, lambda run: True),
    "deleted": ({"state": 2}, lambda run: False),
    "several": (
        {"job_definition_id": 2, "status__in": [10], "environment_id": 20},
        lambda run: (run["job_id"], run["status"]) == (2, 10),
    ),
}
ORDERS: Mapping[str, str] = {
    "id": "created_at",
    "-id": "created_at",
    "created_at": "created_at",
    "-created_at": "created_at",
    "finished_at": "finished_at",
    "-finished_at": "finished_at",
    "-created_at,-finished_at": "created_at",
}


@pytest.fixture(scope="module")
def known(filled: PastFront) -> Sequence[Run]:
    """All runs of the history, by pages in the order of their creation."""
    found, total = pages(filled, 100)
    assert total == len(found) == len({each["id"] for each in found}) > 200
    return found


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_what_the_runs_themselves_say(
    filled: PastFront, known: Sequence[Run], name: str
):
    """Acceptance check 12: envelope and pages are true for every filter."""
    query, test = FILTERS[name]
    wanted = {each["id"] for each in known if test(each)}
    found, total = pages(filled, 37, **query)
    assert {each["id"] for each in found} == wanted
    assert total == len(found) == len(wanted)


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_kept_over_all_pages(filled: PastFront, known: Sequence[Run], order: str):
    """A run that has not ended is the last of all in the order of ends, either way.

    Clients read the artifacts of the first run of `-finished_at`.
    """
    found, _ = pages(filled, 41, order_by=order)
    assert {each["id"] for each in found} == {each["id"] for each in known}
    unknown = "0000" if order.startswith("-") else "9999"
    keys = [each[ORDERS[order]] or unknown for each in found]
    assert keys == sorted(keys, reverse=order.startswith("-"))
    assert len(set(keys)) > 20


@pytest.mark.parametrize("name", ["status", "environment", "version"])
def test_filters_and_orders_together(filled: PastFront, known: Sequence[Run], name: str):
    query, test = FILTERS[name]
    found, total = pages(filled, 10, order_by="-finished_at", **query)
    assert total == sum(map(test, known))
    keys = [each["finished_at"] or "0000" for each in found]
    assert keys == sorted(keys, reverse=True)


def test_later_runs_than_another_are_those_created_after_it(
    filled: PastFront, known: Sequence[Run]
):
    """Numbers of runs are in no order: `id__gt` goes by the time of creation, as `order_by=id`."""
    middle = known[len(known) // 2]
    found, _ = pages(filled, 50, id__gt=middle["id"])
    after = {each["id"] for each in known if each["created_at"] > middle["created_at"]}
    assert {each["id"] for each in found} == after
    assert len(after) > 50
    unknown = filled.get("runs", id__gt=1)
    assert unknown.status == 400
    assert "no run 1" in unknown.json["data"]["id__gt"]


def test_runs_by_their_numbers(filled: PastFront, known: Sequence[Run]):
    some = [each["id"] for each in known[3:9]]
    found = filled.get("runs", pk__in=some).data
    assert [each["id"] for each in found] == some
    assert [each["id"] for each in filled.get("runs", pk=some[0]).data] == some[:1]


def test_runs_by_the_run_that_they_defer_to(filled: PastFront, known: Sequence[Run]):
    chosen = next(each["deferring_run_id"] for each in known if each["deferring_run_id"])
    wanted = {each["id"] for each in known if each["deferring_run_id"] == chosen}
    found, _ = pages(filled, 100, deferring_run_id=chosen)
    assert {each["id"] for each in found} == wanted
    assert filled.get("runs", deferring_run_id=5).data == []


def test_the_answer_repeats_the_filters(filled: PastFront):
    extra = filled.get("runs", job_definition_id=1, status__in=[10, 20], limit=5).json["extra"]
    assert extra["filters"] == {
        "limit": 5,
        "offset": 0,
        "state": "all",
        "account_id": 7,
        "job_definition_id": 1,
        "status__in": [10, 20],
    }
    assert extra["order_by"] == "id"


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"created_at__gte": "2026-01-01"}, "created_at__gte"),
        ({"no_such": "1"}, "no_such"),
        ({"status": "4"}, "status"),
        ({"status": "many"}, "status"),
        ({"status__in": "[10,x]"}, "status__in"),
        ({"created_at__range": "2026-01-01"}, "created_at__range"),
        ({"finished_at__range": ["yesterday", "today"]}, "finished_at__range"),
        ({"has_docs_generated": "maybe"}, "has_docs_generated"),
        ({"state": "gone"}, "state"),
        ({"order_by": "status"}, "order_by"),
        ({"limit": "-1"}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"pk": "1.5"}, "pk"),
        ({"id__gt": "1,2"}, "id__gt"),
        ({"job_definition_id": "9" * 30}, "job_definition_id"),
    ],
)
def test_what_is_no_filter_is_400_with_its_place(
    filled: PastFront, query: Mapping[str, Any], place: str
):
    found = filled.get("runs", **query)
    assert found.status == 400
    assert [*found.json["data"]] == [place]
    assert found.json["status"]["is_success"] is False


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("2026-03-02T06:00:00Z,2026-03-02T06:30:00Z", True),
        ("['2026-03-02T06:00:00%2B00:00','2026-03-02T06:30:00%2B00:00']", True),
        ("[%222026-03-02T06:00:00+00:00%22,%222026-03-02T06:30:00+00:00%22]", True),
        ("[%222026-03-02%2006:00:00.000000%2B00:00%22,%222026-03-02%2006:30:00%2B00:00%22]", True),
        ("[%222026-03-02T06:00:00%22,%20%222026-03-02T06:30:00%22]", True),
        ("2026-03-02,2026-03-03", False),
    ],
)
def test_ranges_in_the_spellings_of_clients(
    filled: PastFront, known: Sequence[Run], written: str, same: bool
):
    """A `+` that was not escaped comes as a space."""
    last = BEGAN + timedelta(minutes=30)
    target = f"/api/v2/accounts/7/runs?created_at__range={written}"
    count = filled.raw(target).json["extra"]["pagination"]["total_count"]
    wanted = sum(map(within(BEGAN, last, "created_at"), known))
    assert 0 < wanted < len(known)
    assert (count == wanted) is same


def test_a_page_has_a_hundred_runs_at_most(filled: PastFront):
    answer = filled.get("runs", limit=1000)
    assert len(answer.data) == 100
    assert answer.json["extra"]["filters"]["limit"] == 100


def test_triggers_of_a_list(filled: PastFront):
    found = filled.get("runs", include_related="trigger", limit=20).data
    assert all([*TRIGGER.faults(each["trigger"])] == [] for each in found)
    assert {each["trigger"]["cause_category"] for each in found} <= CAUSES
    assert all([*RUN.faults(each)] == [] for each in found)


def test_the_same_without_an_index(filled: PastFront, tmp_path: Path):
    with past_front(tmp_path, indexed=False) as plain:
        plain.history.fill(COUNT)
        plain.history.spread()
        queries: list[dict[str, Any]] = [
            {},
            {"status": 20},
            {"order_by": "-finished_at", "has_docs_generated": "1"},
        ]
        for query in queries:
            here, there = plain.get("runs", **query), filled.get("runs", **query)
            same = ("status", "git_sha", "can_retry", "retry_not_supported_reason", "dbt_version")
            total = here.json["extra"]["pagination"]["total_count"]
            assert total == there.json["extra"]["pagination"]["total_count"]
            assert [[run[name] for name in same] for run in here.data] == [
                [run[name] for name in same] for run in there.data
            ]
