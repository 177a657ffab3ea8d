"""The route that tells whether the front is alive, and with a token more than that."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action, allows
from deploy_project.api.auth.tokens import authenticated
from deploy_project.api.front.front import Front
from deploy_project.api.http.bodies import apart
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token
from deploy_project.runs.instance.answering import answers

_SECONDS = 5.0


def routes(front: Front) -> list[Route]:
    """Return the route of the front's health.

    Without a token it says nothing that a stranger could use; a wrong one is refused.
    """

    def health(request: Request) -> Response:
        told: dict[str, Any] = {"alive": True}
        header = request.headers.get("authorization")
        if header:
            deployment = front.deployment
            token = authenticated(header, deployment.tokens, now=datetime.now(UTC))
            told["configuration"] = _told(front.configuration.problem, token, deployment)
            told["dagster"] = answers(deployment.dagster_url, seconds=_SECONDS)
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return [Route("/health", apart(health))]


def _told(problem: str, token: Token, deployment: Deployment) -> str | None:
    """Return the mistakes of the files; a token that does not see all learns that there are some.

    They name jobs and environments of everybody.
    """
    if problem and not (token.is_unlimited and allows(token, Action.READ_ACCOUNT)):
        return "The configuration files have mistakes, which `deploy-project check` tells."
    return problem.replace(f"{deployment.source.parent}/", "") or None
