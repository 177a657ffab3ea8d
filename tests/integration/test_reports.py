"""What Dagster is told of a run: assets, checks, freshness, the run's record and tags, its logs."""

import dagster as dg
import pytest

from deploy_project.config.environment import person
from tests.integration.daily import STEPS, DailyRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daily run")]


def test_built_nodes_are_planned_and_materialized(daily: DailyRun):
    site = daily.site
    assert sorted(site.materialized(daily.run_id)) == [
        "prod/countries",
        "prod/orders",
        "prod/revenue",
        "prod/variables",
    ]
    planned = site.events(daily.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert {each.asset_key.to_user_string() for each in planned} == {
        *site.materialized(daily.run_id)
    }


def test_a_materialization_tells_where_from_how_long_and_how_much(daily: DailyRun):
    found = {
        event.materialization.asset_key.to_user_string(): event.materialization
        for event in daily.site.events(daily.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    }
    revenue, countries = found["prod/revenue"], found["prod/countries"]
    assert revenue.description == "3 of 3: revenue"
    text = {
        name: str(value.text)
        for name, value in revenue.metadata.items()
        if isinstance(value, dg.TextMetadataValue)
    }
    assert text.pop("invocation_id")
    assert text.pop("thread").startswith("Thread-")
    assert text.pop("dbt_version").count(".") == 2
    assert text.pop("adapter").startswith("duckdb ")
    assert " of it compiling" in text.pop("time")
    assert text == {
        "commit": daily.commit,
        "branch": "main",
        "job": "prod__daily",
        "trigger": "api",
        "target": "live",
        "dagster/table_name": "warehouse.main.revenue",
        "status": "success",
        "message": "OK",
    }
    types = {
        name: type(value)
        for name, value in revenue.metadata.items()
        if not isinstance(value, dg.TextMetadataValue)
    }
    assert types == {
        "execution_seconds": dg.FloatMetadataValue,
        "compile_seconds": dg.FloatMetadataValue,
        "queue_seconds": dg.FloatMetadataValue,
        "started_at": dg.TimestampMetadataValue,
        "compiled_sql": dg.MarkdownMetadataValue,
    }
    assert "select sum(amount) as revenue from" in str(revenue.metadata["compiled_sql"].value)
    assert countries.metadata["rows_affected"] == dg.IntMetadataValue(2)


def test_tests_are_checks_with_their_severity(daily: DailyRun):
    found = daily.site.checked(daily.run_id)
    told = {
        (each.asset_key.to_user_string(), each.check_name): (each.passed, each.severity.value)
        for each in found
    }
    assert told == {
        ("prod/raw/payments", "freshness"): (True, "ERROR"),
        ("prod/orders", "not_null_orders_id"): (True, "ERROR"),
        ("prod/orders", "accepted_values_orders_amount__False__10"): (False, "WARN"),
        ("prod/orders", "orders_are_positive"): (True, "ERROR"),
        ("prod/revenue", "revenue_adds_up"): (True, "ERROR"),
    }
    warned = next(each for each in found if not each.passed)
    assert warned.description == "Got 1 result, configured to warn if != 0"
    assert warned.metadata["failures"] == dg.IntMetadataValue(1)
    assert warned.metadata["severity"] == dg.TextMetadataValue("warn")


def test_the_freshness_of_a_source_is_observed(daily: DailyRun):
    (observed,) = daily.site.events(daily.run_id, dg.DagsterEventType.ASSET_OBSERVATION)
    observation = observed.asset_observation
    assert observation.asset_key == dg.AssetKey(["prod", "raw", "payments"])
    assert isinstance(observation.metadata["max_loaded_at"], dg.TimestampMetadataValue)
    assert 3600 <= observation.metadata["age_seconds"].value < 3900
    assert observation.metadata["error_after"] == dg.TextMetadataValue("2 days")


def test_the_record_is_the_run_overview(daily: DailyRun):
    found = daily.site.record(daily.run_id)
    assert (
        found.items()
        >= {
            "status": "Success",
            "trigger": "api",
            "cause": "Kicked off from the command line",
            "commit": daily.commit,
            "branch": "main",
            "job": "prod__daily",
            "environment": "prod",
            "nodes_success": 4,
            "nodes_pass": 3,
            "nodes_warn": 1,
            "run": daily.run_id,
            "run_url": f"http://127.0.0.1:3000/runs/{daily.run_id}",
            "artifacts": str(daily.site.directory(daily.run_id)),
        }.items()
    )
    assert "message" not in found
    assert 0 < found["critical_path_seconds"] <= found["wall_clock_seconds"] < found["run_seconds"]
    assert found["queue_seconds"] >= 0
    assert found["peak_concurrency"] >= 1
    assert {"longest", "latest_start", "peak_at", "average_active", "slowest_nodes"} <= set(found)
    assert found["model_timing"].startswith("![Model timing](data:image/svg+xml;base64,")


def test_the_run_carries_its_tags(daily: DailyRun):
    with daily.site.instance() as instance:
        run = instance.get_run_by_id(daily.run_id)
    assert run is not None
    assert len(run.tags[".dagster/deploy_definition"]) == 12
    assert run.remote_job_origin is not None, "Dagster's timeline shows it"
    assert run.tags == {
        ".dagster/repository": "__repository__@deploy_project",
        ".dagster/deploy_definition": run.tags[".dagster/deploy_definition"],
        ".dagster/deploy_queue": "prod__daily",
        ".dagster/deploy_job": "prod__daily",
        ".dagster/deploy_job_id": "17",
        ".dagster/deploy_environment": "prod",
        ".dagster/deploy_project": "shop",
        "deploy/commit": daily.commit[:7],
        ".dagster/deploy_commit": daily.commit,
        "deploy/branch": "main",
        "deploy/trigger": "api",
        "deploy/who": person(),
        ".dagster/deploy_cause": "Kicked off from the command line",
    }


def test_each_step_has_a_compute_log(daily: DailyRun):
    with daily.site.instance() as instance, daily.site.working_directory():
        captured = [
            (entry.step_key, entry.dagster_event.logs_captured_data)
            for entry in instance.all_logs(daily.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
            if entry.dagster_event is not None
        ]
        logs = [
            instance.compute_log_manager.get_log_data([daily.run_id, "compute_logs", data.file_key])
            for _, data in captured
        ]
    text = [(each.stdout or b"").decode() for each in logs]
    assert [data.step_keys[0] for _, data in captured] == [
        *("clone_git_repository", "create_profile", "dbt_deps", "source_freshness"),
        *("dbt_seed", "dbt_run", "dbt_test", "generate_docs"),
    ]
    for name, log in zip(STEPS.values(), text, strict=True):
        assert name in log
