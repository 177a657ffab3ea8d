"""prefect-dbt: a flow that triggers and waits, and its retry of a failed run's nodes."""

import asyncio
import os

from cells import ACCOUNT, DAILY, FAILING, FLAKY, HOST, TOKEN, break_flaky, cell, lacks, nodes

os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "300"  # on a busy machine

from prefect import flow
from prefect_dbt.cloud import DbtCloudCredentials, DbtCloudJob, jobs, runs
from prefect_dbt.cloud.clients import DbtCloudAdministrativeClient
from pydantic import SecretStr

credentials = DbtCloudCredentials(api_key=SecretStr(TOKEN), account_id=ACCOUNT, domain=HOST)


def triggered_and_waited(job, **options):
    return asyncio.run(
        jobs.trigger_dbt_cloud_job_run_and_wait_for_completion(
            dbt_cloud_credentials=credentials, job_id=job, poll_frequency_seconds=1, **options
        )
    )


def fetched(run, path, **options):
    @flow
    async def fetch():
        return await runs.get_dbt_cloud_run_artifact(
            dbt_cloud_credentials=credentials, run_id=run, path=path, **options
        )

    return asyncio.run(fetch())


with cell("trigger") as remark:

    @flow
    def started():
        return DbtCloudJob(dbt_cloud_credentials=credentials, job_id=DAILY).trigger()

    run = started()
    assert run.run_id
with cell("wait"):
    done = triggered_and_waited(DAILY)
    assert done["status_humanized"] == "Success", done
with cell("artifact"):
    assert "manifest.json" in done["artifact_paths"], done
    assert nodes(fetched(done["id"], "run_results.json"))["orders"] == "success"
with cell("failure"):
    try:
        triggered_and_waited(FAILING, retry_filtered_models_attempts=0)
    except jobs.DbtCloudJobRunFailed:
        pass
    else:
        raise AssertionError("the run has failed, and it says nothing")
lacks("cancel", DbtCloudAdministrativeClient, "cancel")
with cell("retry") as remark:
    break_flaky()
    done = triggered_and_waited(FLAKY, retry_filtered_models_attempts=1)
    assert done["status_humanized"] == "Success", done
    built = nodes(fetched(done["id"], "run_results.json", step=4))
    assert built["flaky"] == "success"
    assert not {"orders", "steady"} & set(built), built
    remark("a run of the failed nodes alone, made of step names and run_results.json")
