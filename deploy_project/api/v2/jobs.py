"""The routes that show jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.front import listed
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.seen import job_of
from deploy_project.api.http.listing import (
    Filter,
    Listing,
    has_text,
    is_active,
    is_any,
    is_number,
    is_so,
    is_text,
)
from deploy_project.api.objects.job import RELATED, History, job_object, shown_name
from deploy_project.api.objects.run import Around, run_object
from deploy_project.config.values.deployment import Job
from deploy_project.runs.instance.deactivation import deactivated
from deploy_project.runs.reads.past_run import PastRun

_PROJECT: Filter[Job] = is_number(lambda job: job.environment.project.id)
_ID: Filter[Job] = is_number(lambda job: job.id)
_VERSION: Filter[Job] = is_text(lambda job: job.dbt_version)
_LISTING = Listing[Job](
    filters={
        "account_id": is_any,
        "project_id": _PROJECT,
        "project_id__in": _PROJECT,
        "environment_id": is_number(lambda job: job.environment.id),
        "name__icontains": has_text(shown_name),
        "state": is_active,
        "triggers_schedule": is_so(lambda job: job.scheduled),
        "is_system": is_so(lambda _: False),
        "is_fusion_ready": is_so(lambda _: False),
        "pk": _ID,
        "pk__in": _ID,
        "dbt_version": _VERSION,
        "dbt_version__in": _VERSION,
    },
    orders={
        "id": lambda job: job.id,
        "name": lambda job: shown_name(job).casefold(),
        "environment_id": lambda job: job.environment.id,
        "project_id": lambda job: job.environment.project.id,
        # All are as old as the files that have them.
        "created_at": lambda _: 0,
        "updated_at": lambda _: 0,
    },
)


def routes(front: Front) -> list[Route]:
    """Return the routes that show jobs."""

    def one(request: Request) -> Response:
        return listed.one(front, request, JOBS, job_of(front, request))

    def every(request: Request) -> Response:
        return listed.every(front, request, JOBS)

    return [Route("/jobs", every), Route("/jobs/{job:int}", one)]


def shown(front: Front, jobs: Sequence[Job], known: Known, included: frozenset[str]) -> list[Any]:
    """Return jobs as the API shows them, with the related objects that are `included`."""
    now = datetime.now(UTC)
    names = {each.name for each in jobs}
    failures = front.runs.failures(names) if names else {}
    newest = front.runs.newest_of(names) if names and "most_recent_run" in included else {}
    completed = (
        front.runs.newest_of(names, completed=True)
        if names and "most_recent_completed_run" in included
        else {}
    )

    def run(found: PastRun | None) -> Any:
        return run_object(found, Around(known), now=now) if found is not None else None

    def history(job: Job) -> History:
        return History(
            failures=failures.get(job.name, 0),
            is_deactivated=_is_deactivated(front, job, failures.get(job.name, 0)),
            newest=run(newest.get(job.name)),
            newest_completed=run(completed.get(job.name)),
        )

    return [job_object(each, known, included, now=now, history=history(each)) for each in jobs]


def _is_deactivated(front: Front, job: Job, failures: int) -> bool:
    """Return whether triggers no longer start a job; Dagster is asked only where it may be so."""
    limit = job.deactivate_after
    return bool(limit) and failures >= limit and deactivated(front.runs.instance, job) is not None


JOBS = listed.Kind[Job](
    listing=_LISTING,
    items=lambda deployment: deployment.jobs.values(),
    shown=shown,
    related=RELATED,
    action=Action.READ_JOBS,
)
