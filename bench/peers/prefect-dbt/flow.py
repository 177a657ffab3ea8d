"""Two Prefect flows that build the project in the working directory; an argument names one."""

import sys
from pathlib import Path

from prefect import flow
from prefect_dbt import PrefectDbtRunner

# Documented, but "currently in a private module".
from prefect_dbt.core._orchestrator import ExecutionMode, PrefectDbtOrchestrator


@flow
def runner():
    """One `dbt build`, each node of it a task run."""
    PrefectDbtRunner().invoke(["build"])


@flow
def waves():
    """One `dbt build` for each layer of the graph."""
    PrefectDbtOrchestrator(
        execution_mode=ExecutionMode.PER_WAVE,
        manifest_path=Path("target/manifest.json").absolute(),
        threads=2,
    ).run_build()


if __name__ == "__main__":
    {"runner": runner, "waves": waves}[sys.argv[1]]()
