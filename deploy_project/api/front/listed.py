"""The answers that list projects, environments and jobs of the configuration."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import permit, visible
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.http import envelope
from deploy_project.api.http.listing import Listing
from deploy_project.api.http.query import related
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project

Item = TypeVar("Item", Project, Environment, Job)


@dataclass(frozen=True)
class Kind(Generic[Item]):
    """A kind of object of the configuration, as lists and look-ups show it."""

    listing: Listing[Item]
    items: Callable[[Deployment], Iterable[Item]]
    shown: Callable[[Front, Sequence[Item], Known, frozenset[str]], Sequence[Any]]
    related: frozenset[str] = frozenset()
    """The related objects that can be included."""
    action: Action = Action.READ_ACCOUNT


def every(
    front: Front, request: Request, kind: Kind[Item], *, of_project: Project | None = None
) -> Response:
    """Return the page that a request asks for of all that its token sees, or of one project's."""
    permit(request, kind.action)
    known, parameters = _known(front, request), request.query_params.multi_items()
    sees = visible(request, kind.action)
    items = (
        each
        for each in kind.items(known.deployment)
        if sees(each) and (of_project is None or _project(each) == of_project)
    )
    query, page, total = kind.listing.page(
        items, parameters, state="active", account_id=known.account.id
    )
    found = kind.shown(front, page, known, related(parameters, kind.related))
    return envelope.many(found, query=query, total=total)


def one(front: Front, request: Request, kind: Kind[Item], item: Item) -> Response:
    """Return the answer that shows one item."""
    permit(request, kind.action)
    asked = related(request.query_params.multi_items(), kind.related)
    return envelope.one(kind.shown(front, [item], _known(front, request), asked)[0])


def _known(front: Front, request: Request) -> Known:
    return replace(front.known, sees=visible(request, Action.READ_JOBS))


def _project(item: Project | Environment | Job) -> Project:
    if isinstance(item, Project):
        return item
    return item.project if isinstance(item, Environment) else item.environment.project
