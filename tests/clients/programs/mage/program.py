"""Mage's `DbtCloudClient`, whose host is a constant that one line sets."""

from cells import ACCOUNT, DAILY, FAILING, HTTP_URL, SUCCESS, TOKEN, cell, lacks
from mage_ai.services.dbt.dbt import DbtCloudClient

DbtCloudClient.BASE_URL = f"{HTTP_URL}/api/v2/accounts"

client = DbtCloudClient({"account_id": ACCOUNT, "api_token": TOKEN})

with cell("trigger") as remark:
    assert DAILY in [job["id"] for job in client.list_jobs()["data"]]
    client.trigger_job_run(DAILY, poll_status=False, threads_override=1)
    remark("after `DbtCloudClient.BASE_URL = …`")
with cell("wait"):
    client.trigger_job_run(DAILY, poll_interval=1)
    newest = client.list_runs(job_definition_id=DAILY, order_by="-created_at", limit=1)["data"]
    assert newest[0]["status"] == SUCCESS, newest
lacks("artifact", DbtCloudClient, "artifact")
with cell("failure"):
    try:
        client.trigger_job_run(FAILING, poll_interval=1)
    except Exception as error:
        assert "failed with status: Error" in str(error), error
    else:
        raise AssertionError("the run has failed, and it says nothing")
lacks("cancel", DbtCloudClient, "cancel")
lacks("retry", DbtCloudClient, "retry", "rerun")
