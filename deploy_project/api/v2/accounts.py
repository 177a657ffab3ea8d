"""The routes that show the account: projects, environments, repositories, users."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit, token_of
from deploy_project.api.front import listed
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.seen import environment_of, project_of
from deploy_project.api.http import envelope
from deploy_project.api.http.listing import Listing, is_active, is_any
from deploy_project.api.http.problems import not_found
from deploy_project.api.objects.account import account_object, number_of, user_object
from deploy_project.api.objects.listings import ENVIRONMENTS, PROJECTS, REPOSITORIES
from deploy_project.config.values.tokens import Token

_USERS = Listing[Token](
    filters={"account_id": is_any, "state": is_active}, orders={"id": lambda _: 0}
)


def roots(front: Front) -> list[Route]:
    """Return the routes of the list of accounts and of the account; all others are below it."""

    def every(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        listing = Listing[Known](filters={"state": is_active}, orders={"id": lambda _: 0})
        query, page, total = listing.page([front.known], request.query_params.multi_items())
        return envelope.many([account_object(each) for each in page], query=query, total=total)

    def one(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        return envelope.one(account_object(front.known))

    return [
        Route(f"/api/{version}/accounts{path}", handler)
        for version in ("v2", "v3")
        for path, handler in (("", every), ("/{account:int}", one))
    ] + [Route("/api/v2/users/{user:int}", _user(front))]


def routes(front: Front) -> list[Route]:
    """Return the routes below the account."""

    def project(request: Request) -> Response:
        return listed.one(front, request, PROJECTS, project_of(front, request))

    def projects(request: Request) -> Response:
        return listed.every(front, request, PROJECTS)

    def repository(request: Request) -> Response:
        return listed.one(front, request, REPOSITORIES, project_of(front, request))

    def repositories(request: Request) -> Response:
        return listed.every(front, request, REPOSITORIES)

    def environment(request: Request) -> Response:
        return listed.one(front, request, ENVIRONMENTS, environment_of(front, request))

    def environments(request: Request) -> Response:
        return listed.every(front, request, ENVIRONMENTS)

    return [
        Route("/projects", projects),
        Route("/projects/{project:int}", project),
        Route("/repositories", repositories),
        Route("/repositories/{project:int}", repository),
        Route("/environments", environments),
        Route("/environments/{environment:int}", environment),
        *users(front),
    ]


def users(front: Front) -> list[Route]:
    """Return the routes of users below the account: the token itself, and no other."""

    def every(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        query, page, total = _USERS.page([token_of(request)], request.query_params.multi_items())
        found = [user_object(each, front.known) for each in page]
        return envelope.many(found, query=query, total=total)

    return [Route("/users", every), Route("/users/{user:int}", _user(front))]


def _user(front: Front) -> Callable[[Request], Response]:
    def one(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        token = token_of(request)
        if request.path_params["user"] != number_of(token.name):
            raise not_found()
        return envelope.one(user_object(token, front.known))

    return one
