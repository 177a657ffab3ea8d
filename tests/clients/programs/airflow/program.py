"""Airflow's provider for dbt Cloud: whole DAGs by `airflow dags test`, and its hook."""

import json
import os
import subprocess
import sys
from pathlib import Path

from cells import (
    ACCOUNT,
    CANCELLED,
    DAILY,
    ENDLESS,
    FLAKY,
    HOST,
    RUNNING,
    SUCCESS,
    TOKEN,
    break_flaky,
    cell,
    nodes,
    until,
)

HERE = Path(__file__).parent
os.environ |= {
    "AIRFLOW_HOME": str(Path.cwd() / "airflow"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW_CONN_DBT_CLOUD_DEFAULT": json.dumps(
        {"conn_type": "dbt_cloud", "host": HOST, "login": str(ACCOUNT), "password": TOKEN}
    ),
}


def airflow(*arguments):
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done


assert airflow("db", "migrate").returncode == 0

from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook  # noqa: E402

hook = DbtCloudHook()

with cell("trigger") as remark:
    connected, said = hook.test_connection()
    assert connected, said
    done = airflow("dags", "test", "whole")
    assert done.returncode == 0, (done.stdout + done.stderr)[-400:]
    remark("by id and by names, with overrides")
with cell("wait") as remark:
    assert done.returncode == 0
    remark("operator, deferrable operator, sensor, `reuse_existing_run`")
with cell("artifact"):
    assert nodes(json.loads(Path("run_results.json").read_bytes()))["orders"] == "success"
    pages = hook.list_jobs(ACCOUNT)
    assert DAILY in [job["id"] for page in pages for job in page.json()["data"]]
with cell("failure") as remark:
    for dag in ("failing", "failing_deferred"):
        done = airflow("dags", "test", dag)
        assert "DbtCloudJobRunException" in done.stdout + done.stderr, done.returncode
    remark("operator and deferrable operator")


def triggered(job, **fields):
    return hook.trigger_job_run(job, cause="Triggered by Airflow's hook", **fields).json()["data"]


def status(run):
    return hook.get_job_run_status(run_id=run)


with cell("cancel"):
    run = triggered(ENDLESS)["id"]
    until(lambda: status(run) == RUNNING)
    hook.cancel_job_run(run)
    until(lambda: status(run) == CANCELLED)
with cell("retry") as remark:
    break_flaky()
    run = triggered(FLAKY)["id"]
    until(lambda: status(run) >= SUCCESS)
    again = triggered(FLAKY, retry_from_failure=True)["id"]
    until(lambda: status(again) >= SUCCESS)
    assert (again != run, status(again)) == (True, SUCCESS)
    remark("`retry_from_failure`")
