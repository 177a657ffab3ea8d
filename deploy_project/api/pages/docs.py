"""The routes of the docs: an index, and the docs site of each environment."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from upath import UPath

from deploy_project.api.front.front import Front
from deploy_project.api.pages import html
from deploy_project.api.pages.content_policy import of_docs, of_page
from deploy_project.api.pages.html import Row
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.git.hosting import commit_url
from deploy_project.releases import pointer
from deploy_project.runs.store.artifacts import is_local

FILES = {
    "index.html": "text/html; charset=utf-8",
    "manifest.json": "application/json",
    "catalog.json": "application/json",
}
"""The files of a docs site, with their media types; nothing else is served."""
POLICY = "Content-Security-Policy"
HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def routes(front: Front) -> list[Route]:
    """Return the routes of the docs."""

    def index(_: Request) -> Response:
        deployment = front.deployment
        rows = [_row(each, front) for each in deployment.environments.values()]
        return _page(html.index(deployment.account.name, rows, dagster_url=deployment.dagster_url))

    def to_index(request: Request) -> RedirectResponse:
        name = _environment(request, front.deployment).name
        return RedirectResponse(f"{quote(name)}/")  # relative, for proxies that strip a prefix

    def docs(request: Request) -> Response:
        environment = _environment(request, front.deployment)
        name = request.path_params["file"] or "index.html"
        if name not in FILES:
            raise HTTPException(404, f"The docs have no file {name!r}.")
        published = front.artifacts.published(front.artifacts.environment(environment.name), "docs")
        if published is None:
            raise HTTPException(404, html.no_docs(environment.name))
        return _file(published / name)

    return [
        Route("/", index),
        Route("/docs/{environment}", to_index),
        Route("/docs/{environment}/{file:path}", docs),
    ]


def message(text: str, status: int) -> Response:
    """Return a page that says `text`."""
    return _page(html.message(text), status)


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers={**HEADERS, POLICY: of_page(text.encode())})


def _environment(request: Request, deployment: Deployment) -> Environment:
    name = request.path_params["environment"]
    try:
        return deployment.environments[name]
    except KeyError:
        known = ", ".join(deployment.environments)
        raise HTTPException(404, f"There is no environment {name!r}; known: {known}.") from None


def _row(environment: Environment, front: Front) -> Row:
    found = pointer.deployed(front.state, environment.name)
    hosting = environment.project.hosting
    published = front.artifacts.published(front.artifacts.environment(environment.name), "docs")
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
    if file.name == "index.html":
        content = file.read_bytes()
        headers = {**HEADERS, POLICY: of_docs(content)}
        return Response(content, headers=headers, media_type=media_type)
    if is_local(file):
        return FileResponse(file.path, headers=HEADERS, media_type=media_type)
    return Response(file.read_bytes(), headers=HEADERS, media_type=media_type)
