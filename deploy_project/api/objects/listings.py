"""The lists of projects, environments and repositories: their filters, orders and objects."""

from collections.abc import Callable, Sequence
from typing import Any

from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.listed import Kind
from deploy_project.api.http.listing import (
    Filter,
    Listing,
    has_text,
    is_above,
    is_active,
    is_any,
    is_number,
    is_text,
)
from deploy_project.api.objects.account import (
    Object,
    environment_object,
    environment_v3_object,
    project_object,
    repository_object,
)
from deploy_project.config.values.deployment import Environment, Project

_ID: Filter[Project] = is_number(lambda project: project.id)
_OWN: Filter[Environment] = is_number(lambda environment: environment.id)
_PROJECT: Filter[Environment] = is_number(lambda environment: environment.project.id)
_VERSION: Filter[Environment] = is_text(lambda environment: environment.dbt_version)
_TYPE: Filter[Environment] = is_text(lambda environment: environment.type)

_ENVIRONMENTS = Listing[Environment](
    filters={
        "account_id": is_any,
        "credentials_id": is_number(lambda _: None),
        "dbt_version": _VERSION,
        "dbt_version__in": _VERSION,
        "deployment_type": _TYPE,
        "deployment_type__in": _TYPE,
        "id__gt": is_above(lambda environment: environment.id),
        "name": is_text(lambda environment: environment.name),
        "name__icontains": has_text(lambda environment: environment.name),
        "pk": _OWN,
        "pk__in": _OWN,
        "project_id": _PROJECT,
        "project_id__in": _PROJECT,
        "state": is_active,
        "type": is_text(lambda _: "deployment"),
    },
    orders={
        "id": lambda environment: environment.id,
        "name": lambda environment: environment.name,
        "project_id": lambda environment: environment.project.id,
    },
)


def _each(shown: Callable[..., Object], *, plain: bool = False) -> Callable[..., Sequence[Any]]:
    """Return the function that shows several items by one that shows a single one."""

    def every(
        _: Front, items: Sequence[Any], known: Known, related: frozenset[str]
    ) -> list[Object]:
        more = () if plain else (related,)
        return [shown(each, known, *more) for each in items]

    return every


PROJECTS = Kind[Project](
    listing=Listing(
        filters={
            "account_id": is_any,
            "name": is_text(lambda project: project.name),
            "name__icontains": has_text(lambda project: project.name),
            "pk": _ID,
            "pk__in": _ID,
            "pk__gt": is_above(lambda project: project.id),
            "state": is_active,
        },
        orders={"id": lambda project: project.id, "name": lambda project: project.name},
    ),
    items=lambda deployment: deployment.projects.values(),
    shown=_each(project_object),
    related=frozenset({"repository"}),
)
REPOSITORIES = Kind[Project](
    listing=Listing(
        filters={
            "account_id": is_any,
            "pk": _ID,
            "project_id": _ID,
            "project_id__in": _ID,
            "remote_url": is_text(lambda project: project.repository),
            "state": is_active,
        },
        orders={"id": lambda project: project.id},
    ),
    items=lambda deployment: deployment.projects.values(),
    shown=_each(repository_object, plain=True),
)
ENVIRONMENTS = Kind[Environment](
    listing=_ENVIRONMENTS,
    items=lambda deployment: deployment.environments.values(),
    shown=_each(environment_object),
    related=frozenset({"repository", "custom_environment_variables"}),
)
ENVIRONMENTS_V3 = Kind[Environment](
    listing=_ENVIRONMENTS,
    items=lambda deployment: deployment.environments.values(),
    shown=_each(environment_v3_object),
    related=frozenset({"project", "repository"}),
)
