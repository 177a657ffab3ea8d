"""At most one run of a kind waits (Q-4, Q-6)."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.values import deployment
from deploy_project.orchestration.internals import run_queue
from deploy_project.orchestration.jobs.queue import supersede, unguaranteed
from deploy_project.runs.model import tags
from deploy_project.runs.model.tags import Category
from tests.support.deployments.dagster_jobs import ORIGIN, daily
from tests.support.paths import ROOT


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(
    instance: dg.DagsterInstance,
    trigger: str,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
    others: Mapping[str, str] | None = None,
) -> str:
    made = {tags.JOB: "prod__daily", tags.TRIGGER: trigger, **(others or {})}
    made_run = instance.create_run_for_job(
        daily, status=status, tags=made, remote_job_origin=ORIGIN
    )
    return made_run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


OWN = (tags.RUN_KEY, "prod__daily:abc")
EXEMPT = ("api", "ci", "ui", "rerun", "job completion")


@pytest.mark.parametrize("category", ["scheduled", "merge"])
def test_only_the_same_trigger_of_the_same_job_gives_way(
    instance: dg.DagsterInstance, category: Category
):
    """Q-4's exemptions: what people and programs have asked for is done, however late."""
    waiting = [run(instance, category) for _ in range(2)]
    other: Category = "merge" if category == "scheduled" else "scheduled"
    stay = [
        *(run(instance, each) for each in (*EXEMPT, other)),
        run(instance, category, others={tags.JOB: "prod__hourly"}),
        run(instance, category, others={tags.PARENT: "abc"}),  # a rerun has its parent's tags
    ]
    started = run(instance, category, dg.DagsterRunStatus.STARTED)
    assert set(supersede(instance, "prod__daily", category, own=OWN)) == set(waiting)
    assert {status(instance, each) for each in waiting} == {dg.DagsterRunStatus.CANCELED}
    assert {status(instance, each) for each in stay} == {dg.DagsterRunStatus.QUEUED}
    assert status(instance, started) is dg.DagsterRunStatus.STARTED


def test_a_tick_that_is_made_again_does_not_cancel_its_own_run(instance: dg.DagsterInstance):
    """A daemon killed after the start and before the cursor cancelled the merge: nothing ran."""
    before, own = run(instance, "merge"), run(instance, "merge", others=dict([OWN]))
    assert supersede(instance, "prod__daily", "merge", own=OWN) == [before]
    assert status(instance, own) is dg.DagsterRunStatus.QUEUED


def test_the_cancelled_run_says_why(instance: dg.DagsterInstance):
    waiting = run(instance, "merge")
    supersede(instance, "prod__daily", "merge", own=OWN)
    said = [entry.user_message or entry.message for entry in instance.all_logs(waiting)]
    assert any("a newer merge of job 'prod__daily' takes its place" in each for each in said)


def test_nothing_waits(instance: dg.DagsterInstance):
    assert supersede(instance, "prod__daily", "scheduled", own=OWN) == []


QUEUE = ".dagster/deploy_queue"
RULES = {QUEUE, ".dagster/deploy_limit_1", ".dagster/deploy_slots_2"}


@pytest.mark.parametrize(
    ("counted", "rules", "waited", "words"),
    [
        ([QUEUE, ".dagster/deploy_limit_1"], RULES, True, None),
        ([], None, False, None),
        ([QUEUE], RULES, False, "started by hand, in a process of its own"),
        ([QUEUE], None, False, "This Dagster has no run queue"),
        ([QUEUE], None, True, "runs of one job may overlap"),
        ([QUEUE, ".dagster/deploy_slots_3"], RULES, True, "no rule for .dagster/deploy_slots_3:"),
        ([QUEUE], set[str](), False, "no rule for .dagster/deploy_queue:"),
        ([QUEUE], {"deploy/queue", "deploy/limit_1"}, True, "that of an older version"),
    ],
)
def test_what_the_queue_can_not_promise(
    counted: list[str], rules: set[str] | None, waited: bool, words: str | None
):
    said = unguaranteed(counted, rules, waited=waited)
    assert said is None if words is None else said is not None and words in said
    assert "\n" not in (said or "")


def test_our_dagster_yaml_has_a_rule_for_every_number_that_may_be_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        rules = run_queue.queue_rules(instance)
    assert queue is not None
    limits = {rule["key"]: rule["limit"] for rule in queue.tag_concurrency_limits}
    assert limits == {
        QUEUE: 1,
        **{f".dagster/deploy_limit_{number}": number for number in deployment.RULES},
        **{f".dagster/deploy_slots_{number}": number for number in deployment.RULES},
    }
    assert all(rule["value"]["applyLimitPerUniqueValue"] for rule in queue.tag_concurrency_limits)
    assert rules == limits.keys()
