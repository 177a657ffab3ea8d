"""dagster-dbt's `DbtCloudWorkspace`: its assets, its ad hoc job, and its polling sensor."""

import dagster as dg
from cells import (
    ACCOUNT,
    DAILY,
    ENDLESS,
    ENVIRONMENT,
    FAILING,
    PROJECT,
    RUNNING,
    TOKEN,
    URL,
    cell,
    lacks,
    until,
)
from dagster_dbt.cloud_v2.asset_decorator import dbt_cloud_assets
from dagster_dbt.cloud_v2.client import DbtCloudWorkspaceClient
from dagster_dbt.cloud_v2.resources import DbtCloudCredentials, DbtCloudWorkspace
from dagster_dbt.cloud_v2.run_handler import DbtCloudJobRunHandler
from dagster_dbt.cloud_v2.sensor_builder import build_dbt_cloud_polling_sensor

workspace = DbtCloudWorkspace(
    credentials=DbtCloudCredentials(account_id=ACCOUNT, token=TOKEN, access_url=URL),
    project_id=PROJECT,
    environment_id=ENVIRONMENT,
)
client = workspace.get_client()

with cell("trigger") as remark:
    client.verify_connection()
    data = workspace.fetch_workspace_data()
    assert "model.tiny.orders" in data.manifest["nodes"]
    remark("creates its ad hoc job, runs `dbt parse` in it")
with cell("wait"):

    @dbt_cloud_assets(workspace=workspace, select="orders revenue")
    def its_assets(context: dg.AssetExecutionContext, cloud: DbtCloudWorkspace):
        yield from cloud.cli(args=["build"], context=context).wait()

    done = dg.materialize([its_assets], resources={"cloud": workspace})
    keys = {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()}
    assert keys == {"orders", "revenue"}, keys
with cell("artifact") as remark:
    run = client.trigger_job_run(DAILY)["id"]
    client.poll_run(run, poll_timeout=300)
    assert "run_results.json" in client.list_run_artifacts(run)
    assert "orders" in client.get_run_logs(run)
    found = dg.Definitions(assets=[its_assets], resources={"cloud": workspace})
    sensor = build_dbt_cloud_polling_sensor(workspace=workspace)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, repository_def=found.get_repository_def())
        events = sensor(context).asset_events
    seen = {event.asset_key.to_user_string() for event in events}
    assert {"orders", "revenue"} <= seen, seen
    remark("its polling sensor reports the run's assets")
with cell("failure"):
    handler = DbtCloudJobRunHandler.run(FAILING, ["build", "--select", "failing"], client)
    try:
        handler.wait(timeout=300).raise_for_status()
    except dg.Failure:
        pass
    else:
        raise AssertionError("the run has failed, and it says nothing")
with cell("cancel"):
    run = client.trigger_job_run(ENDLESS)["id"]
    until(lambda: client.get_run_details(run)["status"] == RUNNING)
    client.cancel_run(run)
    until(lambda: client.get_run_details(run)["is_cancelled"])
    for job in data.adhoc_job_ids:
        assert client.destroy_job(job)["state"] == 2
lacks("retry", DbtCloudWorkspaceClient, "rerun", "retry")
