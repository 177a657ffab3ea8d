"""A Dagster code location of one dbt project, as dagster-dbt's documentation has it."""

import os
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

project = DbtProject(Path(os.environ["BENCH_PROJECT"]))


@dbt_assets(manifest=project.manifest_path)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    """Build all models."""
    yield from dbt.cli(["build"], context=context).stream()


defs = dg.Definitions(
    assets=[models],
    resources={"dbt": DbtCliResource(project)},
    jobs=[
        dg.define_asset_job("build"),
        dg.define_asset_job("build_in_process", executor_def=dg.in_process_executor),
    ],
)
