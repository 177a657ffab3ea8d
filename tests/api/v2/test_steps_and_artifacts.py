"""Steps with their logs, and artifacts, over HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.runs.model import tags
from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, to_json
from deploy_project.runs.store.logs import LEFT_OUT
from tests.support.api.api_fields import STEP
from tests.support.history.past_front import DAILY, NONE, PRODS, PastFront, past_front
from tests.support.history.past_runs import BEGAN, facts_of

CHAIN = steps(DAILY)
NAMES = [
    "Clone git repository",
    "Create profile from connection prod",
    "Invoke dbt with `dbt deps`",
    "Invoke dbt with `dbt source freshness`",
    "Invoke dbt with `dbt seed`",
    "Invoke dbt with `dbt build`",
    "Invoke dbt with `dbt docs generate`",
]
FAILURE, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED


@pytest.fixture
def front(tmp_path: Path) -> Iterator[PastFront]:
    with past_front(tmp_path) as made:
        yield made


def record(step: Step, status: Status = Status.SUCCESS, **more: Any) -> StepRecord:
    begun = BEGAN + timedelta(seconds=10 * step.index)
    ended = begun + timedelta(seconds=3)
    known: dict[str, Any] = {"arguments": step.arguments, **more}
    return StepRecord(step.index, step.key, step.name, step.kind, status, begun, ended, **known)


def written(
    front: PastFront, run_id: str, step: Step, files: dict[str, str], *, ended: bool
) -> Path:
    """Write the files of a step: among the artifacts once it has ended, else on this machine."""
    kept = Path(front.history.artifacts.run(run_id).path)
    place = (kept if ended else front.state.work(run_id) / "steps") / step.directory
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return place


def kept(front: PastFront, run_id: str, records: Sequence[StepRecord]) -> RunFacts:
    made = replace(facts_of(run_id, Status.ERROR), steps=tuple(records))
    front.history.keep(made)
    return made


def shown(front: PastFront, run_id: str, **query: Any) -> list[Any]:
    path, related = f"runs/{tags.run_number(run_id)}", query.pop("related", "run_steps")
    found = front.get(path, include_related=related, **query).data["run_steps"]
    assert [fault for each in found for fault in STEP.faults(each)] == []
    return found


def test_the_steps_of_an_ended_run(front: PastFront):
    """The names are those that dbt Cloud has; clients read the commands between the backticks."""
    run_id = front.history.add(status=FAILURE)
    ends = [*[Status.SUCCESS] * 4, Status.ERROR, Status.SKIPPED, Status.SKIPPED]
    kept(front, run_id, [record(step, end) for step, end in zip(CHAIN, ends, strict=True)])
    found = shown(front, run_id)
    assert [each["name"] for each in found] == NAMES
    assert [each["index"] for each in found] == [*range(1, 8)]
    assert [each["status_humanized"] for each in found] == [each.value for each in ends]
    assert [each["status"] for each in found] == [10, 10, 10, 10, 20, 30, 30]
    failed, never = found[4], found[5]
    assert (failed["duration"], failed["duration_humanized"]) == ("00:00:03", "3 seconds")
    assert failed["started_at"] == "2026-03-02 06:00:50.000000+00:00"
    assert failed["run_step_command"] == {"run_step_id": failed["id"], "dbt_command": "dbt seed"}
    assert (never["started_at"], never["finished_at"]) == (None, None)
    assert never["duration"] == "00:00:00"


def test_the_steps_of_a_run_in_progress(front: PastFront):
    run_id = front.history.add(status=STARTED)
    for step in CHAIN[:4]:
        files = {"step.json": to_json(record(step)), "console.log": f"said by {step.index}\n"}
        written(front, run_id, step, files, ended=True)
    written(front, run_id, CHAIN[4], {"console.log": "so far\n"}, ended=False)
    found = shown(front, run_id)
    assert [each["name"] for each in found] == NAMES
    assert [each["status"] for each in found] == [10, 10, 10, 10, 3, 1, 1]
    assert [each["logs"] for each in found[3:]] == ["said by 4\n", "so far\n", "", ""]
    assert found[4]["started_at"] == found[3]["finished_at"]
    assert (found[4]["finished_at"], found[5]["started_at"]) == (None, None)


@pytest.mark.parametrize("status", [FAILURE, dg.DagsterRunStatus.CANCELED])
def test_the_step_in_which_a_run_was_killed_has_its_end(
    front: PastFront, status: dg.DagsterRunStatus
):
    """Until the facts of the run are written; what came before has its own end."""
    run_id = front.history.add(status=status)
    front.history.spread()
    for step in CHAIN[:4]:
        written(front, run_id, step, {"step.json": to_json(record(step))}, ended=True)
    written(front, run_id, CHAIN[4], {"console.log": "so far\n"}, ended=False)
    found = shown(front, run_id)
    code = 20 if status is FAILURE else 30
    assert [each["status"] for each in found] == [10, 10, 10, 10, code, 30, 30]
    words = [each["status_humanized"] for each in found[4:]]
    assert words == ["Error" if status is FAILURE else "Cancelled", "Skipped", "Skipped"]
    assert found[4]["finished_at"] is not None
    assert found[4]["logs"] == "so far\n"
    ended = {"step.json": to_json(record(CHAIN[4], Status.ERROR))}
    written(front, run_id, CHAIN[4], ended, ended=True)
    assert [each["status"] for each in shown(front, run_id)[4:]] == [20, 30, 30]


def test_a_run_that_waits_has_no_steps_and_one_that_starts_has_none_begun(front: PastFront):
    queued = front.history.add(status=dg.DagsterRunStatus.QUEUED)
    assert shown(front, queued) == []
    starting = front.history.add(status=dg.DagsterRunStatus.STARTING)
    assert {each["status_humanized"] for each in shown(front, starting)} == {"Queued"}


def test_the_steps_that_a_retry_leaves_out_are_not_shown(front: PastFront):
    run_id = front.history.add(status=FAILURE)
    left_out = record(CHAIN[4], Status.SKIPPED, done_by="another")
    kept(front, run_id, [*map(record, CHAIN[:4]), left_out, *map(record, CHAIN[5:])])
    assert [each["index"] for each in shown(front, run_id)] == [1, 2, 3, 4, 6, 7]


def test_a_run_of_a_job_that_is_gone_shows_what_it_has_left(front: PastFront):
    run_id = front.history.add("prod__gone", dg.DagsterRunStatus.SUCCESS)
    written(front, run_id, CHAIN[0], {"step.json": to_json(record(CHAIN[0]))}, ended=True)
    assert [each["name"] for each in shown(front, run_id)] == NAMES[:1]


def test_debug_logs_are_whole_when_asked_for_and_else_their_last_lines(front: PastFront):
    """RUN-4 and RUN-5: a thousand lines."""
    run_id = front.history.add(status=FAILURE)
    kept(front, run_id, [record(CHAIN[0])])
    lines = [f"line {number}\n" for number in range(1500)]
    files = {"console.log": "console\n", "dbt.log": "".join(lines)}
    written(front, run_id, CHAIN[0], files, ended=True)
    [short] = shown(front, run_id)
    assert short["debug_logs"] == ""
    assert short["truncated_debug_logs"] == "".join([f"{LEFT_OUT}\n", *lines[500:]])
    [whole] = shown(front, run_id, related="run_steps,debug_logs")
    assert (whole["debug_logs"], whole["truncated_debug_logs"]) == ("".join(lines), "")
    assert whole["logs"] == short["logs"] == "console\n"
    path = f"steps/{short['id']}"
    assert front.get(path).data == short
    assert front.get(path, include_related="debug_logs").data == whole


def test_a_long_line_is_cut_at_half_a_megabyte(front: PastFront):
    run_id = front.history.add(status=FAILURE)
    kept(front, run_id, [record(CHAIN[0])])
    written(front, run_id, CHAIN[0], {"dbt.log": "x" * 600_000 + "\nlast\n"}, ended=True)
    [found] = shown(front, run_id)
    assert found["truncated_debug_logs"] == f"{LEFT_OUT}\nlast\n"


def test_the_log_of_a_step_in_progress_is_scrubbed_as_it_is_read(
    front: PastFront, monkeypatch: pytest.MonkeyPatch
):
    """A debug log is scrubbed as a file only when its step has ended."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word-of-the-store")
    run_id = front.history.add(status=STARTED)
    text = "begin word-of-the-store end\n"
    written(front, run_id, CHAIN[0], {"console.log": text, "dbt.log": text}, ended=False)
    found = shown(front, run_id)[0]
    assert found["logs"] == found["truncated_debug_logs"] == "begin ***** end\n"


def test_a_step_by_its_id(front: PastFront):
    run_id = front.history.add(status=FAILURE)
    kept(front, run_id, [*map(record, CHAIN)])
    third = shown(front, run_id)[2]
    assert third["id"] == tags.run_number(run_id) * 128 + 3 < 1 << 55
    found = front.get(f"steps/{third['id']}").data
    assert (found["name"], found["run_id"]) == (NAMES[2], tags.run_number(run_id))
    for path in (f"steps/{third['id'] + 100}", "steps/3", "steps/0"):
        assert front.get(path).status == 404
    assert front.get(f"steps/{third['id']}", token=NONE).status in (403, 404)


def test_steps_are_seen_by_whoever_sees_the_run(front: PastFront):
    run_id = front.history.add("staging__checks", FAILURE)
    kept(front, run_id, [record(CHAIN[0])])
    step = shown(front, run_id)[0]["id"]
    assert front.get(f"steps/{step}", token=PRODS).status == 404


@pytest.fixture
def run_id(front: PastFront) -> str:
    """A run whose steps have left artifacts."""
    found = front.history.add(status=FAILURE)
    for step in CHAIN[:4]:
        files = {"step.json": "{}", "console.log": "said", "dbt.log": "more"}
        written(front, found, step, files, ended=True)
    written(front, found, CHAIN[3], {"target/sources.json": '{"of": 4}'}, ended=True)
    for step in CHAIN[4:6]:
        files = {
            "target/manifest.json": f'{{"of": {step.index}}}',
            "target/run_results.json": f'{{"of": {step.index}}}',
            "target/compiled/shop/models/an order.sql": f"select {step.index}",
            "previous/run_results.json": "{}",
        }
        written(front, found, step, files, ended=True)
    written(front, found, CHAIN[6], {"target/index.html": "<script>1</script>"}, ended=True)
    return found


def test_the_list_of_artifacts_is_that_of_the_files(front: PastFront, run_id: str):
    number = tags.run_number(run_id)
    assert front.get(f"runs/{number}/artifacts").data == [
        "compiled/shop/models/an order.sql",
        "index.html",
        "manifest.json",
        "run_results.json",
        "sources.json",
    ]
    empty = front.history.add()
    assert front.get(f"runs/{tags.run_number(empty)}/artifacts/").data == []


def test_an_artifact_is_the_file_of_its_step_or_of_the_last_one_with_it(
    front: PastFront, run_id: str
):
    place = f"runs/{tags.run_number(run_id)}/artifacts"
    last = front.get(f"{place}/manifest.json")
    assert (last.status, last.content) == (200, b'{"of": 6}')
    assert last.headers["content-type"] == "application/json"
    assert front.get(f"{place}/manifest.json", step=5).content == b'{"of": 5}'
    assert front.get(f"{place}/sources.json").content == b'{"of": 4}'
    assert front.get(f"{place}/sources.json", step=5).status == 404
    assert front.get(f"{place}/manifest.json", step=99).status == 404
    assert front.get(f"{place}/manifest.json", step="x").status == 400
    sql = front.get(f"{place}/compiled/shop/models/an order.sql")
    assert (sql.content, sql.headers["content-type"]) == (b"select 6", "text/plain; charset=utf-8")
    page = front.get(f"{place}/index.html")
    assert page.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert page.headers["x-content-type-options"] == "nosniff"


TRAVERSALS = (
    *("../step.json", "..%2fstep.json", "%2e%2e/step.json", "%2e%2e%2fstep.json"),
    *("..%252fstep.json", "../../../secret", "compiled/../../step.json", "/etc/passwd"),
    *("//etc/passwd", "%2fetc%2fpasswd", "manifest.json%00", "%00", ".", "..", "./manifest.json"),
    *("manifest.json%0a", "..%5cstep.json", "a" * 1500, "compiled", "compiled/", "%ff", "link"),
    *("linked/secret", "compiled//shop/models/an%20order.sql"),
)


@pytest.mark.parametrize("path", TRAVERSALS, ids=lambda path: path[:30])
def test_nothing_but_artifacts_is_served(front: PastFront, run_id: str, tmp_path: Path, path: str):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "secret").write_text("nobody's business", encoding="utf-8")
    target = Path(front.history.artifacts.run(run_id).path) / CHAIN[5].directory / "target"
    (target / "link").symlink_to(secret / "secret")
    (target / "linked").symlink_to(secret)
    number = tags.run_number(run_id)
    found = front.raw(f"/api/v2/accounts/7/runs/{number}/artifacts/{path}")
    assert (found.status, found.json["data"]) == (404, None)
    assert str(tmp_path).encode() not in found.content
    assert "link" not in front.get(f"runs/{number}/artifacts").data


def test_the_artifact_of_a_job_is_that_of_its_last_success(front: PastFront):
    """The state that others compare with; of other ends when they are asked for."""
    add, path = front.history.add, "jobs/1/artifacts/manifest.json"
    ends = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS, FAILURE]
    for place, status in enumerate(ends):
        made = add(status=status, created=BEGAN + timedelta(minutes=place))
        files = {"target/manifest.json": f"{place}"}
        written(front, made, CHAIN[5], files, ended=True)
    add(status=dg.DagsterRunStatus.SUCCESS, created=BEGAN + timedelta(minutes=5))
    assert front.get(path).content == b"1"
    assert front.get(path, status=20).content == b"2"
    assert front.get(path, status__in=[10, 20]).content == b"2"
    assert front.get(path, no_such="x").status == 400
    assert front.get("jobs/1/artifacts/catalog.json").status == 404
    assert front.get("jobs/3/artifacts/manifest.json").status == 404
    assert front.get("jobs/99/artifacts/manifest.json").status == 404
    assert front.get("jobs/1/artifacts/manifest.json", token=NONE).status in (403, 404)
