"""The routes that show the account: projects, environments, repositories, users."""

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
from deploy_project.api.objects.account import account_object, user_object
from deploy_project.api.objects.listings import ENVIRONMENTS, PROJECTS, REPOSITORIES


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
    ]


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

    def users(request: Request) -> Response:
        permit(request, Action.READ_ACCOUNT)
        known, token = front.known, token_of(request)
        listing = Listing[str](
            filters={"account_id": is_any, "state": is_active}, orders={"id": lambda _: 0}
        )
        query, page, total = listing.page([token.name], request.query_params.multi_items())
        is_admin = "account_admin" in token.permissions
        found = [user_object(each, known, is_admin=is_admin) for each in page]
        return envelope.many(found, query=query, total=total)

    return [
        Route("/projects", projects),
        Route("/projects/{project:int}", project),
        Route("/repositories", repositories),
        Route("/repositories/{project:int}", repository),
        Route("/environments", environments),
        Route("/environments/{environment:int}", environment),
        Route("/users", users),
    ]
