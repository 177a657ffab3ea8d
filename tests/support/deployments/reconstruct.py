"""How Dagster finds a job again: it loads the code location anew for each run."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions


def job(
    root: str, state: str, name: str, pointers: Mapping[str, str], _configured: str
) -> dg.JobDefinition:
    """Return the job `name` of the deployment in `root`, at the commits that `pointers` name."""
    directory = StateDirectory(Path(state))
    deployment = load_deployment(Path(root) / "deploy.yaml", state=directory.root)
    return definitions(
        deployment, directory, pointers=pointers, listeners=LISTENERS
    ).resolve_job_def(name)
