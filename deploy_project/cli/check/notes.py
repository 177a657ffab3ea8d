"""Notes of `check` and `deploy` on nodes that Dagster can't show as they are in dbt."""

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.releases import pointer


def notes(deployment: Deployment, environment: Environment, state: StateDirectory) -> list[str]:
    """Return a line for each such node of the commit that is deployed to `environment`."""
    if pointer.deployed(state, environment.name) is None:
        return []
    from deploy_project.orchestration import location  # with Dagster, which takes a second

    return location.notes(deployment, environment, state)
