"""What most commands begin with: the settings, and the deployment they name."""

from deploy_project.config.deployment import Deployment
from deploy_project.config.environment import Settings, settings
from deploy_project.config.loading import load_deployment


def loaded() -> tuple[Settings, Deployment]:
    """Return the settings and the deployment; raise one `ConfigError` with every mistake."""
    found = settings()
    return found, load_deployment(found.config_file, state=found.state.root)
