"""The look-up of projects, environments, jobs and runs that the token of a request sees."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from starlette.requests import Request

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit, token_of, visible
from deploy_project.api.front.front import Front
from deploy_project.api.http.problems import invalid, not_found
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.wanted import Wanted

Item = TypeVar("Item", Project, Environment, Job)


def project_of(front: Front, request: Request) -> Project:
    """Return the project that the path names; raise `ApiError` 404 for none that is seen."""
    projects = front.deployment.projects.values()
    return _named(request, "project", projects, Action.READ_ACCOUNT)


def environment_of(front: Front, request: Request) -> Environment:
    """Return the environment that the path names; raise `ApiError` 404 for none that is seen."""
    environments = front.deployment.environments.values()
    return _named(request, "environment", environments, Action.READ_ACCOUNT)


def job_of(front: Front, request: Request) -> Job:
    """Return the job that the path names; raise `ApiError` 404 for none that is seen."""
    return _named(request, "job", front.deployment.jobs.values(), Action.READ_JOBS)


def _named(request: Request, name: str, items: Iterable[Item], action: Action) -> Item:
    number: int = request.path_params[name]
    sees = visible(request, action)
    for each in items:
        if each.id == number and sees(each):
            return each
    raise not_found()


def jobs_of(deployment: Deployment, ids: Collection[int]) -> list[Job]:
    """Return the jobs of these ids, as far as they are there."""
    return [each for each in deployment.jobs.values() if each.id in ids]


def sees_jobs(front: Front, request: Request, action: Action, ids: Collection[int]) -> bool:
    """Whether the token of a request sees all jobs of these ids; nobody sees one that is gone."""
    found = jobs_of(front.deployment, ids)
    return len(found) == len({*ids}) and all(map(visible(request, action), found))


def refuse_unknown_jobs(
    front: Front,
    request: Request,
    given: Mapping[str, Sequence[int]],
    *,
    read: Action,
    edit: Action,
) -> None:
    """Raise `ApiError` 400, by its key, for an id in `given` of no job, or of one not seen.

    A token that may not `edit` everywhere gets 403: it learns of no other job.
    """
    sees = visible(request, read)
    for key, ids in given.items():
        known = {each.id for each in jobs_of(front.deployment, ids) if sees(each)}
        unknown = [each for each in ids if each not in known]
        if unknown:
            permit(request, edit)
            raise invalid({key: f"there is no job {unknown[0]}"})


def run_of(front: Front, request: Request) -> tuple[PastRun, Job]:
    """Return the run that the path names, and its job; raise `ApiError` 404 for none of either."""
    run = seen_run(front, request)
    job = front.deployment.jobs.get(run.job)
    if job is None:
        raise not_found()
    return run, job


def seen_run(front: Front, request: Request, *, number: int | None = None) -> PastRun:
    """Return the run that the path, or `number`, names; raise `ApiError` 404 for none to be seen.

    Its job may be gone.
    """
    run = finding(front, request)(request.path_params["run"] if number is None else number)
    if run is None:
        raise not_found()
    return run


def finding(front: Front, request: Request) -> Callable[[int], PastRun | None]:
    """Return the look-up of a run by its number; it finds none that the token does not see."""
    sees = visible(request)

    def find(number: int) -> PastRun | None:
        run = front.runs.by_number(number)
        return run if run is not None and run.is_ours and sees(run) else None

    return find


def seen_only(front: Front, request: Request, asked: Wanted) -> Wanted:
    """Return the runs of `asked` that the token of a request sees."""
    if token_of(request).is_unlimited:
        return asked
    sees = visible(request)
    environments = [each for each in front.deployment.environments.values() if sees(each)]
    return replace(
        asked,
        environments=_both(asked.environments, {each.name for each in environments}),
        # An environment may have been another project's.
        projects=_both(asked.projects, {each.project.name for each in environments}),
    )


def _both(asked: Collection[str] | None, seen: set[str]) -> set[str]:
    return seen if asked is None else seen.intersection(asked)


def as_seen(front: Front, request: Request, run: PastRun) -> PastRun:
    """Return a run without the others that it waits for and that the token does not see."""
    if not run.blocked_by or token_of(request).is_unlimited:
        return run
    sees = visible(request)
    seen = tuple(each for each in run.blocked_by if sees(front.runs.by_id(each)))
    return replace(run, blocked_by=seen)


def permit_of_run(request: Request, action: Action, run: PastRun) -> None:
    """Raise `ApiError` 403 unless the request's token may do `action` with a run."""
    permit(request, action, project=run.project, environment=run.environment)


def permit_in(request: Request, action: Action, job: Job) -> None:
    """Raise `ApiError` 403 unless the request's token may do `action` for `job`."""
    environment = job.environment
    permit(
        request,
        action,
        project=environment.project.name,
        environment=environment.name,
        is_ci=job.job_type == "ci",
    )
