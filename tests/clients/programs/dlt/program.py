"""dlt's helper for dbt Cloud."""

from cells import ACCOUNT, DAILY, FAILING, TOKEN, URL, cell, lacks, until
from dlt.helpers.dbt_cloud.client import DBTCloudClientV2

client = DBTCloudClientV2(api_token=TOKEN, account_id=ACCOUNT, base_api_url=f"{URL}/api")


def ended(run):
    def found():
        status = client.get_run_status(run)
        return status if status["is_complete"] else None

    return until(found)


with cell("trigger"):
    run = client.trigger_job_run(DAILY, data={"cause": "Triggered by dlt"})
with cell("wait"):
    assert ended(run)["is_success"]
lacks("artifact", DBTCloudClientV2, "artifact")
with cell("failure"):
    assert ended(client.trigger_job_run(FAILING, data={"cause": "dlt"}))["is_error"]
lacks("cancel", DBTCloudClientV2, "cancel")
lacks("retry", DBTCloudClientV2, "retry", "rerun")
