"""Loads the settings and the deployment that they name, as most commands do first."""

from deploy_project.config.environment import Settings, addressed, settings
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment


def loaded() -> tuple[Settings, Deployment]:
    """Return the settings and the deployment; raise one `ConfigError` with every mistake."""
    found = settings()
    return found, addressed(load_deployment(found.config_file, state=found.state.root))
