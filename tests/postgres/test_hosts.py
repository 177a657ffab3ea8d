"""Two hosts serve one deployment: any of them runs any job at any commit, defers and publishes."""

import json
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import requests

from deploy_project.ci.schemas.ledger import entries
from deploy_project.cli import main
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.triggers.run_records import look
from deploy_project.releases import pointer
from deploy_project.runs.outcome.ends import Cursor
from deploy_project.runs.store.artifacts import COMMENT
from tests.postgres import fleet as fleets
from tests.postgres.fleet import Fleet
from tests.support.history.retries import whole_plan
from tests.support.servers.forwarder import forwarding
from tests.support.servers.postgres_server import Server
from tests.support.servers.s3 import SECRET, Store
from tests.support.servers.serving import served
from tests.support.waiting import PATIENCE, ended, wait

pytestmark = pytest.mark.slow

OLD = "01d" + "0" * 37
PULL_REQUEST = 4


@dataclass(frozen=True)
class Story:
    """What has run where; each name is that of a run."""

    fleet: Fleet
    first: str
    """The commit that A has deployed."""
    second: str
    """The head after that, which B alone has built."""
    third: str
    """What A has deployed then, and B has never seen."""
    daily_on_b: str
    slim_on_a: str
    quick_on_a: str
    slim_on_b: str
    old_on_b: str
    late_on_a: str
    retry_on_b: str
    by_hand_on_b: str
    checks_on_b: str


@pytest.fixture(scope="module")
def fleet(
    server: Server, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Fleet]:
    with fleets.running(tmp_path_factory.mktemp("fleet"), server, store) as running:
        yield running


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    a, b = fleet.a, fleet.b
    first = fleet.deploy()
    daily_on_b = fleet.run(b, "prod__daily")
    slim_on_a = fleet.run(a, "staging__slim")
    revenue = "select 2 * sum(amount) as revenue from {{ ref('orders') }}"
    second = a.push({"models/revenue.sql": revenue})
    quick_on_a = fleet.run(a, "prod__quick")
    slim_on_b = fleet.run(b, "staging__slim")
    old_on_b = fleet.run(b, "prod__quick", {"deploy/commit": first})
    late_on_a = fleet.run(a, "prod__late")
    fleet.server.execute("create table raw.late as select 1 as id", fleets.DATABASE)
    fleet.server.execute("grant select on raw.late to fleet", fleets.DATABASE)
    retry_on_b = fleet.run(b, "prod__late", whole_plan(late_on_a))
    third = a.push({"models/orders.sql": "select 1 as id, 30 as amount"})
    fleet.deploy()
    by_hand_on_b = fleet.run(b, "__ASSET_JOB", assets=["prod/orders"])
    return Story(
        fleet,
        first,
        second,
        third,
        daily_on_b,
        slim_on_a,
        quick_on_a,
        slim_on_b,
        old_on_b,
        late_on_a,
        retry_on_b,
        by_hand_on_b,
        _checks(fleet),
    )


def _checks(fleet: Fleet) -> str:
    """Build a pull request on B, where an old checkout lies about."""
    site = fleet.a
    old = fleet.b.state.checkout("fleet", OLD)
    old.tree.mkdir(parents=True)
    old.in_use.touch()
    long_ago = time.time() - timedelta(days=30).total_seconds()
    os.utime(old.in_use, (long_ago, long_ago))
    site.git("checkout", "--quiet", "-B", "feature")
    commit = site.push({"models/revenue.sql": "select 7 as revenue"}, ref="feature")
    site.git("push", "--quiet", "origin", f"HEAD:refs/pull/{PULL_REQUEST}/head")
    site.git("checkout", "--quiet", "main")
    tags = {"deploy/pull_request": str(PULL_REQUEST), "deploy/commit": commit}
    return fleet.run(fleet.b, "staging__checks", tags)


@pytest.mark.parametrize(
    "name",
    [
        *("daily_on_b", "slim_on_a", "quick_on_a", "slim_on_b", "old_on_b", "retry_on_b"),
        *("by_hand_on_b", "checks_on_b"),
    ],
)
def test_any_host_runs_any_job(story: Story, name: str):
    run_id = getattr(story, name)
    assert story.fleet.status(run_id) == "SUCCESS", story.fleet.output(run_id)


def test_a_run_builds_its_own_commit_wherever_it_is(story: Story):
    fleet = story.fleet
    assert fleet.commit(story.daily_on_b) == story.first
    assert fleet.commit(story.quick_on_a) == fleet.commit(story.slim_on_b) == story.second
    assert fleet.commit(story.old_on_b) == story.first


def test_each_defers_to_what_the_other_has_published(story: Story):
    assert story.fleet.deferred_to(story.slim_on_a) == story.daily_on_b
    assert story.fleet.deferred_to(story.slim_on_b) == story.quick_on_a


def test_steps_are_whole_and_their_records_come_last(story: Story):
    fleet = story.fleet
    steps = {each.name for each in fleet.kept(story.daily_on_b).iterdir() if each.is_dir()}
    assert {"04-dbt-build", "05-generate-docs"} <= steps
    written = fleet.store.written()
    for step in steps:
        own = [key for key in written if f"{story.daily_on_b}/{step}/" in key]
        assert own[-1].endswith("/step.json")
    build = f"fleet/runs/{story.daily_on_b}/04-dbt-build/target/"
    assert {f"{build}manifest.json", f"{build}run_results.json"} <= set(fleet.store.keys(build))


def test_docs_of_one_host_are_served_by_the_other(story: Story):
    fleet = story.fleet
    assert fleet.published("docs") == story.daily_on_b
    with served(fleet.a.deployment, fleet.a.state) as url:
        answer = requests.get(f"{url}/docs/prod/manifest.json", timeout=PATIENCE)
    assert "model.fleet.orders" in answer.json()["nodes"]


def test_records_are_those_of_one_host(story: Story):
    record = story.fleet.a.record(story.daily_on_b)
    assert (record["status"], record["nodes_success"]) == ("Success", 2)
    assert record["artifacts"] == f"s3://artifacts/fleet/runs/{story.daily_on_b}"
    assert story.fleet.a.record(story.late_on_a)["status"] == "Error"


def test_the_models_of_a_run_elsewhere_are_in_the_catalog(story: Story):
    assert set(story.fleet.a.materialized(story.daily_on_b)) == {"prod/orders", "prod/revenue"}


def test_the_end_of_a_run_elsewhere_starts_what_waits_for_it(story: Story):
    repository = story.fleet.a.definitions().get_repository_def()
    sensor = repository.get_sensor_def("job_completions")
    context = dg.build_sensor_context(story.fleet.instance, None, repository_def=repository)
    cursor = json.loads(sensor.evaluate_tick(context).cursor or "")
    assert cursor
    again = json.dumps({**cursor, "last": 0, "seen": {}})
    context = dg.build_sensor_context(story.fleet.instance, again, repository_def=repository)
    requests_made = sensor.evaluate_tick(context).run_requests or []
    upstream = {each.tags[".dagster/deploy_upstream_run"] for each in requests_made}
    assert story.daily_on_b in upstream


def test_a_failure_on_one_host_is_retried_on_the_other(story: Story):
    fleet = story.fleet
    assert fleet.status(story.late_on_a) == "FAILURE"
    step = json.loads((fleet.kept(story.retry_on_b, "04-dbt-run") / "step.json").read_bytes())
    assert step["name"] == "Invoke dbt with `dbt retry`"
    assert step["counts"] == {"success": 1}


def test_by_hand_the_commit_is_prepared_that_only_the_other_host_has(story: Story):
    """Such a run could not load its definitions: the models of the commit were not there."""
    fleet = story.fleet
    assert fleet.a.materialized(story.by_hand_on_b) == ["prod/orders"]
    event = fleet.a.events(story.by_hand_on_b, dg.DagsterEventType.ASSET_MATERIALIZATION)[0]
    assert event.materialization.metadata["commit"] == dg.TextMetadataValue(story.third)
    assert fleet.ask("select amount from prod.orders") == [(30,)]
    at = pointer.deployed(fleet.b.state, "prod")
    assert at is not None
    assert at.commit != story.third, "executing a run deploys nothing"


def test_a_pull_request_is_built_compared_and_told(story: Story):
    kept = story.fleet.kept(story.checks_on_b)
    assert "`revenue`" in (kept / COMMENT).read_text(encoding="utf-8")
    (compared,) = kept.glob("*/compare.json")
    assert "revenue" in compared.read_text(encoding="utf-8")


def test_old_checkouts_go_where_nothing_is_deployed(story: Story):
    """Only deploying evicted checkouts: a host of pull requests kept each of them for ever."""
    assert story.fleet.commit(story.checks_on_b)
    assert not story.fleet.b.state.checkout("fleet", OLD).root.exists()


def test_what_one_host_has_built_for_a_pull_request_the_other_drops(story: Story):
    fleet, own = story.fleet, f"dbt_cloud_pr_{_id(story, 'checks')}_{PULL_REQUEST}"
    schemas = "select nspname from pg_namespace where nspname like 'dbt_cloud_pr_%'"
    assert fleet.ask(schemas) == [(own,)]
    fleet.a.git("push", "--quiet", "origin", f":refs/pull/{PULL_REQUEST}/head")
    swept = fleet.run(fleet.a, "staging__ci_sweep")
    assert fleet.status(swept) == "SUCCESS", fleet.output(swept)
    assert fleet.ask(schemas) == []
    assert entries(fleet.a.artifacts) == []


def _id(story: Story, job: str) -> int:
    return story.fleet.a.deployment.jobs[f"staging__{job}"].id


def test_logs_are_read_on_any_host(
    story: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(story.fleet.a.root)
    assert main(["logs", story.daily_on_b]) == 0
    assert "Found 4 models" in capsys.readouterr().out


def test_the_stores_credentials_are_nowhere(story: Story):
    fleet = story.fleet
    for key in fleet.store.keys(f"fleet/runs/{story.daily_on_b}/"):
        body = fleet.store.client.get_object(Bucket="artifacts", Key=key)["Body"].read()
        assert SECRET.encode() not in body
    with fleet.a.instance() as instance:
        said = "\n".join(str(entry) for entry in instance.all_logs(story.daily_on_b))
    assert SECRET not in said


def test_a_host_that_loses_the_store_says_so_and_publishes_nothing(story: Story):
    fleet = story.fleet
    before = fleet.published("state")
    run = fleet.requested("prod__quick")
    with forwarding(fleet.store.port) as way:
        process = fleet.start(fleet.b, run, AWS_ENDPOINT_URL=f"http://127.0.0.1:{way.port}")
        kept = f"{run.run_id}/03-dbt-deps/step.json"

        def is_kept() -> bool:
            assert process.poll() is None, fleet.output(run.run_id)
            return any(key.endswith(kept) for key in fleet.store.written())

        wait(is_kept, every=0.1)
        way.cut()
        ended(process)
    record = fleet.a.record(run.run_id)
    assert (fleet.status(run.run_id), record["status"]) == ("FAILURE", "Error")
    place = f"s3://artifacts/fleet/runs/{run.run_id}/04-dbt-run"
    assert f"keeping the artifacts of step '04-dbt-run' at {place} failed: " in record["message"]
    assert record["message"].endswith("and may read and write there")
    assert fleet.published("state") == before
    assert not (fleet.kept(run.run_id, "04-dbt-run") / "step.json").exists()


@dataclass(frozen=True)
class Killed:
    """A run whose host has lost its power, and what A has done about it."""

    run_id: str
    without_the_store: tuple[list[str], list[str]]
    """What was written, and warned of, while A could not reach the store."""
    written: list[str]


@pytest.fixture(scope="module")
def killed(story: Story) -> Killed:
    fleet = story.fleet
    run = fleet.requested("prod__endless")
    process = fleet.start(fleet.b, run)
    wait(
        lambda: any("pg_sleep" in each for each in fleet.server.sessions(fleets.DATABASE)),
        otherwise=lambda: fleet.output(run.run_id),
        every=0.3,
    )
    fleets.kill(process)
    fleet.instance.report_run_failed(run, "The host is gone")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy_project.runs.store.artifacts.Artifacts.run", _unreachable)
        _, nothing = _look(fleet, said.append)
    _, written = _look(fleet, said.append)
    return Killed(run.run_id, (nothing, said), written)


def _unreachable(artifacts: object, run_id: str) -> object:
    from upath import UPath

    return UPath("ftp://127.0.0.1:9/runs") / run_id


def _look(fleet: Fleet, warn: object) -> tuple[Cursor, list[str]]:
    now = datetime.now(UTC) + timedelta(minutes=5)
    cursor = Cursor(now - timedelta(hours=1))
    a = fleet.a
    return look(a.deployment, a.state, fleet.instance, cursor, now, warn, LISTENERS)  # pyright: ignore[reportArgumentType]


def test_a_run_killed_on_one_host_gets_its_record_from_the_other(killed: Killed, story: Story):
    site = story.fleet.a
    # The facts of the run that lost the store may have been written then, too.
    own = [each for each in killed.written if killed.run_id in each]
    assert own == [f"Wrote the record of run {killed.run_id} of prod__endless"]
    record = site.record(killed.run_id)
    assert (record["status"], record["commit"]) == ("Error", story.third)
    assert "The host is gone" in record["message"]
    assert [status for _, status in site.statuses(killed.run_id)] == [
        *("Success", "Success", "Success", "Error")
    ]


def test_its_record_waits_for_the_store(killed: Killed):
    """What it had done was not to be seen, and was called skipped."""
    written, said = killed.without_the_store
    assert written == []
    assert any(killed.run_id in each and "can't be written yet" in each for each in said)
