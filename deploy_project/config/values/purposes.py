"""The secrets that dbt must not see: git and API tokens that deploy.yaml names."""

from collections.abc import Iterable, Iterator

from deploy_project.config.values.deployment import Project, Secret


def withheld(projects: Iterable[Project]) -> Iterator[tuple[Secret, str]]:
    """Yield the git and API tokens of all projects, each with its key in deploy.yaml."""
    for project in projects:
        if project.token is not None:
            yield project.token, f"projects.{project.name}.token"
        hosting = project.hosting
        if hosting is not None and hosting.token not in (None, project.token):
            yield hosting.token, f"projects.{project.name}.hosting.token"
