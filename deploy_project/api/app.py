"""The Starlette application of the front: dbt Cloud's API, and the pages of the docs."""

import logging
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy_project.api.auth.tokens import authenticated
from deploy_project.api.front.front import Front
from deploy_project.api.http import envelope
from deploy_project.api.http.problems import ApiError, not_found
from deploy_project.api.pages import docs
from deploy_project.api.v2 import runs, triggers
from deploy_project.errors import DeployError

API = "/api/"
_LOG = logging.getLogger("deploy_project")
_OTHER_ACCOUNT = "Access denied: Token is not scoped to account."
_AWAY = "What this needs does not answer: {}"


def create_app(front: Front) -> Starlette:
    """Build the application; the caller owns the server."""

    def health(_: Request) -> Response:
        return JSONResponse({"alive": True})

    v2 = [*triggers.routes(front), *runs.routes(front)]
    return Starlette(
        routes=[
            Mount("/api/v2/accounts/{account:int}", routes=v2),
            Route("/health", health),
            *docs.routes(front),
        ],
        middleware=[Middleware(_Gate, front=front)],
        exception_handlers={
            ApiError: _refused,
            HTTPException: _http_error,
            DeployError: _failed,
            Exception: _defect,
        },
    )


class _Gate:
    """The gate before the API: it knows the token of each request, and its account.

    Paths are taken with and without a slash at their end; a redirect would lose the body of a POST.
    """

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app, self._front = app, front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(API):
            scope = {**scope, "path": scope["path"].rstrip("/")}
            try:
                self._admit(scope)
            except ApiError as error:
                await envelope.refused(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        request, deployment = Request(scope), self._front.deployment
        header = request.headers.get("authorization")
        request.state.token = authenticated(header, deployment.tokens, now=datetime.now(UTC))
        parts = scope["path"].split("/")  # '', 'api', 'v2', 'accounts', the account, …
        if parts[3:4] == ["accounts"] and parts[4:5] not in ([], [f"{deployment.account.id}"]):
            raise ApiError(403, _OTHER_ACCOUNT)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return envelope.refused(error)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith(API):
        return docs.message(str(error.detail), error.status_code)
    if error.status_code == 404:
        return envelope.refused(not_found())
    return envelope.refused(ApiError(error.status_code, error.detail, headers=error.headers or {}))


def _failed(request: Request, error: Exception) -> Response:
    if not request.url.path.startswith(API):
        return docs.message(str(error), 503)
    _LOG.warning("%s %s: %s", request.method, request.url.path, error)
    return envelope.refused(ApiError(503, _AWAY.format(type(error).__name__)))


def _defect(request: Request, _: Exception) -> Response:
    if not request.url.path.startswith(API):
        return docs.message("Something went wrong here; the server's log has the reason.", 500)
    return envelope.refused(ApiError(500, "There was a server error."))
