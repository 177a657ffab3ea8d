"""The routes that make, change and delete jobs (DESIGN 18)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.gate import note
from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.steps import refuse_connections
from deploy_project.api.auth.tokens import permit, visible
from deploy_project.api.changes.job_entry import (
    DELETED,
    Entry,
    JobBody,
    changed,
    new_id,
    new_identifier,
    same,
)
from deploy_project.api.changes.jobs_file import Entries, change_jobs, own_job, place_in_git
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.seen import job_of
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import apart, checked, posted
from deploy_project.api.http.problems import ApiError, invalid, not_found
from deploy_project.api.objects.cron_forms import FormError
from deploy_project.api.v2 import jobs
from deploy_project.config.resolve.drafts import identifier_in
from deploy_project.config.values.deployment import Deployment, Environment, Job

_TRIGGER = "job_completion_trigger_condition"
_DEFERRALS = ("deferring_environment_id", "deferring_job_definition_id")


def routes(front: Front) -> list[Route]:
    """Return the routes that make, change and delete jobs."""

    def create(request: Request, fields: dict[str, Any]) -> Response:
        body = checked(JobBody, fields)
        environment = _environment(request, front.deployment, body, required=True)
        assert environment is not None
        _refuse_unseen(request, front.deployment, body, before={})
        if body.name is None:
            raise invalid({"job": "'name' is a required property"})
        name, known = body.name, front.deployment.jobs.values()

        def add(entries: Entries) -> tuple[str, Entries]:
            _refuse_taken(request, front.deployment, entries, name)
            identifier = new_identifier(name, [*entries, *(job.identifier for job in known)])
            ids = [*(job.id for job in known), *(each.get("id", 0) for each in entries.values())]
            number = {"id": new_id(ids)}
            made = {**_entry(number, body), **number}
            return identifier, {**entries, identifier: made}

        made = _object(front, *change_jobs(front, add))
        note(request, f"job {made['id']}")
        return envelope.one(made, status=201)

    def update(request: Request, fields: dict[str, Any]) -> Response:
        job = _own(front, request)
        body = checked(JobBody, fields)
        if body.id not in (None, job.id):
            raise invalid({"id": f"is not the job's, which is {job.id}"})
        if body.state == DELETED:
            return _deleted(front, job)
        _environment(request, front.deployment, body, required=False)
        entry = dict(job.written.entry) if job.written is not None else {}
        _refuse_unseen(request, front.deployment, body, before=entry)

        def change(entries: Entries) -> tuple[str, Entries]:
            entry = _entry(_found(entries, job), body)
            return job.identifier, {**entries, job.identifier: entry}

        return envelope.one(_object(front, *change_jobs(front, change)))

    def delete(request: Request) -> Response:
        return _deleted(front, _own(front, request))

    return [
        Route("/jobs", posted(create), methods=["POST"]),
        Route("/jobs/{job:int}", posted(update), methods=["POST"]),
        Route("/jobs/{job:int}", apart(delete), methods=["DELETE"]),
    ]


def _own(front: Front, request: Request) -> Job:
    return own_job(front, request, job_of(front, request))


def _deleted(front: Front, job: Job) -> Response:
    """Delete a job of the API; return the answer, with the job in state 2."""
    gone = {**_object(front, front.deployment, job.identifier), "state": DELETED}

    def remove(entries: Entries) -> tuple[str, Entries]:
        _found(entries, job)
        kept = {name: entry for name, entry in entries.items() if name != job.identifier}
        return job.identifier, kept

    change_jobs(front, remove)
    return envelope.one(gone)


def _environment(
    request: Request, deployment: Deployment, body: JobBody, *, required: bool
) -> Environment | None:
    """Return the environment that a body names, if the token may have jobs there.

    Raises `ApiError` 400 for ids that don't go together, and 403.
    """
    if body.account_id not in (None, deployment.account.id):
        raise invalid({"account_id": f"is not the account's, which is {deployment.account.id}"})
    if body.environment_id is None and not required:
        return None
    if body.environment_id is None:
        raise invalid({"job": "'environment_id' is a required property"})
    sees = visible(request, Action.READ_JOBS)
    known = [each for each in deployment.environments.values() if sees(each)]
    found = next((each for each in known if each.id == body.environment_id), None)
    if found is None:
        permit(request, Action.EDIT_JOBS)  # who sees only some must not learn of others
        raise invalid({"environment_id": "is the id of no environment"})
    if body.project_id not in (None, found.project.id):
        raise invalid({"project_id": "is not the project of the environment"})
    permit(request, Action.EDIT_JOBS, project=found.project.name, environment=found.name)
    return found


def _refuse_unseen(
    request: Request, deployment: Deployment, body: JobBody, *, before: Entry
) -> None:
    """Raise `ApiError` 400 for a job or environment to defer to, or wait for, that is not seen.

    One that the job refers to `before` may stay: it may have been deleted meanwhile.
    """
    sees = visible(request, Action.READ_JOBS)
    jobs_seen = {each.id for each in deployment.jobs.values() if sees(each)}
    seen = {each.id for each in deployment.environments.values() if sees(each)}
    trigger = body.job_completion_trigger_condition
    kept = {_parent(before), *(before.get(key) for key in _DEFERRALS)}
    parent = trigger.condition.job_id if trigger is not None else None
    faults = {
        key: "is the id of none"
        for key, number, known in (
            ("deferring_environment_id", body.deferring_environment_id, seen),
            ("deferring_job_definition_id", body.deferring_job_definition_id, jobs_seen),
            (f"{_TRIGGER}.condition.job_id", parent, jobs_seen),
        )
        if number is not None and number not in known and number not in kept
    }
    if faults:
        raise invalid(faults)


def _parent(entry: Mapping[str, Any]) -> Any:
    """Return the id of the parent job in a completion trigger; None for none."""
    trigger: Any = entry.get(_TRIGGER)
    return trigger["condition"]["job_id"] if trigger and "condition" in trigger else None


def _refuse_taken(request: Request, deployment: Deployment, entries: Entries, name: str) -> None:
    """Raise `ApiError` 409 if the identifier in a new job's name is that of a job that is seen."""
    wanted = same(identifier_in(name) or "")
    sees = visible(request, Action.READ_JOBS)
    for job in deployment.jobs.values():
        place = place_in_git(job, deployment)
        if place and same(job.identifier) == wanted and sees(job):
            raise _taken(job.identifier, place)
    seen = {each.id for each in deployment.environments.values() if sees(each)}
    for identifier, entry in entries.items():
        if same(identifier) == wanted and entry.get("environment_id") in seen:
            place = f"the file of the API, with the id {entry.get('id')}"
            raise _taken(identifier, place)


def _taken(identifier: str, place: str) -> ApiError:
    return ApiError(409, f"There is a job {identifier!r} already, in {place}.")


def _found(entries: Entries, job: Job) -> Entry:
    if job.identifier not in entries:  # somebody else has deleted it meanwhile
        raise not_found()
    return entries[job.identifier]


def _entry(before: Mapping[str, Any], body: JobBody) -> Entry:
    if body.deferring_environment_id and body.deferring_job_definition_id:
        raise invalid(
            {"deferring_job_definition_id": "is given beside deferring_environment_id; keep one"}
        )
    refuse_connections("execute_steps", body.execute_steps or ())
    now = datetime.now(UTC).isoformat("T", "microseconds")
    try:
        return changed({"created_at": now, **before, "updated_at": now}, body)
    except FormError as error:
        raise invalid({f"schedule.{error.key}": error.fault}) from None


def _object(front: Front, deployment: Deployment, identifier: str) -> dict[str, Any]:
    job = next(each for each in deployment.jobs.values() if each.identifier == identifier)
    known = Known(deployment, front.known.since)
    return jobs.shown(front, [job], known, frozenset())[0]
