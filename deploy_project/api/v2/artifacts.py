"""The routes of artifacts: a run's list, and files of a run or of a job (ART-1, ART-2)."""

import mimetypes
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from upath import UPath

from deploy_project.api.auth.permissions import Action
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import finding, job_of, permit_in, permit_of_run, seen_run
from deploy_project.api.http import envelope
from deploy_project.api.http.listing import number
from deploy_project.api.http.problems import not_found
from deploy_project.api.http.query import ListQuery, list_query
from deploy_project.api.v2.wanted_runs import FILTERS, ORDERS, wanted
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.store import step_artifacts, transfer
from deploy_project.runs.store.artifacts import is_local

LOOKED_AT = 20
"""So many runs of a job are looked through for one that has left a file."""
_STATUSES = frozenset({"status", "status__in"})
_TYPES = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".parquet": "application/x-parquet",
    **dict.fromkeys((".sql", ".yml", ".yaml", ".log", ".txt", ".md"), "text/plain; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    # dbt's docs are a program of the project's: here it is a file, and no page.
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


def routes(front: Front) -> list[Route]:
    """Return the routes of artifacts."""

    def listed(request: Request) -> Response:
        run = seen_run(front, request)
        permit_of_run(request, Action.READ_ARTIFACTS, run)
        return envelope.one(step_artifacts.listed(front.artifacts, run.id))

    def of_run(request: Request) -> Response:
        run = seen_run(front, request)
        permit_of_run(request, Action.READ_ARTIFACTS, run)
        return _answer(front, [run.id], request)

    def of_job(request: Request) -> Response:
        job = job_of(front, request)
        permit_in(request, Action.READ_ARTIFACTS, job)
        page = front.runs.page(_of_job(front, request, job.name), limit=LOOKED_AT)
        return _answer(front, [each.id for each in page.runs], request)

    return [
        Route("/runs/{run:int}/artifacts", listed),
        Route("/runs/{run:int}/artifacts/{path:path}", of_run),
        Route("/jobs/{job:int}/artifacts/{path:path}", of_job),
    ]


def _of_job(front: Front, request: Request, job: str) -> Wanted:
    """Return the runs of a job that the query asks for; successes where it names no status."""
    given = [(name, text) for name, text in request.query_params.multi_items() if name != "step"]
    query: ListQuery = list_query(given, filters=FILTERS, orders=ORDERS)
    asked = wanted(query, front.deployment, finding(front, request))
    if _STATUSES.isdisjoint(query.filters):
        asked = replace(asked, statuses={Status.SUCCESS})
    return replace(asked, jobs={job})


def _answer(front: Front, run_ids: list[str], request: Request) -> Response:
    path: str = request.path_params["path"]
    written = request.query_params.get("step", "")
    step = number("step", written) if written else None
    for run_id in run_ids:
        file = step_artifacts.found(front.artifacts, run_id, path, step=step)
        if file is not None:
            return _file(file, path)
    raise not_found()


def _file(file: UPath, path: str) -> Response:
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    name = quote(file.name)
    headers = {**_HEADERS, "Content-Disposition": f"inline; filename*=UTF-8''{name}"}
    if is_local(file):
        return FileResponse(file.path, headers=headers, media_type=kind)
    return StreamingResponse(_content(file), headers=headers, media_type=kind)


def _content(file: UPath) -> Iterator[bytes]:
    with transfer.opened(file) as stream:
        while part := stream.read(transfer.CHUNK):
            yield part
