"""The jobs file that the API writes: changed under a lock, checked whole, replaced at once."""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from deploy_project.api.auth.permissions import Action
from deploy_project.api.changes.room import Entries, has_room
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import permit_in
from deploy_project.api.http.problems import ApiError, invalid
from deploy_project.config import small_files
from deploy_project.config.files.limited_yaml import UnreadableError, read_yaml
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.small_files import LARGEST, NoTextError
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Job, Off
from deploy_project.config.writing.quoted_yaml import quoted_yaml
from deploy_project.errors import ConfigError
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.locks import locked

_PATIENCE = 20.0
_REFERENCES = ("deferring_", "job_completion_trigger_condition")
_HEAD = """\
# The jobs that were made over the API of `deploy-project serve`, which writes this file.
# To move a job into git, delete it over the API and move its lines into a jobs file.
"""
_ROOM = LARGEST - len(_HEAD)
_BUSY = "The jobs are being changed by somebody else; try again."
_WRONG = (
    "No job can be changed now: the configuration files have mistakes, which "
    "`deploy-project check` tells."
)
_FULL = (
    f"The file of the jobs made over the API has {LARGEST >> 20} MiB, and the jobs of this project "
    "take as much of it as is left to others: delete some, or move some to a jobs file in git."
)


def change_jobs(
    front: Front, decide: Callable[[Entries], tuple[str, Entries]]
) -> tuple[Deployment, str]:
    """Replace the entries of the jobs file; return the deployment and the job that is changed.

    `decide` returns the identifier of that job, and all entries. Nothing is written unless the
    whole configuration loads with them. Raises `ApiError` 400 for mistakes in the job, 409 where
    the file has no room for it, 503 for mistakes elsewhere.
    """
    state, deployment = front.state, front.deployment
    try:
        with state.explained("writing the jobs of the API"), _alone(state):
            before = _entries(front)
            identifier, entries = decide(before)
            if not has_room(deployment, identifier, before=before, after=entries, most=_ROOM):
                raise ApiError(409, _FULL)
            text = _HEAD + quoted_yaml({"jobs": entries})
            try:
                after = load_deployment(deployment.source, state=state.root, api_jobs=text)
            except ConfigError as error:
                raise _refusal(front, identifier, str(error)) from None
            _refuse_parts_off(deployment, after, identifier)
            small_files.write_text(state.api_jobs, text)
    except Stopped:
        raise ApiError(503, _BUSY) from None
    front.configuration.refresh()
    front.reloads.ask()
    return after, identifier


def own_job(front: Front, request: Request, job: Job) -> Job:
    """Return `job`, which the API may change; raise `ApiError` 403, or 409 for one in git."""
    permit_in(request, Action.EDIT_JOBS, job)
    place = place_in_git(job, front.deployment)
    if place:
        raise ApiError(
            409,
            f"Job {job.identifier!r} is in the file {place}, and only changed there.",
            {"job": f"is in {place}, which is kept in git: change it there"},
        )
    return job


def place_in_git(job: Job, deployment: Deployment) -> str:
    """Return the file and line of a job of a file in git; empty for one that the API has made.

    The file is relative to deploy.yaml where it is below it, else its name alone.
    """
    written = job.written
    if written is None or written.over_api:
        return ""
    directory = deployment.source.parent
    inside = written.file.is_relative_to(directory)
    return f"{written.file.relative_to(directory) if inside else written.file.name}:{written.line}"


@contextmanager
def _alone(state: StateDirectory) -> Generator[None]:
    state.api_jobs.parent.mkdir(parents=True, exist_ok=True)
    with locked(state.api_jobs_lock, seconds=_PATIENCE):
        yield


def _entries(front: Front) -> Entries:
    file = front.state.api_jobs
    try:
        data = read_yaml(small_files.text_of(file)).data if file.exists() else None
    except (NoTextError, UnreadableError) as error:
        raise ApiError(
            503, f"The file of the jobs made over the API can't be read: {error}."
        ) from None
    # By JSON: a date that somebody has written without quotes is text again.
    found: Any = json.loads(json.dumps(data or {}, default=str))
    return found.get("jobs") or {}


def _refusal(front: Front, identifier: str, text: str) -> ApiError:
    """Return the error for a configuration that does not load: by the job's keys, if it is its."""
    line = re.compile(
        rf"{re.escape(str(front.state.api_jobs))}:\d+: jobs\.{re.escape(identifier)}"
        r"(?:\.(?P<key>[^:]*))?: (?P<what>.*)"
    )
    found = [line.fullmatch(each) for each in text.splitlines()]
    faults = {
        each["key"] or "job": _shown(front, _told(each["key"] or "", each["what"]))
        for each in found
        if each
    }
    return invalid(faults) if faults else ApiError(503, _WRONG)


def _told(key: str, text: str) -> str:
    """Return a message of a reference without its remedy: it names others, seen or not."""
    return text.partition(", found ")[0] if key.startswith(_REFERENCES) else text


def _shown(front: Front, text: str) -> str:
    """Return a message without the places of files on this machine, but for their names."""
    for directory in (front.deployment.source.parent, front.state.root):
        text = text.replace(f"{directory}/", "")
    return text


def _refuse_parts_off(before: Deployment, after: Deployment, identifier: str) -> None:
    """Raise `ApiError` 400 for a reference or a command that a change has turned off.

    In a file in git it is a warning; whoever calls the API reads none.
    """
    known = {
        each for job in before.jobs.values() if job.identifier == identifier for each in job.off
    }
    for job in after.jobs.values():
        found = [each for each in job.off if each not in known]
        if job.identifier == identifier and found:
            raise invalid({each.part: _off(each) for each in found})


def _off(off: Off) -> str:
    return off.why if off.part == "job" else off.why.partition(", found ")[0]
