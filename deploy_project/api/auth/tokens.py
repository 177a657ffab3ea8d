"""The token of a request: found by its hash, asked for permission."""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.requests import Request

from deploy_project.api.auth.permissions import Action, allows
from deploy_project.api.http.problems import ApiError
from deploy_project.config.values.deployment import Environment, Job, Project
from deploy_project.config.values.tokens import Token, digest
from deploy_project.runs.reads.past_run import PastRun

Seen = PastRun | Job | Environment | Project
MAKE_ONE = (
    "`deploy-project token create NAME --permission job_runner` makes one, and prints the lines "
    "for deploy.yaml"
)
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_SCHEMES = ("token", "bearer")


def authenticated(header: str | None, tokens: Mapping[str, Token], *, now: datetime) -> Token:
    """Return the token that an `Authorization` header has.

    dbt Cloud takes `Token …` and `Bearer …`, and no token alone. Raises `ApiError` 401.
    """
    if not tokens:
        raise _refused(f"Invalid token: no token is configured here. {MAKE_ONE}.")
    if not header:
        raise _refused(
            "Authentication credentials were not provided: send `Authorization: Token …`."
        )
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() not in _SCHEMES or not given.strip():
        raise _refused("Invalid token: write `Authorization: Token …`, or `Bearer …`.")
    token = _known(given.strip(), tokens)
    if token is None:
        raise _refused("Invalid token.")
    if token.expires is not None and token.expires <= now:
        raise _refused(
            f"Invalid token: {token.name!r} has expired at {token.expires:%Y-%m-%d %H:%M} UTC. "
            f"{MAKE_ONE}."
        )
    return token


def _known(given: str, tokens: Mapping[str, Token]) -> Token | None:
    """Return the token of this text; all are compared, so that the time tells nothing."""
    own, found = digest(given), None
    for each in tokens.values():
        if hmac.compare_digest(own, each.sha256):
            found = each
    return found


def _refused(why: str) -> ApiError:
    return ApiError(401, why, headers=_CHALLENGE)


def token_of(request: Request) -> Token:
    """Return the token of a request, which `Gate` has found."""
    token: Token = request.state.token
    return token


def permit(
    request: Request,
    action: Action,
    *,
    project: str | None = None,
    environment: str | None = None,
    is_ci: bool = False,
) -> None:
    """Note the action of a request; raise `ApiError` 403 when its token may not do it.

    An object that the token does not see is better not found at all: ask `visible` first.
    """
    request.state.action = action
    token = token_of(request)
    if allows(token, action, project=project, environment=environment, is_ci=is_ci):
        return
    place = " ".join(
        f"{kind} {name!r}"
        for kind, name in (("project", project), ("environment", environment))
        if name is not None
    )
    what = action.replace("_", " ") + (f" in {place}" if place else "")
    raise ApiError(403, f"Access denied: token {token.name!r} may not {what}.")


def visible(request: Request, action: Action = Action.READ_RUNS) -> Callable[[Seen], bool]:
    """Return the test whether the token of a request may see a run, job, environment or project.

    Lists leave out what it does not see; a look-up answers 404.
    """
    token = token_of(request)

    def sees(each: Seen) -> bool:
        project, environment = _place(each)
        return allows(token, action, project=project, environment=environment)

    return sees


def _place(each: Seen) -> tuple[str, str | None]:
    if isinstance(each, Project):
        return each.name, None
    if isinstance(each, Environment):
        return each.project.name, each.name
    if isinstance(each, Job):
        return each.environment.project.name, each.environment.name
    return each.project, each.environment
