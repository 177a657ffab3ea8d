"""`deploy-project check`: finds secrets that this process can't read."""

from collections.abc import Iterator

from deploy_project.config.environment import reveal
from deploy_project.config.values.deployment import Deployment, Secret, Variables
from deploy_project.config.values.purposes import withheld
from deploy_project.errors import ConfigError


def missing_secrets(deployment: Deployment) -> list[str]:
    """Return a line for each secret that this process can't read, with all places that want it."""
    wanted: dict[Secret, list[str]] = {}
    for secret, key in _secrets(deployment):
        wanted.setdefault(secret, []).append(f"{secret.place}: {key}")
    return [line for secret, places in wanted.items() for line in _missing(secret, places)]


def _missing(secret: Secret, places: list[str]) -> list[str]:
    try:
        reveal(secret, wanted_by=", ".join(places))
    except ConfigError as error:
        return [str(error)]
    return []


def _secrets(deployment: Deployment) -> Iterator[tuple[Secret, str]]:
    yield from withheld((), deployment.receivers)
    for name, project in deployment.projects.items():
        yield from withheld([project], ())
        yield from _in(project.variables, f"projects.{name}.variables")
    for name, environment in deployment.environments.items():
        yield from _in(environment.variables, f"environments.{name}.variables")
    for job in deployment.jobs.values():
        yield from _in(job.variables, f"jobs.{job.identifier}.custom_environment_variables")


def _in(variables: Variables, place: str) -> Iterator[tuple[Secret, str]]:
    for name, value in variables.items():
        if isinstance(value, Secret):
            yield value, f"{place}.{name}"
