"""The secrets that dbt must not see: those of git, of hosting sites, and of notifications."""

from collections.abc import Iterable, Iterator

from deploy_project.config.values.deployment import Project, Secret
from deploy_project.config.values.notifications import Channel


def withheld(
    projects: Iterable[Project], channels: Iterable[Channel]
) -> Iterator[tuple[Secret, str]]:
    """Yield the tokens of `projects` and the secrets of `channels`, each with its key."""
    for project in projects:
        if project.token is not None:
            yield project.token, f"projects.{project.name}.token"
        hosting = project.hosting
        if hosting is not None and hosting.token not in (None, project.token):
            yield hosting.token, f"projects.{project.name}.hosting.token"
    for channel in channels:
        yield from channel.secrets
