"""Links to dbt Cloud's pages of runs and jobs, as its clients write them: they lead to Dagster."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from deploy_project.api.front.front import Front
from deploy_project.runs.model import tags

_PROJECT = "/deploy/{account:int}/projects/{project:int}"


def routes(front: Front) -> list[Route]:
    """Return the routes of dbt Cloud's pages.

    A browser has no token: whoever follows a link learns no more than the id that Dagster has for a
    run of which the number is known already.
    """

    def run(request: Request) -> RedirectResponse:
        _check_account(front, request)
        found = front.runs.by_number(request.path_params["run"])
        if found is None or not found.is_ours:
            raise HTTPException(404, "There is no such run.")
        return RedirectResponse(front.deployment.run_page(found.id), 302)

    def job(request: Request) -> RedirectResponse:
        _check_account(front, request)
        wanted = quote(f"tag:{tags.JOB_ID}={request.path_params['job']}", safe="")
        return RedirectResponse(f"{front.deployment.dagster_url}/runs?q%5B0%5D={wanted}", 302)

    return [
        Route(f"{_PROJECT}/{path}{end}", handler)
        for path, handler in (("runs/{run:int}", run), ("jobs/{job:int}", job))
        for end in ("", "/")
    ]


def _check_account(front: Front, request: Request) -> None:
    if request.path_params["account"] != front.deployment.account.id:
        raise HTTPException(404, "This is another account.")
