"""The Starlette application that serves the docs, always the newest published ones."""

from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from upath import UPath

from deploy_project.api import pages
from deploy_project.api.pages import Row
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.errors import DeployError
from deploy_project.git.hosting import commit_url
from deploy_project.releases import pointer
from deploy_project.runs.store.artifacts import Artifacts, is_local

FILES = {
    "index.html": "text/html; charset=utf-8",
    "manifest.json": "application/json",
    "catalog.json": "application/json",
}
"""The files of a docs site, with their media types; nothing else is served."""
_ALWAYS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def create_app(deployment: Deployment, state: StateDirectory) -> Starlette:
    """Build the application; the caller owns the server."""
    artifacts = Artifacts.of(deployment, state)

    def index(_: Request) -> HTMLResponse:
        rows = [_row(each, artifacts, state) for each in deployment.environments.values()]
        return _page(pages.index(deployment.account.name, rows, dagster_url=deployment.dagster_url))

    def to_index(request: Request) -> RedirectResponse:
        name = _environment(request, deployment).name
        return RedirectResponse(f"{quote(name)}/")  # relative, for proxies that strip a prefix

    def docs(request: Request) -> Response:
        environment = _environment(request, deployment)
        name = request.path_params["file"] or "index.html"
        if name not in FILES:
            raise HTTPException(404, f"The docs have no file {name!r}.")
        published = artifacts.published(artifacts.environment(environment.name), "docs")
        if published is None:
            raise HTTPException(404, pages.no_docs(environment.name))
        return _file(published / name)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/docs/{environment}", to_index),
            Route("/docs/{environment}/{file:path}", docs),
        ],
        exception_handlers={HTTPException: _refusal, DeployError: _failure},
    )


def _environment(request: Request, deployment: Deployment) -> Environment:
    name = request.path_params["environment"]
    try:
        return deployment.environments[name]
    except KeyError:
        known = ", ".join(deployment.environments)
        raise HTTPException(404, f"There is no environment {name!r}; known: {known}.") from None


def _row(environment: Environment, artifacts: Artifacts, state: StateDirectory) -> Row:
    found = pointer.deployed(state, environment.name)
    hosting = environment.project.hosting
    published = artifacts.published(artifacts.environment(environment.name), "docs")
    return Row(
        environment=environment.name,
        project=environment.project.name,
        commit=found.commit if found else "",
        commit_url=commit_url(hosting, found.commit) if found else "",
        has_docs=published is not None,
    )


def _file(file: UPath) -> Response:
    media_type = FILES[file.name]
    if not file.exists():
        raise HTTPException(404, f"The docs have no file {file.name!r}.")
    if is_local(file):
        return FileResponse(file.path, headers=_ALWAYS, media_type=media_type)
    return Response(file.read_bytes(), headers=_ALWAYS, media_type=media_type)


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=_ALWAYS)


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _page(pages.message(str(error.detail)), error.status_code)


def _failure(_: Request, error: Exception) -> Response:
    return _page(pages.message(str(error)), 503)
