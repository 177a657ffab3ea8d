"""Environment variables by their scopes, as dbt Cloud's API v3 has them; pure (VAR-2, VAR-9)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from deploy_project.api.front.known import Known
from deploy_project.api.objects.account import ACTIVE, number_of, shown_value, times
from deploy_project.config.values.deployment import (
    Deployment,
    Environment,
    Job,
    Project,
    Secret,
    Variables,
)

SECRET = "DBT_ENV_SECRET"  # noqa: S105
"""The first letters of a variable whose value nobody may read."""


@dataclass(frozen=True)
class Scoped:
    """One value of a variable: of a project, of an environment, or of a job."""

    owner: Project | Environment | Job
    name: str
    value: str | Secret | None
    """None is a job's that only says that it has no value of its own."""

    @property
    def id(self) -> int:
        """The number of the value, the same at all times."""
        return number_of(f"{self.owner.name} {self.name}")

    @property
    def shown(self) -> dict[str, Any]:
        """The value as lists have it: its number, and the text or a mask."""
        assert self.value is not None
        return {"id": self.id, "value": shown_value(self.name, self.value)}


def of_job(job: Job) -> dict[str, dict[str, Any]]:
    """Return the variables that a run of a job has, by name and then by scope.

    A scope without a value is left out. A job's own without a value has no scope of the job, but is
    named: clients ask for a name before they compare.
    """
    environment = job.environment
    found: dict[str, dict[str, Any]] = {name: {} for name in _stated(job)}
    for scope, owner in (
        ("project", environment.project),
        ("environment", environment),
        ("job", job),
    ):
        for each in _of(owner, owner.variables):
            found.setdefault(each.name, {})[scope] = each.shown
    return found


def of_user(project: Project) -> dict[str, dict[str, Any]]:
    """Return the variables that a person has when they develop: the project's; there is no IDE."""
    return {each.name: {"project": each.shown} for each in _of(project, project.variables)}


def of_project(project: Project, environments: list[Environment]) -> dict[str, Any]:
    """Return the variables of a project and its environments, by name and then by environment."""
    found: dict[str, dict[str, Any]] = {}
    for title, owner in (("project", project), *((each.name, each) for each in environments)):
        for each in _of(owner, owner.variables):
            found.setdefault(each.name, {})[title] = each.shown
    return {"environments": ["project", *(each.name for each in environments)], "variables": found}


def all_of(project: Project, deployment: Deployment) -> Iterator[Scoped]:
    """Yield each value of a variable in a project; those without a value too."""
    yield from _of(project, project.variables)
    for environment in deployment.environments_of(project):
        yield from _of(environment, environment.variables)
    for job in deployment.jobs_of(project):
        yield from _of(job, {**dict.fromkeys(_stated(job)), **job.variables})


def variable_object(found: Scoped, known: Known, *, state: int = ACTIVE) -> dict[str, Any]:
    """Return the object of one value."""
    owner = found.owner
    project = owner if isinstance(owner, Project) else _environment(owner).project
    return {
        "id": found.id,
        "account_id": known.account.id,
        "project_id": project.id,
        "name": found.name,
        "type": type(owner).__name__.lower(),
        "user_id": None,
        "environment_id": owner.id if isinstance(owner, Environment) else None,
        "job_definition_id": owner.id if isinstance(owner, Job) else None,
        "display_value": None if found.value is None else shown_value(found.name, found.value),
        "state": state,
        **times(known),
        "environment": None,
    }


def with_value(entry: Mapping[str, Any], name: str, value: str | None) -> dict[str, Any]:
    """Return a job's entry with a value for a variable, or with the word that it has none."""
    kept = _without(entry, name)
    return {**entry, "custom_environment_variables": [*kept, {name: value}]}


def without(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a job's entry without a variable."""
    return {**entry, "custom_environment_variables": _without(entry, name)}


def _without(entry: Mapping[str, Any], name: str) -> list[Any]:
    written: list[Mapping[str, Any]] = entry.get("custom_environment_variables") or []
    return [each for each in written if [*each] != [name]]


def _environment(owner: Environment | Job) -> Environment:
    return owner.environment if isinstance(owner, Job) else owner


def _stated(job: Job) -> list[str]:
    """Return the names of a job's own variables, with those that have no value."""
    if job.written is None:
        return []
    stated = job.written.entry.get("custom_environment_variables")
    items = cast(list[Mapping[str, Any]], stated or [])
    return [str(name).upper() for item in items for name in item]


def _of(
    owner: Project | Environment | Job, found: Mapping[str, Any] | Variables
) -> Iterator[Scoped]:
    for name, value in found.items():
        yield Scoped(owner, name, value)
