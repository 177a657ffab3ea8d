"""DAGs of Airflow's BashOperator that call our command line."""

import os
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

SITE, PROGRAMS = os.environ["FRONT_SITE"], os.environ["FRONT_PROGRAMS"]
GIVEN = {
    "append_env": True,
    "cwd": SITE,
    "env": {"DEPLOY_CONFIG": f"{SITE}/deploy.yaml", "DEPLOY_STATE": f"{SITE}/.deploy"},
}


def dag(name, command, **options):
    with DAG(name, schedule=None) as made:
        BashOperator(task_id="run", bash_command=f"{PROGRAMS}/{command}", **GIVEN, **options)
    return made


daily = dag("daily", "deploy-project run daily --wait")
failing = dag("failing", "deploy-project run failing --wait")
endless = dag(
    "endless", "deploy-project run endless --wait", execution_timeout=timedelta(seconds=30)
)
retried = dag("retried", "deploy-project retry {{ dag_run.conf['run'] }} --wait")
