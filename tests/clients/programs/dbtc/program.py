"""dbtc: its client, and its command line."""

from cells import (
    ACCOUNT,
    CANCELLED,
    DAILY,
    ENDLESS,
    ERROR,
    FAILING,
    FLAKY,
    HOST,
    PROJECT,
    SUCCESS,
    TOKEN,
    break_flaky,
    cell,
    nodes,
    until,
)
from dbtc import dbtCloudClient

client = dbtCloudClient(service_token=TOKEN, host=HOST)
cloud = client.cloud


def triggered(job, **options):
    payload = {"cause": "Triggered by dbtc"}
    return cloud.trigger_job(ACCOUNT, job, payload, poll_interval=1, **options)["data"]


with cell("trigger"):
    assert triggered(DAILY, should_poll=False)["id"]
    listed = cloud.list_jobs(ACCOUNT, project_id=PROJECT)["data"]
    assert DAILY in [each["id"] for each in listed]
with cell("wait"):
    run = triggered(DAILY)
    assert run["status"] == SUCCESS, run
with cell("artifact"):
    assert "manifest.json" in cloud.list_run_artifacts(ACCOUNT, run["id"])["data"]
    found = cloud.get_run_artifact(ACCOUNT, run["id"], "run_results.json")
    assert nodes(found)["orders"] == "success"
with cell("failure"):
    assert triggered(FAILING)["status"] == ERROR
with cell("cancel"):
    run = triggered(ENDLESS, should_poll=False)["id"]
    cloud.cancel_run(ACCOUNT, run)
    until(lambda: cloud.get_run(ACCOUNT, run)["data"]["status"] == CANCELLED)
with cell("retry") as remark:
    break_flaky()
    failed = triggered(FLAKY)
    assert failed["status"] == ERROR
    again = cloud.trigger_job_from_failure(ACCOUNT, FLAKY, poll_interval=1)
    assert again["data"]["status"] == SUCCESS, again
