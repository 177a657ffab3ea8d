"""A run of other steps than its job's: seen, recorded, retried and counted as a run of that job."""

import json
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.runs.instance.deactivation import deactivated
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.requests.by_hand import Wish, by_hand
from deploy_project.runs.requests.retries import retry
from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
      weekly:
        environment: prod
        execute_steps: [dbt test]
"""
STEPS = (
    "dbt run --select orders",
    "dbt run --select broken",
    "dbt run --select revenue",
)


def ask(site: Site, wish: Wish) -> Result:
    request = by_hand(site.deployment.jobs["prod__nightly"], wish, site.deployment)
    return site.run(request.job_name, request.tags, config=request.run_config)


@dataclass(frozen=True)
class Story:
    """A run of two other steps; one whose second step fails, and two runs that go on from it."""

    site: Site
    good: Result
    bad: Result
    left_after_bad: list[tuple[str]]
    ours: Result
    dagsters: Result


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("requested"))
    site.configure(jobs=JOBS)
    site.push({"models/broken.sql": "select * from nowhere"})
    good = ask(
        site,
        Wish(who="ada@laptop", overrides=Overrides((STEPS[0], "dbt run --select revenue"), 1)),
    )
    site.change("drop view main.revenue")
    bad = ask(site, Wish(overrides=Overrides(STEPS)))
    left = site.query("select table_name from information_schema.tables order by 1")
    site.push({"models/broken.sql": "select 1 as id"})
    with site.instance() as instance:
        asked = retry(instance, bad.run_id, who="bob@laptop")
    ours = site.run(asked.job_name, asked.tags, config=asked.run_config)
    site.change("drop view main.revenue")
    dagsters = site.run("prod__requested", retry_of=bad.run_id)
    return Story(site, good, bad, left, ours, dagsters)


def test_each_step_is_seen_with_its_own_status_and_log(story: Story):
    assert story.good.success
    started = {
        entry.step_key
        for entry in _logs(story.site, story.good.run_id, dg.DagsterEventType.STEP_SUCCESS)
    }
    assert started == {
        "plan",
        "step[01_clone_git_repository]",
        "step[02_create_profile]",
        "step[03_dbt_deps]",
        "step[04_dbt_run]",
        "step[05_dbt_run_2]",
    }
    assert "1 of 1 OK created sql view model main.orders" in story.site.console(
        story.good.run_id, "04-dbt-run"
    )


def test_it_is_a_run_of_its_job(story: Story):
    record = story.site.record(story.good.run_id)
    assert (record["job"], record["status"]) == ("prod__nightly", "Success")
    with story.site.instance() as instance:
        found = Runs(instance).by_id(story.good.run_id)
        ids = {each.id for each in Runs(instance).page(Wanted(jobs={"prod__nightly"})).runs}
        run = instance.get_run_by_id(story.good.run_id)
    assert found.job == "prod__nightly"
    assert {story.good.run_id, story.bad.run_id, story.ours.run_id} <= ids
    assert run is not None
    assert run.tags[tags.QUEUE] == "prod__nightly"
    assert run.tags[tags.WHO] == "ada@laptop"


def test_its_overrides_are_told_and_take_effect(story: Story):
    console = story.site.console(story.good.run_id, "01-clone-git-repository")
    assert "Asked for: steps `dbt run --select orders`, `dbt run --select revenue`, threads 1" in (
        console
    )
    assert "Concurrency: 1 threads" in story.site.console(story.good.run_id, "04-dbt-run")


def test_its_facts_have_what_it_was_asked_for(story: Story):
    facts = run_facts.kept(story.site.artifacts, story.good.run_id)
    assert facts is not None
    steps = ["dbt run --select orders", "dbt run --select revenue"]
    assert facts.overrides == {"steps": steps, "threads": 1}
    assert (facts.who, facts.is_strangers) == ("ada@laptop", False)
    assert facts.unpublished == "it has other steps than its job"
    record = story.site.record(story.good.run_id)
    assert record["asked_for"].endswith("threads 1")
    assert record["number"] == str(tags.run_number(story.good.run_id))


def test_a_failed_step_ends_it(story: Story):
    assert not story.bad.success
    assert [status for _, status in story.site.statuses(story.bad.run_id)] == [
        *["Success"] * 4,
        "Error",
        "Skipped",
    ]
    assert story.left_after_bad == [("orders",)]


def test_our_retry_goes_on_from_the_failed_step(story: Story):
    assert story.ours.success
    names = [name for name, _ in story.site.statuses(story.ours.run_id)]
    assert names[4:] == [
        "Invoke dbt with `dbt retry`",
        "Invoke dbt with `dbt run --select revenue`",
    ]
    with story.site.instance() as instance:
        run = instance.get_run_by_id(story.ours.run_id)
    assert run is not None
    assert (run.job_name, run.tags[tags.WHO]) == ("prod__requested", "bob@laptop")


def test_dagsters_re_execution_from_failure_does_the_rest_too(story: Story):
    assert story.dagsters.success
    assert story.site.query("select count(*) from main.revenue") == [(1,)]
    with story.site.instance() as instance:
        run = instance.get_run_by_id(story.dagsters.run_id)
    assert run is not None
    assert tags.who(run.tags) == "", "the parent's tag"


def test_its_failure_counts_for_the_job_as_it_is_configured(story: Story):
    with story.site.instance() as instance:
        run = instance.get_run_by_id(story.bad.run_id)
        assert run is not None
        nightly = story.site.deployment.jobs["prod__nightly"]
        assert deactivated(instance, nightly) is None
    whole = story.site.run("prod__nightly")
    with story.site.instance() as instance:
        usual = instance.get_run_by_id(whole.run_id)
    assert usual is not None
    assert usual.tags[tags.DEFINITION] == run.tags[tags.DEFINITION]


def test_the_next_run_of_the_job_knows_nothing_of_it(story: Story):
    again = story.site.run("prod__nightly")
    assert again.success
    assert [name for name, _ in story.site.statuses(again.run_id)][3:] == [
        "Invoke dbt with `dbt build`"
    ]


def test_the_launchpad_takes_the_jobs_identifier(story: Story):
    config = {"ops": {"plan": {"config": {"job": "weekly", "steps": ["dbt run -s orders"]}}}}
    run = story.site.run("prod__requested", config=config)
    assert run.success
    assert story.site.record(run.run_id)["job"] == "prod__weekly"
    with story.site.instance() as instance:
        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.tags[tags.QUEUE] == "prod__weekly"


def test_in_a_process_of_its_own_each_step_is_done_once(story: Story, tmp_path: Path):
    """Dagster names all its steps as one to execute; each op did those after it as well."""
    config = {"ops": {"plan": {"config": {"job": "nightly", "steps": [*STEPS[:1], *STEPS[2:]]}}}}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    run = story.site.execute("prod__requested", "--config", str(file))
    assert run.success, run.output
    assert run.output.count("=== Step ") == 5
    assert sorted(story.site.materialized(run.run_id)) == ["prod/orders", "prod/revenue"]


def test_a_tag_that_names_another_job_than_the_configuration_is_refused(story: Story):
    config = {"ops": {"plan": {"config": {"job": "nightly"}}}}
    run = story.site.run("prod__requested", {tags.JOB: "prod__weekly"}, config=config)
    assert not run.success


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"job": "nope"}, "'nope' is no job of environment 'prod'"),
        ({"job": "nightly", "steps": ["rm -rf /"]}, "override 'steps.0': the command is not a dbt"),
    ],
)
def test_what_nobody_can_run_is_told(story: Story, config: dict[str, object], said: str):
    run = story.site.run("prod__requested", config={"ops": {"plan": {"config": config}}})
    assert not run.success
    failures = [
        str(entry.dagster_event.event_specific_data)
        for entry in _logs(story.site, run.run_id, dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event
    ]
    assert any(said in each for each in failures)


def test_a_run_that_was_refused_has_what_it_was_asked_for_in_its_facts(story: Story):
    """They were empty, as if nobody had asked for anything."""
    config = {"job": "nightly", "steps": ["rm -rf /"], "threads": 2}
    run = story.site.run("prod__requested", config={"ops": {"plan": {"config": config}}})
    facts = run_facts.kept(story.site.artifacts, run.run_id)
    assert facts is not None
    assert facts.overrides == {"steps": ["rm -rf /"], "threads": 2}
    assert facts.reason.startswith("override 'steps.0': the command is not a dbt command")
    assert story.site.record(run.run_id)["asked_for"] == "steps `rm -rf /`, threads 2"


def _logs(site: Site, run_id: str, kind: dg.DagsterEventType) -> list[dg.EventLogEntry]:
    with site.instance() as instance:
        return list(instance.all_logs(run_id, of_type=kind))
