"""`dagster dev` on a deployment of its own: deploy, merge, materialize, launch, cancel."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from deploy_project.releases import pointer
from tests.e2e.dagster_dev import DagsterDev, dagster_dev
from tests.support.deployments.site import ENDLESS, PROJECT, make_site
from tests.support.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

JOBS = """
    jobs:
      on_merge:
        environment: prod
        execute_steps: [dbt build --exclude slow]
        triggers: {on_merge: true}
      slow:
        environment: prod
        execute_steps: [dbt run --select slow]
        triggers: {schedule: true}
        schedule: {cron: "0 4 * 1 MON#1", timezone: Europe/Berlin}
"""
DEPLOY = """
    dagster_url: URL
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterDev]:
    site = make_site(
        tmp_path_factory.mktemp("dev"),
        {**PROJECT, "models/slow.sql": ENDLESS},
    )
    port = free_port()
    site.configure(deploy=DEPLOY.replace("URL", f"http://127.0.0.1:{port}"), jobs=JOBS)
    with dagster_dev(site, port=port) as dev:
        yield dev


@pytest.fixture
def dev(running: DagsterDev) -> Iterator[DagsterDev]:
    yield running
    print(running.tail())  # shown when the test fails


def tables(dev: DagsterDev) -> set[object]:
    return {name for (name,) in dev.site.query("select table_name from information_schema.tables")}


def test_a_new_deployment_shows_its_models_without_running_anything(dev: DagsterDev):
    assets = dev.wait("model in the definitions", lambda: _with(dev, "prod/revenue"))
    assert assets.keys() >= {"prod/orders", "prod/revenue", "prod/slow", "prod/jobs/slow"}
    assert "prod/not_deployed_yet" not in assets
    deployed = pointer.deployed(dev.site.state, "prod")
    assert deployed is not None
    assert deployed.commit == dev.site.git("rev-parse", "HEAD")
    assert dev.runs() == []
    (first, *_) = reversed(dev.sensor_ticks("tiny_merges"))
    assert (first["status"], first["skipReason"]) == (
        "SKIPPED",
        f"prod: deployed {deployed.commit}",
    )


def test_materializing_a_model_by_hand_builds_just_that_model(dev: DagsterDev):
    dev.wait("model in the definitions", lambda: _with(dev, "prod/orders"))
    done = dev.ended(dev.launch("__ASSET_JOB", "orders"))
    assert (done.status, done.built) == ("SUCCESS", {"prod/orders"})
    assert tables(dev) == {"orders"}
    assert dev.assets()["prod/orders"] == done.id


def test_a_push_is_built_and_shown(dev: DagsterDev):
    dev.wait("model in the definitions", lambda: _with(dev, "prod/orders"))
    commit = dev.site.push({"models/customers.sql": "select 7 as id from {{ ref('orders') }}"})
    (run,) = dev.wait("merge run", lambda: dev.runs(trigger="merge"))
    done = dev.ended(run.id)
    assert (done.status, done.job) == ("SUCCESS", "prod__on_merge")
    assert done.tags["deploy/commit"] == commit[:7]
    assert done.tags["deploy/branch"] == "main"
    assert [each for each in done.tags if "deploy" in each] == [
        *("deploy/branch", "deploy/commit", "deploy/trigger"),
    ]
    models = {"prod/orders", "prod/revenue", "prod/customers"}
    assert done.built == {*models, "prod/jobs/on_merge"}
    assert dev.site.query("select id from customers") == [(7,)]
    assets = dev.wait("new model in the definitions", lambda: _with(dev, "prod/customers"))
    assert assets["prod/customers"] == done.id
    assert len(dev.runs(trigger="merge")) == 1


def test_a_run_that_is_cancelled_ends_so_and_its_dbt_with_it(dev: DagsterDev):
    dev.wait("model in the definitions", lambda: _with(dev, "prod/slow"))
    run_id = dev.launch("prod__slow", tags={"deploy/cause": "Somebody wants it", "team": "shop"})
    dev.wait("run that builds the slow model", lambda: run_id in dev.building("slow"))
    running = dev.run(run_id)
    assert running.status == "STARTED"
    assert (
        running.tags.items()
        >= {
            "team": "shop",
            "deploy/trigger": "ui",
            "deploy/cause": "Somebody wants it",
            "deploy/commit": dev.site.git("rev-parse", "HEAD")[:7],
            "deploy/branch": "main",
        }.items()
    )
    assert dev.dbt_processes()

    dev.terminate(run_id)
    done = dev.ended(run_id)
    assert done.status == "CANCELED"
    assert done.built == {"prod/jobs/slow"}, "the record of the run, and no model"
    dev.wait("end of dbt", lambda: not dev.dbt_processes())


def test_the_ui_shows_when_a_schedule_fires_next(dev: DagsterDev):
    dev.wait("model in the definitions", lambda: _with(dev, "prod/slow"))
    start = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    query = """
        query($schedule: ScheduleSelector!, $start: Float!) {
          scheduleOrError(scheduleSelector: $schedule) {
            ... on Schedule {
              scheduleState { status }
              futureTicks(limit: 2, cursor: $start) { results { timestamp } }
            }
          }
        }
    """
    named = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "deploy_project",
        "scheduleName": "prod__slow_schedule",
    }
    found = dev.ask(query, schedule=named, start=start)["scheduleOrError"]
    assert found["scheduleState"]["status"] == "RUNNING"
    times = [each["timestamp"] for each in found["futureTicks"]["results"]]
    assert [time.strftime("%Y-%m-%d %H:%M", time.gmtime(each)) for each in times] == [
        "2027-01-04 03:00",
        "2028-01-03 03:00",
    ]


def _with(dev: DagsterDev, asset: str) -> dict[str, str] | None:
    found = dev.assets()
    return found if asset in found else None
