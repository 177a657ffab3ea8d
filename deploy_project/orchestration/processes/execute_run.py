"""The process of a run as our launcher starts it: dbt is imported while Dagster is, not after it.

Called as `python -m deploy_project.orchestration.processes.execute_run JOB`; a variable of
Dagster's own holds the rest. This module imports nothing of Dagster before dbt has been started.
"""

import runpy
import sys
from contextlib import suppress

from deploy_project.config.environment import settings, variable
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.errors import DeployError
from deploy_project.orchestration.processes import asked, shortcuts
from deploy_project.processes.signals import hear_interrupts


def start_dbt(job: str) -> None:
    """Start the dbt process of a run of Dagster's `job`; none unless the job is ours."""
    with suppress(DeployError):  # loading the definitions will report it
        found = settings()
        deployment = load_deployment(found.config_file, state=found.state.root)
        wanted = asked.job_of(job, variable(asked.VARIABLE), deployment)
        if wanted is not None:
            shortcuts.start_dbt(wanted, found.state)


def main() -> None:
    """Start dbt, then be the `dagster api execute_run` that executes the run."""
    hear_interrupts()  # which is how a run is cancelled
    _, job = sys.argv
    start_dbt(job)
    sys.argv[1:] = ["api", "execute_run"]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
