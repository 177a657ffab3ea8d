"""Setting the status of a commit on the hosting site, which branch protection can require."""

from deploy_project.config.values.deployment import Project
from deploy_project.git.hosts.access import access
from deploy_project.git.hosts.host import CommitStatus
from deploy_project.git.hosts.refusals import RefusedError


def set_status(project: Project, commit: str, status: CommitStatus) -> None:
    """Set the status of a commit in the status's context; an older one there is replaced.

    The hosting must be `reachable`. Texts are cut to the API's limits. Raises `RemoteError`, or
    `ConfigError` when there is no token.
    """
    way = access(project)
    path, body = way.host.status(way.repository, commit, status)
    try:
        way.api.send("POST", path, body)
    except RefusedError as error:
        if not way.host.is_so_already(error.said):
            raise
