"""The secrets that dbt must not see: of git, of hosting sites, of hooks, and of notifications."""

from collections.abc import Iterable, Iterator

from deploy_project.config.values.deployment import Project, Secret
from deploy_project.config.values.notifications import Channel
from deploy_project.config.values.webhooks import FileSubscription


def withheld(
    projects: Iterable[Project], receivers: Iterable[Channel | FileSubscription]
) -> Iterator[tuple[Secret, str]]:
    """Yield the secrets of `projects` and of `receivers`, each with its key."""
    for project in projects:
        if project.token is not None:
            yield project.token, f"projects.{project.name}.token"
        hosting = project.hosting
        if hosting is not None and hosting.token not in (None, project.token):
            yield hosting.token, f"projects.{project.name}.hosting.token"
        if project.hook_secret is not None:
            yield project.hook_secret, f"projects.{project.name}.hooks.secret"
    for receiver in receivers:
        yield from receiver.secrets
