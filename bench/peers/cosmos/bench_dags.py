"""Two Airflow DAGs of the dbt project, one for each execution mode of Cosmos."""

import os
from pathlib import Path

from cosmos import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode

PROJECT = Path(os.environ["BENCH_PROJECT"])


def dag(mode: ExecutionMode, **operators: str) -> DbtDag:
    """Return the DAG of a manifest that is there already; dbt runs in the task's own process."""
    return DbtDag(
        dag_id=mode.value,
        schedule=None,
        project_config=ProjectConfig(
            PROJECT, manifest_path=PROJECT / "target" / "manifest.json", install_dbt_deps=False
        ),
        profile_config=ProfileConfig(
            profile_name="bench",
            target_name="prod",
            profiles_yml_filepath=PROJECT / "profiles.yml",
        ),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST),
        execution_config=ExecutionConfig(
            execution_mode=mode, invocation_mode=InvocationMode.DBT_RUNNER
        ),
        operator_args=operators,
    )


local = dag(ExecutionMode.LOCAL)
# `airflow dags test` runs one task at a time, in no order of its own, and a sensor before the
# producer would wait for ever; by default sensors do not wait for the producer to end.
watcher = dag(ExecutionMode.WATCHER, trigger_rule="all_success")
