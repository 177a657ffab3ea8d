"""Who knows the open pull requests of a project."""

from deploy_project.ci.cleanup import Finders
from deploy_project.config.deployment import Deployment
from deploy_project.config.state import StateDirectory
from deploy_project.git.hosts.finder import pull_requests


def finders(deployment: Deployment, state: StateDirectory) -> Finders:
    """Return what gives the place to ask: the API of the project's hosting site."""
    return pull_requests
