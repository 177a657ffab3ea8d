"""Materializing a selection by hand: just these nodes, on the deployed commit."""

import json
import logging

import dagster as dg
import pytest

from deploy_project.releases.prepare import deploy, prepare
from deploy_project.runs.reads.read_model import Runs
from tests.support.deployments.site import DEPLOY, PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

FILES = {
    **PROJECT,
    "models/orders.sql": """
        {{ config(materialized='table') }}
        select * from read_csv('{{ env_var("DEPLOY_STATE") }}/orders.csv')
    """,
    "models/schema.yml": """
        models:
          - name: orders
            columns:
              - name: id
                data_tests: [not_null]
    """,
}
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("by_hand"), FILES)
    made.configure(jobs=JOBS, deploy=DEPLOY + "    account: {run_slots: 2}\n")
    deployment = made.deployment
    environment = deployment.environments["prod"]
    head = made.git("rev-parse", "HEAD")
    ready = prepare(deployment, environment, head, made.state, on_line=lambda _: None)
    deploy(deployment, environment, ready, made.state)
    made.push({"models/plain.sql": "select 1 as id"}, "Not deployed yet")
    return made


def materialize(site: Site, selection: str) -> Result:
    before = set(site.run_ids())
    command = ("asset", "materialize", "-m", "deploy_project.definitions", "--select", selection)
    process = site.start(*command)
    output, _ = process.communicate()
    (run_id,) = set(site.run_ids()) - before
    return Result(run_id, process.returncode == 0, output)


@pytest.fixture(scope="module")
def failed(site: Site) -> Result:
    return materialize(site, 'key:"prod/orders"')


@pytest.fixture(scope="module")
def done(site: Site, failed: Result) -> Result:
    (site.state.root / "orders.csv").write_text("id,amount\n1,10\n", encoding="utf-8")
    return materialize(site, 'key:"prod/orders"')


def test_a_model_that_fails_fails_the_run_with_dbts_message(site: Site, failed: Result):
    assert not failed.success
    assert site.status(failed.run_id) == "FAILURE"
    (failure,) = site.events(failed.run_id, dg.DagsterEventType.STEP_FAILURE)
    assert "Runtime Error in model orders (models/orders.sql)" in failure.error_display_string
    assert "orders.csv" in failure.error_display_string
    assert site.materialized(failed.run_id) == []
    assert site.events(failed.run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION) == []


def test_just_the_selection_is_built_and_checked(site: Site, done: Result):
    assert done.success, done.output
    assert site.materialized(done.run_id) == ["prod/orders"]
    (check,) = site.events(done.run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert (check.check_name, check.passed) == ("not_null_orders_id", True)
    target = site.directory(done.run_id, "04-dbt-build") / "target"
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    assert [each["unique_id"].split(".")[2] for each in results] == ["orders", "not_null_orders_id"]


def test_it_is_the_deployed_commit(site: Site, done: Result):
    (event,) = site.events(done.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    deployed = site.state.deployed("prod").read_text(encoding="utf-8").partition(":")[0]
    assert event.materialization.metadata["commit"] == dg.TextMetadataValue(deployed)
    assert deployed != site.git("rev-parse", "HEAD")
    assert site.artifacts.published(site.artifacts.environment("prod"), "state") is None


def test_runs_of_jobs_wait_for_it_once_it_has_begun(site: Site, done: Result):
    with site.instance() as instance:
        run = instance.get_run_by_id(done.run_id)
    assert run is not None
    assert run.tags.items() >= {".dagster/deploy_slots_2": "account"}.items()


def test_it_is_listed_with_its_commit_and_trigger(site: Site, done: Result):
    with site.instance() as instance:
        found = Runs(instance).by_id(done.run_id)
        assert done.run_id in [each.id for each in Runs(instance).page(limit=5).runs]
    deployed = site.state.deployed("prod").read_text(encoding="utf-8").partition(":")[0]
    assert (found.job, found.commit, found.branch) == ("prod__by_hand", deployed, "main")
    assert (found.trigger.category, found.trigger.cause) == ("ui", "Materialized by hand")


def test_nothing_warns_of_results_that_were_reported_meanwhile(site: Site, done: Result):
    with site.instance() as instance:
        said = list(instance.all_logs(done.run_id))
    assert [each.message for each in said if each.level in (logging.WARNING, logging.ERROR)] == []
    assert [each.message for each in said if "did not yield" in each.user_message] == []
    assert len(site.checked(done.run_id)) == 1, "evaluated once"


def test_the_scratch_space_is_reclaimed(site: Site, done: Result):
    assert list(site.state.all_work.iterdir()) == []
