"""The routes of version 3 that show environments, of a project or of all."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.front import listed
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import environment_of, project_of
from deploy_project.api.http.problems import not_found
from deploy_project.api.objects.listings import ENVIRONMENTS_V3


def routes(front: Front) -> list[Route]:
    """Return the routes that show environments."""

    def one(request: Request) -> Response:
        found = environment_of(front, request)
        if request.path_params.get("project", found.project.id) != found.project.id:
            raise not_found()
        return listed.one(front, request, ENVIRONMENTS_V3, found)

    def every(request: Request) -> Response:
        return listed.every(front, request, ENVIRONMENTS_V3)

    def of_project(request: Request) -> Response:
        project = project_of(front, request)
        return listed.every(front, request, ENVIRONMENTS_V3, of_project=project)

    return [
        Route("/environments", every),
        Route("/environments/{environment:int}", one),
        Route("/projects/{project:int}/environments", of_project),
        Route("/projects/{project:int}/environments/{environment:int}", one),
    ]
