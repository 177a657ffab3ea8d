"""Prefect 1's task `DbtCloudRunJob` in a flow."""

from cells import ACCOUNT, DAILY, FAILING, HOST, TOKEN, cell, lacks
from prefect import Flow
from prefect.tasks.dbt import DbtCloudRunJob, dbt_cloud_utils


def run(job, wait=True):
    with Flow("dbt") as flow:
        DbtCloudRunJob(cause="Prefect 1", account_id=ACCOUNT, job_id=job, token=TOKEN, domain=HOST)(
            wait_for_job_run_completion=wait
        )
    state = flow.run()
    (task,) = flow.get_tasks()
    return state, state.result[task]


with cell("trigger"):
    state, _ = run(DAILY, wait=False)
    assert state.is_successful(), state
with cell("wait"):
    state, task = run(DAILY)
    assert state.is_successful(), state
with cell("artifact") as remark:
    assert [each for each in task.result["artifact_urls"] if "run_results.json" in each], (
        task.result
    )
    remark("the links to the artifacts")
with cell("failure"):
    state, _ = run(FAILING)
    assert state.is_failed(), state
lacks("cancel", dbt_cloud_utils, "cancel")
lacks("retry", dbt_cloud_utils, "retry", "rerun")
