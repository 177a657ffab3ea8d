"""The routes of environment variables: all are shown, those of the API's jobs changed (VAR-9)."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit, visible
from deploy_project.api.changes.job_entry import DELETED, Entry
from deploy_project.api.changes.jobs_file import Entries, change_jobs, own_job
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import permit_in, project_of
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import apart, checked, posted
from deploy_project.api.http.listing import number
from deploy_project.api.http.problems import ApiError, invalid, not_found
from deploy_project.api.objects import variables
from deploy_project.api.objects.variables import Scoped
from deploy_project.config.values.deployment import Deployment, Job, Project
from deploy_project.config.values.variables import RESERVED

_READ_ONLY = "Variables of projects and environments are in deploy.yaml, and only changed there."
_BUILT_IN = (
    "which each run sets itself, as on dbt Cloud: a value for it would have no effect; give the "
    "variable another name"
)
Ignored = Annotated[Any, Field(default=None)]


class VariableBody(BaseModel):
    """The body of a new or changed value of a variable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int | None = None
    account_id: int | None = None
    project_id: int | None = None
    name: Annotated[StrictStr, Field(min_length=1, max_length=255)] | None = None
    type: StrictStr = "job"
    job_definition_id: int | None = None
    environment_id: int | None = None
    user_id: int | None = None
    raw_value: StrictStr | None = None
    display_value: Ignored
    state: int = 1
    created_at: Ignored
    updated_at: Ignored
    environment: Ignored


_PATH = "/projects/{project:int}/environment-variables"
_ONE = f"{_PATH}/{{variable:int}}"


def routes(front: Front) -> list[Route]:
    """Return the routes of environment variables, below a project."""
    return [*_reads(front), *_changes(front)]


def _reads(front: Front) -> list[Route]:

    def of_job(request: Request) -> Response:
        project = project_of(front, request)
        text = request.query_params.get("job_definition_id", "")
        job = _job(front.deployment, request, project, number("job_definition_id", text))
        permit_in(request, Action.READ_JOBS, job)
        return envelope.one(variables.of_job(job))

    def of_project(request: Request) -> Response:
        project = project_of(front, request)
        permit(request, Action.READ_ACCOUNT, project=project.name)
        sees = visible(request, Action.READ_ACCOUNT)
        seen = [each for each in front.deployment.environments_of(project) if sees(each)]
        return envelope.one(variables.of_project(project, seen))

    def of_user(request: Request) -> Response:
        project = project_of(front, request)
        number("user_id", request.query_params.get("user_id", ""))
        permit(request, Action.READ_ACCOUNT, project=project.name)
        return envelope.one(variables.of_user(project))

    return [
        Route(f"{_PATH}/job", of_job),
        Route(f"{_PATH}/environment", of_project),
        Route(f"{_PATH}/user", of_user),
    ]


def _changes(front: Front) -> list[Route]:
    def create(request: Request, fields: dict[str, Any]) -> Response:
        project, body = project_of(front, request), checked(VariableBody, fields)
        if body.type in ("project", "environment"):
            raise ApiError(409, _READ_ONLY)
        if body.type != "job" or body.job_definition_id is None or body.name is None:
            raise invalid({"type": "must be 'job', with a `job_definition_id` and a `name`"})
        job = _job(front.deployment, request, project, body.job_definition_id)
        return _set(front, request, own_job(front, request, job), body.name, body.raw_value)

    def update(request: Request, fields: dict[str, Any]) -> Response:
        job, found = _own(front, request)
        body = checked(VariableBody, fields)
        if body.name not in (None, found.name):
            raise invalid({"name": f"is not the variable's, which is {found.name!r}"})
        if body.state == DELETED:
            return _removed(front, job, found)
        return _set(front, request, job, found.name, body.raw_value)

    def delete(request: Request) -> Response:
        return _removed(front, *_own(front, request))

    def bulk(request: Request, _: dict[str, Any]) -> Response:
        project = project_of(front, request)
        sees = visible(request, Action.READ_ACCOUNT)
        seen = [each.name for each in front.deployment.environments_of(project) if sees(each)]
        environment = seen[0] if seen else None
        permit(request, Action.EDIT_JOBS, project=project.name, environment=environment)
        raise ApiError(409, _READ_ONLY)

    return [
        Route(f"{_PATH}/bulk", posted(bulk), methods=["POST", "PUT", "DELETE"]),
        Route(_PATH, posted(create), methods=["POST"]),
        Route(_ONE, posted(update), methods=["POST"]),
        Route(_ONE, apart(delete), methods=["DELETE"]),
    ]


def _job(deployment: Deployment, request: Request, project: Project, number: int) -> Job:
    for job in deployment.jobs_of(project):
        if job.id == number and visible(request, Action.READ_JOBS)(job):
            return job
    raise not_found()


def _own(front: Front, request: Request) -> tuple[Job, Scoped]:
    """Return the job and the value of it that the path names; raise `ApiError` 409 for others'."""
    project, number = project_of(front, request), request.path_params["variable"]
    for each in variables.all_of(project, front.deployment):
        if each.id == number and visible(request, Action.READ_JOBS)(each.owner):
            if not isinstance(each.owner, Job):
                raise ApiError(409, _READ_ONLY)
            return own_job(front, request, each.owner), each
    raise not_found()


def _set(front: Front, request: Request, job: Job, name: str, value: str | None) -> Response:
    name = name.upper()
    if name in RESERVED:
        raise invalid({"name": f"is {name!r}, {_BUILT_IN}"})
    if name.startswith(variables.SECRET) and value is not None:
        line = f"{name}: {{env: {name}}}"
        raise invalid(
            {
                "raw_value": (
                    "is a secret, which must not be in a file; write the line "
                    f"`{line}` below `variables:` of environment {job.environment.name!r} in "
                    "deploy.yaml, and set that variable where Dagster's processes start"
                )
            }
        )

    def change(entry: Entry) -> Entry:
        return variables.with_value(entry, name, value)

    _change(front, job, change)
    return envelope.one(variables.variable_object(Scoped(job, name, value), front.known))


def _removed(front: Front, job: Job, found: Scoped) -> Response:
    def change(entry: Entry) -> Entry:
        return variables.without(entry, found.name)

    _change(front, job, change)
    return envelope.one(variables.variable_object(found, front.known, state=DELETED))


def _change(front: Front, job: Job, change: Callable[[Entry], Entry]) -> None:
    def decide(entries: Entries) -> tuple[str, Entries]:
        if job.identifier not in entries:
            raise not_found()
        return job.identifier, {**entries, job.identifier: change(entries[job.identifier])}

    change_jobs(front, decide)
