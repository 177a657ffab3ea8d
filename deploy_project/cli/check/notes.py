"""Notes of `check` and `deploy` on nodes that Dagster can't show, and translators that fail."""

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.errors import ConfigError
from deploy_project.releases import pointer


def notes(deployment: Deployment, environment: Environment, state: StateDirectory) -> list[str]:
    """Return a line for each such node of the commit that is deployed to `environment`."""
    if pointer.deployed(state, environment.name) is None:
        return []
    from deploy_project.orchestration import location  # with Dagster, which takes a second

    return location.notes(deployment, environment, state)


def unusable_translators(deployment: Deployment) -> list[str]:
    """Return a line for each unusable `translator:` of a project."""
    wanted = [each.translator for each in deployment.projects.values() if each.translator]
    if not wanted:
        return []
    from deploy_project.orchestration.catalog import translations  # with Dagster, as above

    found: list[str] = []
    for each in wanted:
        try:
            translations.verify(each)
        except ConfigError as error:
            found.append(str(error))
    return found
