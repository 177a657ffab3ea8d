"""An account of dbt Cloud's as its API tells it: the objects that `import` makes files of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy_project.cli.importing.cloud_api import CloudApi
from deploy_project.errors import ConfigError


class _Object(BaseModel):
    """An object of the API; keys that are not asked for are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class AccountObject(_Object):
    """The account."""

    id: int
    name: str = ""
    run_slots: int | None = None


class ProjectObject(_Object):
    """A project."""

    id: int
    name: str
    repository_id: int | None = None
    dbt_project_subdirectory: str | None = None


class RepositoryObject(_Object):
    """The repository of a project."""

    id: int
    full_name: str | None = None
    remote_url: str | None = None
    remote_backend: str | None = None


class EnvironmentObject(_Object):
    """An environment, of development or for jobs."""

    id: int
    project_id: int
    name: str
    type: str = "deployment"
    deployment_type: str | None = None
    use_custom_branch: bool | None = None
    custom_branch: str | None = None
    dbt_version: str | None = None
    connection_id: int | None = None
    credentials_id: int | None = None
    extended_attributes_id: int | None = None


class JobObject(_Object):
    """A job; all its other keys are in `model_extra`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: int
    project_id: int
    environment_id: int
    name: str


class ValueObject(_Object):
    """The value of a variable in one scope."""

    value: str | None = None


class VariablesObject(_Object):
    """The variables of a project, by name and then by environment, or `project`."""

    variables: dict[str, dict[str, ValueObject]]


class ScopesObject(_Object):
    """The values of one variable in a job: only its own counts."""

    job: ValueObject = ValueObject()


class UserObject(_Object):
    """The user of a notification."""

    email: str | None = None


class NotificationObject(_Object):
    """A notification: the ends of some jobs' runs are told to one recipient."""

    id: int
    type: int
    external_email: str | None = None
    slack_channel_id: str | None = None
    on_success: list[int] | None = None
    on_warning: list[int] | None = None
    on_failure: list[int] | None = None
    on_cancel: list[int] | None = None
    user: UserObject | None = None


Model = TypeVar("Model", bound=BaseModel)
Values = Mapping[str, str]
"""The values of variables by name; asterisks stand for a secret one."""


@dataclass(frozen=True)
class CloudAccount:
    """The account, and all in it that is not deleted."""

    account: AccountObject
    projects: Sequence[ProjectObject]
    repositories: Mapping[int, RepositoryObject]
    """By id."""
    environments: Sequence[EnvironmentObject]
    jobs: Sequence[JobObject]
    variables: Mapping[int, Mapping[str, Values]] = field(
        default_factory=dict[int, Mapping[str, Values]]
    )
    """By project's id, then by the name of an environment, or `project`."""
    job_variables: Mapping[int, Values] = field(default_factory=dict[int, Values])
    """By job's id."""
    notifications: Sequence[NotificationObject] = ()
    unread: str = ""
    """The reason why notifications could not be read; empty when they were."""


def read_account(api: CloudApi) -> CloudAccount:
    """Return the account that `api` reads; raise `ConfigError` as its methods do."""
    projects = [*_every(api, ProjectObject, "v3", "projects/")]
    jobs = [*_every(api, JobObject, "v2", "jobs/")]
    notifications, unread = _notifications(api)
    return CloudAccount(
        account=_parsed(AccountObject, api.one("v2", ""), "the account"),
        projects=projects,
        repositories={
            each.id: each for each in _every(api, RepositoryObject, "v2", "repositories/")
        },
        environments=[*_every(api, EnvironmentObject, "v3", "environments/")],
        jobs=jobs,
        variables={each.id: _of_project(api, each.id) for each in projects},
        job_variables={each.id: _of_job(api, each) for each in jobs},
        notifications=notifications,
        unread=unread,
    )


def _notifications(api: CloudApi) -> tuple[list[NotificationObject], str]:
    """Return the notifications, or why there are none: few tokens may read them."""
    try:
        return [*_every(api, NotificationObject, "v2", "notifications/")], ""
    except ConfigError as error:
        return [], str(error)


def _every(api: CloudApi, model: type[Model], version: str, path: str) -> Iterator[Model]:
    return (_parsed(model, each, path) for each in api.every(version, path))


def _parsed(model: type[Model], data: Any, path: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "everything"
        raise ConfigError(
            f"the answer to {path!r} is none of dbt Cloud's API: {where}: {first['msg']}; "
            "check --url"
        ) from None


def _of_project(api: CloudApi, project: int) -> Mapping[str, Values]:
    path = f"projects/{project:d}/environment-variables/environment/"
    data = _parsed(VariablesObject, api.one("v3", path), path)
    found: dict[str, dict[str, str]] = {}
    for name, scopes in data.variables.items():
        for scope, each in scopes.items():
            if each.value is not None:
                found.setdefault(scope, {})[name] = each.value
    return found


def _of_job(api: CloudApi, job: JobObject) -> Values:
    path = f"projects/{job.project_id:d}/environment-variables/job/"
    data = api.one("v3", path, job_definition_id=job.id)
    own = {name: _parsed(ScopesObject, each, path).job.value for name, each in data.items()}
    return {name: value for name, value in own.items() if value is not None}
