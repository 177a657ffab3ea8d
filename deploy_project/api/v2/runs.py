"""The routes that show runs, and the look-up of runs and jobs for other routes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit, visible
from deploy_project.api.front.front import Front
from deploy_project.api.http import envelope
from deploy_project.api.http.problems import not_found
from deploy_project.config.values.deployment import Job
from deploy_project.errors import LaunchError
from deploy_project.runs.reads.past_run import PastRun


def routes(front: Front) -> list[Route]:
    """Return the routes that show runs."""

    def one(request: Request) -> Response:
        run, job = run_of(front, request)
        permit_in(request, Action.READ_RUNS, job)
        return envelope.one(shown(front, run))

    return [Route("/runs/{run:int}", one)]


def job_of(front: Front, request: Request) -> Job:
    """Return the job that the path names; raise `ApiError` 404 for none that the token sees."""
    number: int = request.path_params["job"]
    for job in front.deployment.jobs.values():
        if job.id == number and visible(request, Action.READ_JOBS)(job):
            return job
    raise not_found()


def run_of(front: Front, request: Request) -> tuple[PastRun, Job]:
    """Return the run that the path names, and its job; raise `ApiError` 404 as `job_of`."""
    number: int = request.path_params["run"]
    try:
        run = front.runs.find(f"{number}")
    except LaunchError:
        raise not_found() from None
    job = front.deployment.jobs.get(run.job)
    if job is None or not visible(request)(job):
        raise not_found()
    return run, job


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


def shown(front: Front, run: PastRun) -> dict[str, Any]:
    """Return a run as the API shows it."""
    return {
        "id": run.number,
        "job_id": run.job_id,
        "status": run.status.number,
        "status_humanized": run.status.value,
        "href": front.deployment.run_page(run.id),
        "git_sha": run.commit or None,
        "is_complete": run.status.has_ended,
    }
