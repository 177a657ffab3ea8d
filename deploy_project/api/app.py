"""The Starlette application of the front: dbt Cloud's API, and the pages of the docs."""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from deploy_project.api import health
from deploy_project.api.auth.audit import Audit
from deploy_project.api.auth.gate import API, Gate
from deploy_project.api.front.front import Front
from deploy_project.api.hooks import routes as hooks
from deploy_project.api.http import envelope
from deploy_project.api.http.hosts import LoopbackOnly, WithoutPrefix, host_of
from deploy_project.api.http.intake import Intake
from deploy_project.api.http.problems import ApiError, not_found
from deploy_project.api.openapi import routes as openapi
from deploy_project.api.pages import docs, links
from deploy_project.api.v2 import (
    accounts,
    artifacts,
    job_changes,
    jobs,
    notifications,
    runs,
    steps,
    triggers,
)
from deploy_project.api.v3 import environments, projects, variables, webhooks
from deploy_project.errors import DeployError, LaunchError

_READERS = 8
"""Threads that answer reads: more of them wait for one another, and keep more memory."""
_LOG = logging.getLogger("deploy_project")
_AWAY = "What this needs does not answer: {}"
_PLACE = re.compile(r"(?<![\w/:.])/[\w./~-]+")
"""A path of this machine, which is nothing for those who call."""


def create_app(front: Front, *, on_loopback: bool = True, behind_proxy: bool = False) -> Starlette:
    """Build the application; the caller owns the server.

    `on_loopback` answers to no other host than this machine's loopback and that of `docs_url`.
    """
    gate = Middleware(
        Gate,
        deployment=lambda: front.deployment,
        audit=Audit(front.state.audit),
        last_use=front.last_use,
    )
    own_host = Middleware(LoopbackOnly, own_host=lambda: host_of(front.deployment.docs_url or ""))
    v2 = [
        *triggers.routes(front),
        *runs.routes(front),
        *steps.routes(front),
        *artifacts.routes(front),
        *jobs.routes(front),
        *job_changes.routes(front),
        *notifications.routes(front),
        *accounts.routes(front),
    ]
    v3 = [
        *accounts.users(front),
        *projects.routes(front),
        *environments.routes(front),
        *variables.routes(front),
        *webhooks.routes(front),
    ]
    routes: list[BaseRoute] = [
        *accounts.roots(front),
        *notifications.roots(front),
        Mount("/api/v2/accounts/{account:int}", routes=v2),
        Mount("/api/v3/accounts/{account:int}", routes=v3),
        *health.routes(front),
        *hooks.routes(front),
        *docs.routes(front),
        *links.routes(front),
    ]
    app = Starlette(
        routes=[*routes, *openapi.routes(routes)],
        middleware=[
            *([own_host] if on_loopback else []),
            *([Middleware(WithoutPrefix)] if behind_proxy else []),
            Middleware(Intake),
            gate,
        ],
        lifespan=_with_few_readers,
        exception_handlers={
            ApiError: _refused,
            HTTPException: _http_error,
            DeployError: _failed,
            Exception: _defect,
        },
    )
    app.router.redirect_slashes = False  # a redirect would lose the body of a POST
    return app


@asynccontextmanager
async def _with_few_readers(_: Starlette) -> AsyncGenerator[None]:
    current_default_thread_limiter().total_tokens = _READERS
    yield


def _is_of_api(request: Request) -> bool:
    return request.scope["path"].startswith(API)  # a URL would also depend on the Host header


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return envelope.refused(error)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not _is_of_api(request):
        return docs.message(str(error.detail), error.status_code)
    if error.status_code == 404:
        return envelope.refused(not_found())
    return envelope.refused(ApiError(error.status_code, error.detail, headers=error.headers or {}))


def _failed(request: Request, error: Exception) -> Response:
    _LOG.warning("%s %s: %s", request.method, request.scope["path"], error)
    if not _is_of_api(request):
        return docs.message("What this needs does not answer; the server's log has more.", 503)
    told = _first(error) if isinstance(error, LaunchError) else type(error).__name__
    return envelope.refused(ApiError(503, _AWAY.format(_PLACE.sub("…", told))))


def _first(error: LaunchError) -> str:
    """Return the beginning of an error; behind it are the words of Dagster's own ones."""
    return str(error).partition("': ")[0]


def _defect(request: Request, _: Exception) -> Response:
    if not _is_of_api(request):
        return docs.message("Something went wrong here; the server's log has the reason.", 500)
    return envelope.refused(ApiError(500, "There was a server error."))
