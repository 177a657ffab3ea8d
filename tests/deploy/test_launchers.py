"""Runs through the launchers of Dagster, by what shares a disk and a database with us."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from deploy_project.orchestration.internals import events, run_process
from deploy_project.orchestration.triggers.lost import start_lost
from tests.deploy.container_runs import IMAGE, PASSWORD, SECRET, Elsewhere
from tests.deploy.containers import Container
from tests.support.waiting import wait

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deploy")]


def eventually(holds: Callable[[], bool], container: Container) -> None:
    def has_come() -> bool:
        assert container.code is None or holds(), container.log.read_text(encoding="utf-8")
        return holds()

    wait(has_come, otherwise=container.log.read_text, every=0.1)


def test_a_run_succeeds_in_a_container(elsewhere: Elsewhere):
    site = elsewhere.site
    with site.instance() as instance:
        run, container = elsewhere.launched("prod__daily", instance)
        commit = site.push({"models/newer.sql": "select 1 as id"})  # it takes its commit itself
        eventually(lambda: site.status(run.run_id) == "SUCCESS", container)
        told = [*instance.all_logs(run.run_id), instance.get_run_by_id(run.run_id)]
    record = site.record(run.run_id)
    assert (record["status"], record["nodes_success"]) == ("Success", 4)
    assert "prod/newer" in site.materialized(run.run_id)
    assert site.query("select characters from told") == [(len(SECRET),)]
    assert run_process.executed_job(container.command, None) == "prod__daily", "it loads no catalog"
    shown = [*map(str, told), *container.command, json.dumps(record)]
    assert not [each for each in shown if SECRET in each or PASSWORD in each]
    assert commit in json.dumps(record)


def test_a_container_is_made_as_docs_deploy_says(elsewhere: Elsewhere):
    with elsewhere.site.instance() as instance:
        run, container = elsewhere.launched("prod__endless", instance)
        container.kill()
        asked = json.dumps(container.asked)
        assert IMAGE in asked
        if "HostConfig" in container.asked:
            assert container.asked["HostConfig"]["Binds"] == ["deploy-project_state:/srv/.deploy"]
            assert container.asked["HostConfig"]["NetworkMode"] == "deploy-project_default"
        else:
            assert SECRET not in asked
            assert PASSWORD not in asked
            spec = container.asked["spec"]["template"]["spec"]
            assert spec["terminationGracePeriodSeconds"] == 120
            assert spec["securityContext"]["runAsUser"] == 10001
            assert [each["name"] for each in spec["volumes"]] == ["state", "tmp"]
            assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/srv/.deploy"
        instance.report_run_failed(run)


def test_a_cancelled_run_ends_its_queries_and_writes_its_record(elsewhere: Elsewhere):
    site = elsewhere.site
    with site.instance() as instance:
        run, container = elsewhere.launched("prod__endless", instance)
        planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        eventually(lambda: bool(site.events(run.run_id, planned)), container)  # dbt is at it
        events.cancel(instance, run_of(instance, run), "moved on")
        eventually(lambda: site.status(run.run_id) == "CANCELED", container)
    assert site.record(run.run_id)["status"] == "Cancelled"


def test_what_is_not_on_this_machine_is_not_declared_dead(elsewhere: Elsewhere):
    with elsewhere.site.instance() as instance:
        run, container = elsewhere.launched("prod__endless", instance)
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert start_lost(instance, now=later) == []
        health = instance.run_launcher.check_run_worker_health(run_of(instance, run))
        assert health.status.value == "RUNNING"
        eventually(lambda: elsewhere.site.status(run.run_id) == "STARTED", container)
        container.kill()
        health = instance.run_launcher.check_run_worker_health(run_of(instance, run))
        assert health.status.value in ("FAILED", "NOT_FOUND")
        instance.report_run_failed(run)


def run_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found
