"""The secrets that deploy.yaml names for another purpose than dbt."""

from collections.abc import Iterable, Iterator

from deploy_project.config.values.deployment import Project, Secret


def withheld(projects: Iterable[Project]) -> Iterator[tuple[Secret, str]]:
    """Yield each secret that dbt must not see, of whatever project, and the key that names it."""
    for project in projects:
        if project.token is not None:
            yield project.token, f"projects.{project.name}.token"
        hosting = project.hosting
        if hosting is not None and hosting.token not in (None, project.token):
            yield hosting.token, f"projects.{project.name}.hosting.token"
