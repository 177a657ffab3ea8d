"""The front beside a running Dagster: runs that are started, cancelled and repeated over HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from deploy_project.config.values.tokens import digest
from tests.support.api.api_fields import JOB, RUN, STEP, TRIGGER
from tests.support.deployments.site import ENDLESS, make_site
from tests.support.ports import free_port
from tests.support.running.running_front import RunningFront, running_dagster, running_front
from tests.support.waiting import wait

pytestmark = pytest.mark.e2e

DEPLOY = f"""
    account: {{id: 7, name: Acme}}
    projects:
      tiny: {{repository: REMOTE, id: 10}}
    environments:
      prod: {{type: production, branch: main, target: prod, id: 20}}
      empty: {{branch: main, target: prod, id: 21}}
    dagster_url: URL
    tokens:
      ci:
        sha256: {digest("secret-ci")}
        permissions: [job_runner, override_steps, override_code]
      reader: {{sha256: {digest("secret-reader")}, permissions: [job_viewer]}}
      creator: {{sha256: {digest("secret-creator")}, permissions: [job_creator]}}
"""
JOBS = """
    jobs:
      daily: {id: 1, environment: prod, execute_steps: [dbt build --exclude tag:bad]}
      failing: {id: 2, environment: prod, execute_steps: [dbt build --select failing]}
      endless: {id: 3, environment: prod, execute_steps: [dbt build --select endless]}
"""
MODELS = {
    "models/failing.sql": "{{ config(tags='bad') }} select nothing from nowhere",
    "models/endless.sql": "{{ config(tags='bad') }}" + ENDLESS,
}


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFront]:
    site = make_site(tmp_path_factory.mktemp("front"))
    site.push(MODELS)
    port = free_port()
    site.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", f"http://127.0.0.1:{port}"))
    with running_dagster(site, port), running_front(site, token="secret-ci") as front:
        yield front


def test_a_triggered_run_can_be_read_at_once_and_ends(caller: RunningFront):
    asked = caller.trigger(1, steps_override=None, schema_override=None)
    assert asked["status"] == 1
    assert caller.run(asked["id"])["id"] == asked["id"]
    done = caller.ended(asked["id"])
    assert (done["status"], done["status_humanized"]) == (10, "Success")
    audit = caller.site.state.audit.read_text(encoding="ascii").splitlines()
    assert [each["remark"] for each in map(json.loads, audit) if each["outcome"] == 200][-1] == (
        f"run {asked['id']}"
    )


def test_a_failed_run_is_repeated_from_its_failure(caller: RunningFront):
    failed = caller.ended(caller.trigger(2)["id"])
    assert failed["status"] == 20
    status, answer = caller.call("GET", f"runs/{failed['id']}/retry/")
    assert (status, answer["data"]) == (
        200,
        {"failed_step": "Invoke dbt with `dbt build --select failing`", "skipped_steps": []},
    )
    status, answer = caller.call("POST", f"runs/{failed['id']}/retry")
    assert status == 200, answer
    again = caller.ended(answer["data"]["id"])
    assert again["id"] != failed["id"]
    status, answer = caller.call("POST", "jobs/2/rerun/")
    assert status == 200
    assert caller.ended(answer["data"]["id"])["status"] == 20


def test_a_run_that_has_not_failed_is_not_retried(caller: RunningFront):
    done = caller.ended(caller.trigger(1)["id"])
    status, answer = caller.call("POST", f"runs/{done['id']}/retry/")
    assert status == 400
    assert "RETRY_NOT_FAILED_RUN" in answer["data"]


def test_a_cancelled_run_ends_and_one_that_has_ended_stays_as_it_is(caller: RunningFront):
    number = caller.trigger(3)["id"]
    wait(lambda: caller.run(number)["status"] == 3, every=0.5)
    status, _ = caller.call("POST", f"runs/{number}/cancel")
    assert status == 200
    assert caller.ended(number)["status"] == 30
    status, answer = caller.call("POST", f"runs/{number}/cancel/")
    assert (status, answer["data"]["status"]) == (200, 30)
    _, answer = caller.call("GET", f"runs/{number}/?include_related=audit")
    assert answer["data"]["audit"]["cancellation"]["actor"]["name"] == "ci"


def test_a_queued_run_is_cancelled(caller: RunningFront):
    first, second = caller.trigger(3)["id"], caller.trigger(3)["id"]
    assert caller.call("POST", f"runs/{second}/cancel")[0] == 200
    assert caller.ended(second)["status"] == 30
    assert caller.call("POST", f"runs/{first}/cancel")[0] == 200
    assert caller.ended(first)["status"] == 30


def test_twenty_triggers_in_a_moment_are_twenty_runs(caller: RunningFront):
    with ThreadPoolExecutor(20) as pool:
        numbers = [each["id"] for each in pool.map(caller.trigger, [3] * 20)]
    assert len(set(numbers)) == 20
    for number in reversed(numbers):
        caller.call("POST", f"runs/{number}/cancel")
    for number in numbers:
        assert caller.ended(number)["status"] == 30


def test_one_idempotency_key_is_one_run(caller: RunningFront):
    def trigger(key: str) -> int:
        status, answer = caller.call("POST", "jobs/1/run", {"cause": "x"}, Idempotency_Key=key)
        assert status == 200, answer
        return answer["data"]["id"]

    with ThreadPoolExecutor(5) as pool:
        same = set(pool.map(trigger, ["a"] * 5))
    assert len(same) == 1
    assert trigger("b") not in same
    status, answer = caller.call("POST", "jobs/1/run", {"cause": "y"}, Idempotency_Key="a")
    assert (status, "another body" in answer["status"]["user_message"]) == (422, True)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "cause"),
        ({"cause": ""}, "cause"),
        ({"cause": "x", "stepz_override": []}, "stepz_override"),
        ({"cause": "x", "threads_override": "four"}, "threads_override"),
        ({"cause": "x", "git_sha": "main"}, '{"git_sha": "\'main\' is not a full commit id'),
        ({"cause": "x", "git_branch": "nowhere"}, '{"git_branch": "branch \'nowhere\''),
        ({"cause": "x", "schema_override": "no; drop"}, '{"schema_override": "\'no; drop\''),
        ({"cause": "x", "steps_override": ["rm -rf /"]}, "'steps_override.0': the command"),
        ({"cause": "x", "threads_override": 0}, "'threads_override'"),
        ({"cause": "x", "dbt_version_override": "one"}, "'dbt_version_override' is not"),
        ({"cause": "x", "target_name_override": "-"}, "'target_name_override' is no name"),
        ({"cause": "x", "github_pull_request_id": 3}, "together with git_sha or git_branch"),
        (
            {"cause": "x", "github_pull_request_id": 3, "git_branch": "main"},
            "or non_native_pull_request_id out",
        ),
    ],
)
def test_a_bad_body_is_refused_with_its_place(
    caller: RunningFront, fields: dict[str, Any], where: str
):
    status, answer = caller.call("POST", "jobs/1/run/", fields)
    assert status == 400
    assert where in json.dumps(answer["data"])
    assert "--" not in json.dumps(answer["data"]), "the options of the command line"
    assert str(caller.site.root) not in json.dumps(answer)


def test_what_is_no_json_is_refused(caller: RunningFront):
    status, answer = caller.call("POST", "jobs/1/run/", '{"cause": "x",}')
    assert status == 400
    assert "not JSON" in answer["data"]


def test_tokens_are_asked_for(caller: RunningFront):
    assert caller.call("GET", "runs/1", token="wrong")[0] == 401
    assert caller.call("POST", "jobs/1/run/", {"cause": "x"}, token="secret-reader")[0] == 403
    assert (
        replace(caller, account=8).call("GET", "runs/1", Authorization="Bearer secret-ci")[0] == 403
    )
    assert caller.call("POST", "jobs/99/run/", {"cause": "x"})[0] == 404


def test_a_removed_token_is_refused_within_seconds(caller: RunningFront):
    file = caller.site.root / "deploy.yaml"
    before = file.read_text(encoding="utf-8")
    lines = [line for line in before.splitlines() if "reader:" not in line]
    file.write_text("\n".join(lines), encoding="utf-8")
    wait(lambda: caller.call("GET", "runs/1", token="secret-reader")[0] == 401, every=0.2)
    file.write_text(before, encoding="utf-8")
    wait(lambda: caller.call("GET", "runs/1", token="secret-reader")[0] == 404, every=0.2)


RELATED = "trigger,job,environment,repository,run_steps,audit,used_repo_cache"


def whole(caller: RunningFront, number: int) -> dict[str, Any]:
    """A run with all related objects, judged by the fields that dbt Cloud's has."""
    status, answer = caller.call("GET", f"runs/{number}/?include_related={RELATED}")
    assert status == 200, answer
    found: dict[str, Any] = answer["data"]
    steps: list[dict[str, Any]] = found["run_steps"]
    assert [*RUN.faults(found), *TRIGGER.faults(found["trigger"]), *JOB.faults(found["job"])] == []
    assert [fault for step in steps for fault in STEP.faults(step)] == []
    return found


def test_the_object_of_a_run_is_whole_from_its_queue_to_its_end(caller: RunningFront):
    """In each state that Dagster goes through; steps end one by one, with their logs so far."""
    asked = caller.trigger(3)
    first, second = asked["id"], caller.trigger(3)["id"]
    seen = {asked["status"]}  # by the next look it may have left the queue

    def is_building() -> bool:
        found = whole(caller, first)
        seen.add(found["status"])
        steps = {step["name"]: step for step in found["run_steps"]}
        build = steps.get("Invoke dbt with `dbt build --select endless`")
        return build is not None and build["status"] == 3 and "endless" in build["logs"]

    wait(is_building, every=0.1)
    assert seen >= {1, 3}
    running, waiting = whole(caller, first), whole(caller, second)
    assert [step["status"] for step in running["run_steps"]] == [10, 10, 10, 3]
    assert running["run_steps"][0]["logs"].startswith("=== Step 1 of 4: Clone git repository")
    assert (waiting["status"], waiting["blocked_by"], waiting["run_steps"]) == (1, [first], [])
    assert waiting["audit"]["trigger"]["actor"]["name"] == "ci"
    for number in (second, first):
        assert caller.call("POST", f"runs/{number}/cancel/")[0] == 200
    for number in (second, first):
        wait(lambda number=number: whole(caller, number)["is_cancelled"], every=0.5)
    head = caller.site.git("rev-parse", "HEAD", cwd=caller.site.working_copy).strip()
    assert whole(caller, first)["git_sha"] == head


def test_the_objects_of_runs_that_have_ended(caller: RunningFront):
    good, bad = (caller.ended(caller.trigger(job)["id"])["id"] for job in (1, 2))
    for number, code in ((good, 10), (bad, 20)):
        found = whole(caller, number)
        assert found["status"] == code
        assert found["artifacts_saved"] is True
        last = found["run_steps"][-1]
        assert "Done." in last["logs"]
        assert last["truncated_debug_logs"]
        status, listed = caller.call("GET", f"runs/{number}/artifacts/")
        assert status == 200
        assert {"manifest.json", "run_results.json"} <= {*listed["data"]}
        status, results = caller.call("GET", f"runs/{number}/artifacts/run_results.json?step=4")
        assert (status, results["args"]["which"]) == (200, "build")
        status, step = caller.call("GET", f"steps/{last['id']}")
        assert (status, step["data"]) == (200, last)
    failed = whole(caller, bad)
    assert "nowhere" in failed["status_message"]
    assert (failed["can_retry"], failed["retry_not_supported_reason"]) == (True, None)
    assert whole(caller, good)["retry_not_supported_reason"] == "RETRY_NOT_FAILED_RUN"


def test_a_job_that_was_just_made_runs_at_once_and_then_as_its_own(caller: RunningFront):
    """The first job of its environment, which Dagster has not heard of."""
    made = {"name": "Made now", "environment_id": 21, "execute_steps": ["dbt build -s orders"]}
    status, answer = caller.call("POST", "jobs/", made, token="secret-creator")
    assert status == 201, answer
    job = answer["data"]["id"]
    first = caller.trigger(job)["id"]
    loaded = caller.site.state.api_jobs_loaded
    wait(loaded.exists, every=0.2)
    second = caller.trigger(job)["id"]
    ended = [caller.ended(each) for each in (first, second)]
    assert [(each["status"], each["job_id"]) for each in ended] == [(10, job)] * 2
    assert _dagster_jobs(caller) == {"empty__requested", "empty__made_now"}
    changed = {"execute_steps": ["dbt build -s orders", "dbt test"]}
    status, answer = caller.call("POST", f"jobs/{job}/", changed, token="secret-creator")
    assert status == 200, answer
    third = caller.ended(caller.trigger(job)["id"])
    assert third["status"] == 10
    _, answer = caller.call("GET", f"runs/{third['id']}?include_related=run_steps")
    assert [step["name"] for step in answer["data"]["run_steps"]][
        -1
    ] == "Invoke dbt with `dbt test`"
    status, answer = caller.call("DELETE", f"jobs/{job}", token="secret-creator")
    assert (status, answer["data"]["state"]) == (200, 2)
    assert caller.call("GET", f"jobs/{job}")[0] == 404


def _dagster_jobs(caller: RunningFront) -> set[str]:
    """The Dagster jobs of the runs in the environment without a job of its own."""
    with caller.site.instance() as instance:
        return {run.job_name for run in instance.get_runs() if run.job_name.startswith("empty__")}
