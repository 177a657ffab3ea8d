"""DAGs of Airflow's provider for dbt Cloud: operators, deferrable and not, and its sensor."""

import json
import os

from airflow.providers.dbt.cloud.operators.dbt import (
    DbtCloudGetJobRunArtifactOperator,
    DbtCloudListJobsOperator,
    DbtCloudRunJobOperator,
)
from airflow.providers.dbt.cloud.sensors.dbt import DbtCloudJobRunSensor
from airflow.sdk import DAG

DAILY, FAILING, _, _ = json.loads(os.environ["FRONT_JOBS"])
PROJECT = int(os.environ["FRONT_PROJECT"])

with DAG("whole", schedule=None):
    run = DbtCloudRunJobOperator(task_id="run", job_id=DAILY, check_interval=1, timeout=300)
    deferred = DbtCloudRunJobOperator(
        task_id="deferred", job_id=DAILY, check_interval=1, timeout=300, deferrable=True
    )
    named = DbtCloudRunJobOperator(
        task_id="named",
        project_name="tiny",
        environment_name="prod",
        job_name="daily",
        check_interval=1,
        timeout=300,
        steps_override=["dbt build --select orders"],
        additional_run_config={"threads_override": 1},
    )
    started = DbtCloudRunJobOperator(task_id="started", job_id=DAILY, wait_for_termination=False)
    joined = DbtCloudRunJobOperator(
        task_id="joined", job_id=DAILY, check_interval=1, timeout=300, reuse_existing_run=True
    )
    sensed = DbtCloudJobRunSensor(
        task_id="sensed", run_id=started.output, poke_interval=1, timeout=300
    )
    fetched = DbtCloudGetJobRunArtifactOperator(
        task_id="fetched",
        run_id=run.output,
        path="run_results.json",
        output_file_name="run_results.json",
    )
    jobs = DbtCloudListJobsOperator(task_id="jobs", project_id=PROJECT)
    run >> deferred >> named >> started >> joined >> sensed >> fetched >> jobs

with DAG("failing", schedule=None):
    DbtCloudRunJobOperator(task_id="run", job_id=FAILING, check_interval=1, timeout=300)

with DAG("failing_deferred", schedule=None):
    DbtCloudRunJobOperator(
        task_id="run", job_id=FAILING, check_interval=1, timeout=300, deferrable=True
    )
