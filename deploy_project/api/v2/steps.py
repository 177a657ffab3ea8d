"""The route of one step of a run."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import permit_of_run, seen_run
from deploy_project.api.http import envelope
from deploy_project.api.http.problems import not_found
from deploy_project.api.http.query import related
from deploy_project.api.objects.step import run_and_index
from deploy_project.api.v2.run_steps import shown_steps
from deploy_project.api.v2.runs import facts_of

_RELATED = frozenset({"debug_logs"})


def routes(front: Front) -> list[Route]:
    """Return the route of one step."""

    def one(request: Request) -> Response:
        number, index = run_and_index(request.path_params["step"])
        run = seen_run(front, request, number=number)
        permit_of_run(request, Action.READ_RUNS, run)
        asked = related(request.query_params.multi_items(), _RELATED)
        found = shown_steps(front, run, facts_of(front, run), asked, only=index)
        if not found:
            raise not_found()
        return envelope.one(found[0])

    return [Route("/steps/{step:int}", one)]
