"""The routes of version 3 that show projects and their repositories."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.front import listed
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import project_of
from deploy_project.api.objects.listings import PROJECTS, REPOSITORIES


def routes(front: Front) -> list[Route]:
    """Return the routes that show projects."""

    def one(request: Request) -> Response:
        return listed.one(front, request, PROJECTS, project_of(front, request))

    def every(request: Request) -> Response:
        return listed.every(front, request, PROJECTS)

    def repositories(request: Request) -> Response:
        return listed.every(front, request, REPOSITORIES, of_project=project_of(front, request))

    return [
        Route("/projects", every),
        Route("/projects/{project:int}", one),
        Route("/projects/{project:int}/repositories", repositories),
    ]
