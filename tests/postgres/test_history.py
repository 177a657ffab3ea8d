"""Dagster's instance on Postgres: all that is told of runs, and who reads it."""

from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from deploy_project.cli import main
from deploy_project.orchestration.internals import events
from deploy_project.orchestration.internals.connections import keep_connections
from deploy_project.orchestration.jobs.queue import supersede
from deploy_project.orchestration.triggers.completions import parsed, text
from deploy_project.runs.model import tags
from tests.postgres.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shop on Postgres")]

OWN = ("dagster/run_key", "the newer one's")
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("deploy_project"), "__repository__"),
    "prod__daily",
)


def test_the_history_is_in_postgres_and_nowhere_else(shop: Shop):
    found = {run_id for (run_id,) in shop.server.execute("select run_id from runs", "history")}
    assert {each.run_id for each in (shop.first, shop.second, shop.changed)} <= found
    assert not list(shop.site.root.rglob("history/*.db"))


def test_a_run_reports_all_that_it_does(shop: Shop):
    site, run_id = shop.site, shop.first.run_id
    built = {f"prod/{name}" for name in ("countries", "payments", "payments_history", "revenue")}
    assert set(site.materialized(run_id)) == built
    planned = site.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert {each.asset_key.to_user_string() for each in planned} == built
    checks = site.checked(run_id)
    assert {each.check_name: each.passed for each in checks} == {
        "not_null_payments_id": True,
        "unique_payments_id": True,
        "freshness": True,
    }
    record = site.record(run_id)
    assert (record["status"], record["nodes_success"]) == ("Success", 4)
    assert site.status(run_id) == "SUCCESS"


def test_the_end_of_a_run_starts_the_job_that_waits_for_it(shop: Shop):
    repository = shop.site.definitions().get_repository_def()
    sensor = repository.get_sensor_def("job_completions")

    def tick(cursor: str | None) -> SensorExecutionData:
        with shop.site.instance() as instance:
            return sensor.evaluate_tick(
                dg.build_sensor_context(instance, cursor, repository_def=repository)
            )

    state = parsed(tick(None).cursor)
    assert state is not None
    long_ago = tick(text(replace(state, last=0, seen={})))
    (request,) = long_ago.run_requests or []
    assert request.job_name == "prod__after_daily"
    assert request.tags[".dagster/deploy_upstream_run"] == shop.first.run_id
    assert tick(long_ago.cursor).run_requests == []


def test_only_one_scheduled_run_waits(shop: Shop):
    job = shop.site.definitions().resolve_job_def("prod__daily")
    own = {tags.JOB: "prod__daily", tags.TRIGGER: "scheduled"}
    with shop.site.instance() as instance:
        waiting = instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.QUEUED, tags=own, remote_job_origin=ORIGIN
        )
        assert supersede(instance, "prod__daily", "scheduled", own=OWN) == [waiting.run_id]
        said = [entry.user_message or entry.message for entry in instance.all_logs(waiting.run_id)]
    assert shop.site.status(waiting.run_id) == "CANCELED"
    assert any("takes its place" in each for each in said)


def test_the_command_line_reads_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(shop.site.root)
    monkeypatch.setenv("DEPLOY_CONFIG", "deploy.yaml")
    monkeypatch.setenv("DEPLOY_STATE", str(shop.site.state.root))
    assert main(["runs", "--status", "success"]) == 0
    listed = capsys.readouterr().out
    order = [listed.index(run.run_id[:8]) for run in (shop.changed, shop.second, shop.first)]
    assert order == sorted(order)
    assert main(["logs", shop.first.run_id[:8]]) == 0
    assert "Found 2 models" in capsys.readouterr().out


def test_the_connection_of_the_event_log_is_kept_and_made_again_when_it_was_lost(shop: Shop):
    """An event took ten times as long on Postgres, for each statement made a connection."""
    key = dg.AssetKey(["prod", "kept"])
    others = set(backends(shop))
    with shop.site.instance() as instance:
        run = dg.DagsterRun("somebody's")
        instance.add_run(run)
        keep_connections(instance)

        def tell(number: int) -> set[int]:
            told = dg.AssetMaterialization(key, metadata={"number": number})
            events.report_materialization(instance, run, told)
            return set(backends(shop)) - others

        (kept,) = tell(1)
        assert tell(2) == {kept}
        shop.server.execute(f"select pg_terminate_backend({kept})")
        (another,) = tell(3)
        assert another != kept
        found = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert len(found) == 3


def backends(shop: Shop) -> list[int]:
    rows = shop.server.execute("select pid from pg_stat_activity where datname = 'history'")
    return [int(pid) for (pid,) in rows]
