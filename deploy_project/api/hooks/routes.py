"""The route that hosting sites send their messages to."""

import logging
import secrets
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.front.front import Front
from deploy_project.api.hooks.signatures import is_signed
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import read
from deploy_project.api.http.problems import ApiError
from deploy_project.ci.pulls import bell
from deploy_project.config.environment import reveal
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError

_REFUSED = "There is no such project, or it takes no hooks, or the message is not signed for it."
_LOG = logging.getLogger("deploy_project")


def routes(front: Front) -> list[Route]:
    """Return the route for messages of hosting sites."""

    async def rung(request: Request) -> Response:
        body = await read(request)
        return await run_in_threadpool(_ring, front, request, body)

    return [Route("/hooks/{project}", rung, methods=["POST"])]


def _ring(front: Front, request: Request, body: bytes) -> Response:
    """Ring the bell of the project that a message is for; raise `ApiError` for an unsigned one."""
    project: str = request.path_params["project"]
    if not is_signed(request.headers, body, _secret(front.deployment, project), now=time.time()):
        raise ApiError(403, _REFUSED)
    bell.ring(front.state, project)
    return envelope.one({"project": project})


def _secret(deployment: Deployment, name: str) -> str:
    """Return the secret of a project's hooks; one that nobody knows where it has none."""
    project = deployment.projects.get(name)
    if project is None or project.hook_secret is None:
        return secrets.token_hex()
    try:
        wanted_by = f"projects.{name}.hooks.secret"
        return reveal(project.hook_secret, wanted_by=wanted_by).get_secret_value()
    except ConfigError as error:
        _LOG.error("A hook of project %r is refused: %s", name, error)
        raise ApiError(503, "The secret of the project's hooks can't be read here.") from None
