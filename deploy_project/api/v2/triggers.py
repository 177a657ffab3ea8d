"""The routes that start, cancel and repeat runs."""

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.gate import note
from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.steps import refuse_connections
from deploy_project.api.auth.tokens import token_of
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import as_seen, job_of, permit_in, run_of
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import checked, posted
from deploy_project.api.http.problems import ApiError, invalid
from deploy_project.api.objects.trigger import PULL_REQUESTS
from deploy_project.api.v2 import cancelling
from deploy_project.api.v2.runs import shown
from deploy_project.api.v2.trigger_body import TriggerBody, needed_actions
from deploy_project.config.values.deployment import Job
from deploy_project.dbt.project.schemas import schema_name
from deploy_project.errors import ConfigError, GitError, RemoteError
from deploy_project.git.mirror import full_commit
from deploy_project.runs.instance.deactivation import deactivated
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.requests import retries
from deploy_project.runs.requests.by_hand import Wish, Words, by_hand
from deploy_project.runs.requests.idempotency import Once, OtherBodyError
from deploy_project.runs.requests.request import Request as RunRequest
from deploy_project.runs.retry import refusal
from deploy_project.runs.retry.refusal import RetryRefusal

_LOG = logging.getLogger("deploy_project")
_CAUSE = "Triggered via API"
_REMOTE_AWAY = (
    "The git remote of project {!r} can't be asked for the branch now; the log of the server has "
    "the reason. Try again, or name a commit as git_sha."
)
_WORDS = Words(
    pull_request=" or ".join(PULL_REQUESTS.values()),
    commit="git_sha",
    branch="git_branch",
    schema="schema_override",
)
_LONGEST_KEY = 255
_OTHER_BODY = (
    "This Idempotency-Key was sent with another body within a day: send the same body for the same "
    "run, or another key for another one."
)


def routes(front: Front) -> list[Route]:
    """Return the routes that start, cancel and repeat runs."""

    def trigger(request: Request, fields: dict[str, Any]) -> Response:
        job = job_of(front, request)
        permit_in(request, Action.TRIGGER, job)
        body = checked(TriggerBody, fields)
        for action in body.actions:
            permit_in(request, action, job)
        refuse_connections("steps_override", body.steps_override or ())
        asked = partial(_asked, front, job, body, who=token_of(request).name)
        return _answer(front, request, _launched(front, request, fields, asked))

    def rerun(request: Request, fields: dict[str, Any]) -> Response:
        job = job_of(front, request)
        permit_in(request, Action.TRIGGER, job)
        asked = partial(_rerun, front, request, job)
        return _answer(front, request, _launched(front, request, fields, asked))

    def cancel(request: Request, _: dict[str, Any]) -> Response:
        run, job = run_of(front, request)
        permit_in(request, Action.CANCEL, job)
        if not run.status.has_ended:
            by = {tags.CANCELLED_BY: token_of(request).name}
            front.runs.instance.add_run_tags(run.id, by)
            cancelling.cancel(front, run)
        return _answer(front, request, run.id)

    def retry(request: Request, fields: dict[str, Any]) -> Response:
        run, job = run_of(front, request)
        permit_in(request, Action.TRIGGER, job)
        _permit_again(request, run, job)
        asked = partial(_retry, front, run, job, who=token_of(request).name)
        return _answer(front, request, _launched(front, request, fields, asked))

    def outlook(request: Request) -> Response:
        run, job = run_of(front, request)
        permit_in(request, Action.READ_RUNS, job)
        past = retries.past(front.runs, run.id, job, front.deployment, front.state)
        refused = refusal.refusal(past)
        if refused is not None and refused.reason != "RETRY_NOT_LATEST_RUN":
            raise _not_retried(refused)
        failed, *then = refusal.remaining(past.steps, past.records)
        return envelope.one(
            {"failed_step": failed.name, "skipped_steps": [each.name for each in then]}
        )

    return [
        Route("/jobs/{job:int}/run", posted(trigger), methods=["POST"]),
        Route("/jobs/{job:int}/rerun", posted(rerun), methods=["POST"]),
        Route("/runs/{run:int}/cancel", posted(cancel), methods=["POST"]),
        Route("/runs/{run:int}/retry", posted(retry), methods=["POST"]),
        Route("/runs/{run:int}/retry", outlook),
    ]


def _asked(front: Front, job: Job, body: TriggerBody, *, who: str) -> RunRequest:
    """Return the request of the run that `body` asks for.

    Raises `ApiError` 400 for a job that nothing may start, and for wishes that can't be met.
    """
    _refuse_inactive(front, job)
    kind, number = body.pull_request
    try:
        wish = Wish(
            cause=body.cause,
            commit=_valid("git_sha", body.git_sha, full_commit),
            branch=body.git_branch,
            schema=_valid("schema_override", _schema(job, body), schema_name),
            pull_request=number,
            pull_request_kind=kind,
            overrides=overrides.read(body.overrides, suffix="_override"),
            who=who,
            is_loaded=front.has_loaded(job),
            words=_WORDS,
        )
        if job.job_type == "ci" and number is None:
            raise ConfigError(
                "a CI job builds pull requests: give the number of one, as "
                f"{_WORDS.pull_request}, together with {_WORDS.commit} or {_WORDS.branch}"
            )
        return by_hand(job, wish, front.deployment)
    except RemoteError as error:
        _LOG.warning("Job %s was not started: %s", job.name, error)
        raise ApiError(503, _REMOTE_AWAY.format(job.environment.project.name)) from error
    except GitError as error:
        raise invalid({"git_branch": str(error)}) from error
    except ConfigError as error:
        raise invalid(str(error)) from error


def _valid(name: str, given: str | None, check: Callable[[str], str]) -> str | None:
    """Return a field as `check` returns it; raise `ApiError` 400 that names it."""
    try:
        return check(given) if given is not None else None
    except ConfigError as error:
        raise invalid({name: str(error)}) from error


def _schema(job: Job, body: TriggerBody) -> str | None:
    """Return the schema to build into; None for a pull request's own, named or not (CI-19)."""
    number, named = body.pull_request[1], body.schema_override
    own = tags.of_pull_request(job, number, run_slots=None)[tags.SCHEMA_OVERRIDE] if number else ""
    return None if named == own else named


def _refuse_inactive(front: Front, job: Job) -> None:
    why = job.why_off or deactivated(front.runs.instance, job)
    if why is not None:
        raise ApiError(400, why)


def _launched(
    front: Front, request: Request, fields: Mapping[str, Any], asked: Callable[[], RunRequest]
) -> str:
    """Return the id of the run that is `asked` for; the same one for the same `Idempotency-Key`.

    With such a key, `asked` is not called once there is a run: what was possible then may not be
    so any more.
    """

    def launch(each: RunRequest) -> str:
        return front.dagster.launch(each.job_name, each.tags, each.run_config)

    key = request.headers.get("idempotency-key")
    if key:
        run_id = _only_once(front, _once(request, key, fields), asked, launch)
    else:
        run_id = launch(asked())
    note(request, f"run {tags.run_number(run_id)}")
    return run_id


def _only_once(
    front: Front,
    wish: Once,
    asked: Callable[[], RunRequest],
    launch: Callable[[RunRequest], str],
) -> str:
    instance = front.runs.instance
    try:
        earlier = wish.run(instance)
        return earlier or wish.launched(instance, front.state, asked(), launch=launch)
    except OtherBodyError:
        raise ApiError(422, _OTHER_BODY) from None


def _once(request: Request, key: str, fields: Mapping[str, Any]) -> Once:
    if len(key) > _LONGEST_KEY:
        raise invalid({"Idempotency-Key": f"is longer than {_LONGEST_KEY} characters"})
    own = "\n".join([token_of(request).name, request.scope["path"], key])
    return Once(key=own, body=json.dumps(fields, sort_keys=True))


def _rerun(front: Front, request: Request, job: Job) -> RunRequest:
    """Return the request of a retry of a job's last run if that has failed, else of a new run."""
    newest = front.runs.newest(Wanted(jobs={job.name}))
    who = token_of(request).name
    if newest is None or newest.status is not Status.ERROR:
        return _asked(front, job, TriggerBody(cause=_CAUSE), who=who)
    _permit_again(request, newest, job)
    return _retry(front, newest, job, who=who)


def _permit_again(request: Request, run: PastRun, job: Job) -> None:
    """Raise `ApiError` 403 for a token without the permissions for the overrides of a run."""
    asked = run.asked
    has_code = bool(asked.commit or asked.branch or "target_name" in asked.overrides)
    for action in needed_actions(has_steps="steps" in asked.overrides, has_code=has_code):
        permit_in(request, action, job)


def _retry(front: Front, run: PastRun, job: Job, *, who: str) -> RunRequest:
    """Return the request of a run that repeats a failed one: from its failure, or else whole.

    Raises `ApiError` 400 with dbt Cloud's reason for one that has not failed, and for a job that
    nothing may start.
    """
    _refuse_inactive(front, job)
    past = retries.past(front.runs, run.id, job, front.deployment, front.state)
    refused = refusal.refusal(past)
    if refused is not None and refused.reason == "RETRY_NOT_FAILED_RUN":
        raise _not_retried(refused)
    goes_on = refused is None or refused.reason == "RETRY_NOT_LATEST_RUN"
    return retries.retry(front.runs.instance, run.id, who=who, from_start=not goes_on)


def _not_retried(refused: RetryRefusal) -> ApiError:
    """Return the error for a run that can't be retried, without the command line's remedy."""
    return invalid(f"{refused.reason}: {refused.why}; start a run of its job instead")


def _answer(front: Front, request: Request, run_id: str) -> Response:
    return envelope.one(shown(front, as_seen(front, request, front.runs.by_id(run_id))))
