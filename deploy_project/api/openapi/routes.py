"""The route of the front's OpenAPI document."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit
from deploy_project.api.openapi.document import document, keys
from deploy_project.api.openapi.operations import OPERATIONS

_PATH = "/api/openapi.json"


def routes(others: Sequence[BaseRoute]) -> list[Route]:
    """Return the route of the document of `others`, and of itself."""

    @cache
    def made() -> dict[str, Any]:
        found = [*keys(others), ("GET", _PATH)]
        return document(found, OPERATIONS, version=version("deploy-project"))

    def show(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        return JSONResponse(made())

    return [Route(_PATH, show)]
