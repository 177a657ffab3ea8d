"""What a failure stops and what it does not, and going on from there."""

import json
import re
from dataclasses import dataclass

import dagster as dg
import pytest

from deploy_project.cli.commands.runs import listed
from deploy_project.runs.reads.read_model import Runs
from tests.integration.shop import RAW
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

FILES = {
    **PROJECT,
    "models/orders.sql": """
        {{ config(materialized='table') }}
        select * from read_csv('{{ env_var("DEPLOY_STATE") }}/orders.csv')
    """,
    "models/plain.sql": """
        {% if execute and flags.WHICH == 'generate' and env_var('DBT_CLOUD_JOB_ID') == '99' %}
        {{ exceptions.raise_compiler_error('the docs are broken on purpose') }}
        {% endif %}
        select 1 as id
    """,
    "models/sources.yml": """
        sources:
          - name: raw
            tables:
              - name: payments
                config:
                  loaded_at_field: loaded_at
                  freshness: {error_after: {count: 2, period: day}}
        models:
          - name: orders
            columns:
              - name: id
                data_tests: [not_null]
    """,
    "tests/fails.sql": "select 1 as id",
    "tests/warns.sql": "{{ config(severity='warn') }} select 1 as id",
}
JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps:
          - dbt build --exclude test_type:singular
          - dbt run --select plain
        generate_docs: true
      boxes:
        id: 99
        environment: prod
        execute_steps: [dbt run --select plain]
        run_generate_sources: true
        generate_docs: true
      listed_freshness:
        environment: prod
        execute_steps: [dbt source freshness, dbt run --select plain]
      listed_docs:
        environment: prod
        execute_steps: [dbt docs generate --no-such-option, dbt run --select plain]
      tests:
        environment: prod
        execute_steps: [dbt test --select warns, dbt test --select fails, dbt run --select plain]
"""


@dataclass(frozen=True)
class SiteRun:
    """One run of a job on the site that all tests here share."""

    site: Site
    result: Result

    @property
    def run_id(self) -> str:
        return self.result.run_id

    def statuses(self) -> list[str]:
        """The status of each step that follows the implicit ones, by the run's record."""
        return [status for _, status in self.site.statuses(self.run_id)[3:]]

    def listed(self) -> str:
        """How `deploy-project runs` says that it has ended."""
        with self.site.instance() as instance:
            known = Runs(instance, artifacts=self.site.artifacts)
            head, line = listed([known.by_id(self.run_id)], {}).splitlines()
        return line[head.index("STATUS") : head.index("COMMIT")].strip()

    def step_directories(self) -> list[str]:
        found = self.site.directory(self.run_id).iterdir()
        return sorted(each.name for each in found if each.is_dir())[3:]

    def published(self) -> dict[str, str]:
        """The runs that environment `prod` has its state and its docs from."""
        artifacts = self.site.artifacts
        found = {
            "state": artifacts.published(artifacts.environment("prod"), "state"),
            "docs": artifacts.published(artifacts.environment("prod"), "docs"),
        }
        return {what: place.name for what, place in found.items() if place is not None}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("failures"), FILES)
    made.configure(jobs=JOBS)
    made.change(RAW.format(age="3 days"))
    return made


@pytest.fixture(scope="module")
def failed(site: Site) -> SiteRun:
    return SiteRun(site, site.execute("prod__daily"))


def test_a_failing_command_stops_what_follows(failed: SiteRun):
    assert not failed.result.success, "the exit code tells"
    assert failed.site.status(failed.run_id) == "FAILURE"
    assert failed.statuses() == ["Error", "Skipped", "Skipped"]
    assert failed.step_directories() == ["04-dbt-build"]
    step = failed.site.steps(failed.run_id)["04-dbt-build"]
    assert (step["status"], step["exit_code"]) == ("Error", 1)


def test_what_depends_on_a_failed_node_is_skipped(failed: SiteRun):
    counts = failed.site.steps(failed.run_id)["04-dbt-build"]["counts"]
    assert counts == {"error": 1, "skipped": 2, "success": 1}
    assert failed.site.materialized(failed.run_id) == ["prod/plain"]
    planned = failed.site.events(failed.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert {each.asset_key.to_user_string() for each in planned} == {
        *("prod/orders", "prod/plain")
    }, "Dagster shows what is planned and not materialized as failed"
    (skipped,) = failed.site.events(failed.run_id, dg.DagsterEventType.ASSET_OBSERVATION)
    assert skipped.asset_observation.asset_key == dg.AssetKey(["prod", "revenue"])
    assert skipped.asset_observation.description == "Skipped: orders failed"
    assert failed.site.checked(failed.run_id) == []


def test_the_record_of_a_failed_run_says_why_in_dbts_words(failed: SiteRun):
    record = failed.site.record(failed.run_id)
    assert record["status"] == "Error"
    first, *rest = record["message"].splitlines()
    assert first == ("`dbt build --exclude test_type:singular` failed: 1 error, 2 skipped")
    assert rest[0] == "orders: Runtime Error in model orders (models/orders.sql)"
    assert "orders.csv" in "\n".join(rest)
    assert (record["nodes_error"], record["nodes_skipped"]) == (1, 2)
    (failure,) = failed.site.events(failed.run_id, dg.DagsterEventType.STEP_FAILURE)
    assert record["message"] in failure.error_display_string


def test_a_failed_run_keeps_its_artifacts_and_publishes_nothing(failed: SiteRun):
    target = failed.site.directory(failed.run_id, "04-dbt-build") / "target"
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    assert {each["unique_id"]: each["status"] for each in results}["model.tiny.orders"] == "error"
    assert (target / "manifest.json").is_file()
    compiled = target / "compiled" / "tiny" / "models" / "orders.sql"
    assert compiled.is_file()
    console = failed.site.console(failed.run_id, "04-dbt-build")
    assert f"compiled code at {compiled}" in console
    assert failed.published() == {}


@pytest.fixture(scope="module")
def retried(failed: SiteRun) -> SiteRun:
    """The failed run, resumed after its cause was removed and another commit was pushed."""
    site = failed.site
    (site.state.root / "orders.csv").write_text("id,amount\n1,10\n", encoding="utf-8")
    site.push({"models/other.sql": "select 1 as id"})
    return SiteRun(site, site.run("prod__daily", retry_of=failed.run_id))


def test_a_retry_goes_on_from_the_failed_step_on_the_newest_commit(
    failed: SiteRun, retried: SiteRun
):
    assert retried.result.success
    assert retried.statuses() == ["Success", "Success", "Success"]
    assert list(retried.site.steps(retried.run_id)) == [
        "04-dbt-build",
        "05-dbt-run",
        "06-generate-docs",
    ]
    record = retried.site.record(retried.run_id)
    assert record["commit"] != failed.site.record(failed.run_id)["commit"]
    assert record["commit"] == retried.site.git("rev-parse", "HEAD")
    assert "prod/orders" in retried.site.materialized(retried.run_id)


def test_a_retry_tells_that_it_is_one(failed: SiteRun, retried: SiteRun):
    """Its tags were its parent's, the number of the run included."""
    with retried.site.instance() as instance:
        run = instance.get_run_by_id(retried.run_id)
        parent = instance.get_run_by_id(failed.run_id)
    assert run is not None
    assert parent is not None
    assert run.tags["deploy/trigger"] == "rerun"
    assert run.tags[".dagster/deploy_cause"] == f"Rerun of {failed.run_id}"
    assert run.tags["deploy/commit"] != parent.tags["deploy/commit"]
    assert retried.site.record(retried.run_id)["trigger"] == "rerun"


def test_a_retry_that_succeeds_publishes(retried: SiteRun):
    assert retried.published() == {"state": retried.run_id, "docs": retried.run_id}


@pytest.fixture(scope="module")
def boxes(retried: SiteRun) -> SiteRun:
    """A run with stale sources and docs that can't be generated, both check-boxes."""
    return SiteRun(retried.site, retried.site.run("prod__boxes"))


def test_the_check_boxes_fail_without_failing_the_run(boxes: SiteRun):
    assert boxes.result.success
    assert boxes.site.status(boxes.run_id) == "SUCCESS"
    assert boxes.statuses() == ["Error", "Success", "Error"]
    assert boxes.site.record(boxes.run_id)["status"] == "Success"


def test_a_check_box_that_has_failed_leaves_a_trace(boxes: SiteRun):
    """A run whose docs had failed was listed as any other that has succeeded."""
    assert boxes.site.record(boxes.run_id)["failed_steps"] == "source freshness, docs"
    assert boxes.listed() == "Success (source freshness, docs failed)"


def test_a_stale_source_is_reported(boxes: SiteRun):
    target = boxes.site.directory(boxes.run_id, "04-source-freshness") / "target"
    (source,) = json.loads((target / "sources.json").read_bytes())["results"]
    assert source["status"] == "error"
    (check,) = boxes.site.checked(boxes.run_id)
    assert (check.check_name, check.passed, check.severity.value) == ("freshness", False, "ERROR")
    message = boxes.site.steps(boxes.run_id)["04-source-freshness"]["message"]
    assert message.startswith("`dbt source freshness` failed")


def test_broken_docs_leave_the_hosted_ones_as_they_are(retried: SiteRun, boxes: SiteRun):
    assert boxes.published() == {"state": boxes.run_id, "docs": retried.run_id}
    assert "the docs are broken on purpose" in boxes.site.console(boxes.run_id, "06-generate-docs")
    assert "docs" not in boxes.site.record(boxes.run_id)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("listed_freshness", "`dbt source freshness` failed: 1 error\npayments"),
        (
            "listed_docs",
            "`dbt docs generate --no-such-option` failed (exit 2): "
            "No such option '--no-such-option'.",
        ),
    ],
)
def test_as_listed_commands_the_same_fail_the_run(boxes: SiteRun, job: str, message: str):
    done = SiteRun(boxes.site, boxes.site.run(f"prod__{job}"))
    assert boxes.site.status(done.run_id) == "FAILURE"
    assert done.statuses() == ["Error", "Skipped"]
    assert boxes.site.record(done.run_id)["message"] == message
    assert done.published() == boxes.published(), "a failed run publishes nothing"


@pytest.fixture(scope="module")
def tested(boxes: SiteRun) -> SiteRun:
    """Started again as the UI does it: with all tags of a run whose docs have failed."""
    return SiteRun(boxes.site, boxes.site.run("prod__tests", {"deploy/failed_steps": "docs"}))


def test_only_tests_of_severity_error_stop_a_job(tested: SiteRun):
    assert tested.statuses() == ["Success", "Error", "Skipped"]
    record = tested.site.record(tested.run_id)
    assert (record["nodes_warn"], record["nodes_fail"]) == (1, 1)
    assert re.match(
        r"`dbt test --select fails` failed: 1 fail\nfails: Got 1 result, configured to fail if",
        record["message"],
    )


def test_what_has_failed_in_the_run_that_is_repeated_is_not_told_of_this_one(tested: SiteRun):
    assert tested.listed() == "Error (1 warning)"
    assert "failed_steps" not in tested.site.record(tested.run_id)


def test_a_second_run_of_a_commit_does_not_parse_from_scratch(tested: SiteRun):
    for step in ("04-dbt-test", "05-dbt-test-2"):
        console = tested.site.console(tested.run_id, step)
        assert "full parse" not in console
        assert "Unable to do partial parsing" not in console
    assert "were installed before" in tested.site.console(tested.run_id, "03-dbt-deps")
