"""The operations of the front that programs call: a summary of each, its body and its query."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from deploy_project.api.changes.job_entry import JobBody
from deploy_project.api.changes.notification_body import NotificationBody
from deploy_project.api.objects.listings import ENVIRONMENTS, PROJECTS, REPOSITORIES
from deploy_project.api.v2.jobs import JOBS
from deploy_project.api.v2.notifications import LISTING as NOTIFICATIONS
from deploy_project.api.v2.trigger_body import TriggerBody
from deploy_project.api.v2.wanted_runs import FILTERS
from deploy_project.api.v3.variables import VariableBody
from deploy_project.api.v3.webhooks import SubscriptionBody


@dataclass(frozen=True)
class Operation:
    """The use of one method at one path, for people, and its body and query."""

    summary: str
    body: type[BaseModel] | None = None
    query: Collection[str] = ()
    status: int = 200
    is_file: bool = False
    """Whether the answer is a file as it is, and no JSON in an envelope."""
    is_open: bool = False
    """Whether it needs no token."""


Key = tuple[str, str]
"""A method and a path, such as `GET` and `/api/v2/accounts/{account}/runs/{run}`."""
_RELATED = "include_related"
_PAGE = (_RELATED, "limit", "offset", "order_by")


def _one(summary: str) -> Operation:
    return Operation(summary, query=(_RELATED,))


def _many(summary: str, filters: Collection[str]) -> Operation:
    return Operation(summary, query=(*_PAGE, *sorted(filters)))


_RUNS: Mapping[Key, Operation] = {
    ("GET", "/runs"): _many("Runs, in pages", FILTERS),
    ("GET", "/runs/{run}"): _one("A run"),
    ("POST", "/runs/{run}/cancel"): Operation("Cancel a run"),
    ("GET", "/runs/{run}/retry"): Operation("The steps that a retry would run"),
    ("POST", "/runs/{run}/retry"): Operation("Retry a failed run from its failure"),
    ("GET", "/runs/{run}/artifacts"): Operation("The paths of a run's artifacts"),
    ("GET", "/runs/{run}/artifacts/{path}"): Operation(
        "An artifact of a run", query=("step",), is_file=True
    ),
    ("GET", "/steps/{step}"): _one("A step of a run"),
}
_JOBS: Mapping[Key, Operation] = {
    ("GET", "/jobs"): _many("Jobs, in pages", JOBS.listing.filters),
    ("POST", "/jobs"): Operation("Make a job", body=JobBody, status=201),
    ("GET", "/jobs/{job}"): _one("A job"),
    ("POST", "/jobs/{job}"): Operation("Change a job that was made over the API", body=JobBody),
    ("DELETE", "/jobs/{job}"): Operation("Delete a job that was made over the API"),
    ("POST", "/jobs/{job}/run"): Operation("Start a run of a job", body=TriggerBody),
    ("POST", "/jobs/{job}/rerun"): Operation(
        "Retry a job's last run from its failure, or start a new one"
    ),
    ("GET", "/jobs/{job}/artifacts/{path}"): Operation(
        "An artifact of a job's last successful run",
        query=("step", *sorted(FILTERS)),
        is_file=True,
    ),
}
_NOTIFICATIONS: Mapping[Key, Operation] = {
    ("GET", "/notifications"): _many("Notifications, in pages", NOTIFICATIONS.filters),
    ("POST", "/notifications"): Operation("Make a notification", body=NotificationBody, status=201),
    ("GET", "/notifications/{notification}"): _one("A notification"),
    ("POST", "/notifications/{notification}"): Operation(
        "Change a notification", body=NotificationBody
    ),
    ("DELETE", "/notifications/{notification}"): Operation("Delete a notification"),
}
_ACCOUNT: Mapping[Key, Operation] = {
    ("GET", "/projects"): _many("Projects, in pages", PROJECTS.listing.filters),
    ("GET", "/projects/{project}"): _one("A project"),
    ("GET", "/environments"): _many("Environments, in pages", ENVIRONMENTS.listing.filters),
    ("GET", "/environments/{environment}"): _one("An environment"),
    ("GET", "/users"): Operation("Users: the token itself", query=_PAGE),
    ("GET", "/users/{user}"): Operation("The token itself, as a user"),
}
_V2: Mapping[Key, Operation] = {
    **_RUNS,
    **_JOBS,
    **_ACCOUNT,
    **_NOTIFICATIONS,
    ("GET", "/repositories"): _many("Repositories, in pages", REPOSITORIES.listing.filters),
    ("GET", "/repositories/{project}"): _one("The repository of a project"),
}
_OF_PROJECT = "/projects/{project}"
_VARIABLES = f"{_OF_PROJECT}/environment-variables"
_SUBSCRIPTION, _EVENT = "/webhooks/subscription/{subscription}", "/webhooks/event/{event}"
_WEBHOOKS: Mapping[Key, Operation] = {
    ("GET", "/webhooks/subscriptions"): Operation("Webhooks, in pages", query=_PAGE),
    ("POST", "/webhooks/subscriptions"): Operation(
        "Make a webhook; its secret is shown once", body=SubscriptionBody, status=201
    ),
    ("GET", _SUBSCRIPTION): Operation("A webhook"),
    ("PUT", _SUBSCRIPTION): Operation("Change a webhook", body=SubscriptionBody),
    ("DELETE", _SUBSCRIPTION): Operation("Delete a webhook"),
    ("GET", f"{_SUBSCRIPTION}/test"): Operation("Send an event to try a webhook"),
    ("GET", f"{_SUBSCRIPTION}/events"): Operation("The events of a webhook", query=_PAGE),
    ("GET", f"{_SUBSCRIPTION}/event/{{event}}/receipt"): Operation("Deliveries of an event"),
    ("GET", _EVENT): Operation("An event"),
    ("GET", f"{_EVENT}/receipts"): Operation("Deliveries of an event"),
    ("GET", "/webhooks/receipt/{receipt}"): Operation("A delivery"),
}
_V3: Mapping[Key, Operation] = {
    **_ACCOUNT,
    **_WEBHOOKS,
    ("GET", f"{_OF_PROJECT}/environments"): _many(
        "Environments of a project, in pages", ENVIRONMENTS.listing.filters
    ),
    ("GET", f"{_OF_PROJECT}/environments/{{environment}}"): _one("An environment"),
    ("GET", f"{_OF_PROJECT}/repositories"): _many(
        "The repository of a project", REPOSITORIES.listing.filters
    ),
    ("GET", f"{_VARIABLES}/environment"): Operation("Variables of a project's environments"),
    ("GET", f"{_VARIABLES}/user"): Operation(
        "Variables of a project, as a person has them", query=("user_id",)
    ),
    **{
        (method, f"{_VARIABLES}/bulk"): Operation("Refused: such variables are in deploy.yaml")
        for method in ("POST", "PUT", "DELETE")
    },
    ("GET", f"{_VARIABLES}/job"): Operation("Variables of a job", query=("job_definition_id",)),
    ("POST", _VARIABLES): Operation("Set a variable of a job", body=VariableBody, status=201),
    ("POST", f"{_VARIABLES}/{{variable}}"): Operation("Change a variable", body=VariableBody),
    ("DELETE", f"{_VARIABLES}/{{variable}}"): Operation("Take a variable away"),
}
OPERATIONS: Mapping[Key, Operation] = {
    ("GET", "/health"): Operation("Whether the front is alive", is_open=True),
    ("GET", "/api/openapi.json"): Operation("This document"),
    ("GET", "/api/v2/users/{user}"): Operation("The token itself, as a user"),
    ("POST", "/api/v2/notifications/unsubscribe"): Operation(
        "Delete the notifications that send mail to the token's user"
    ),
    ("POST", "/hooks/{project}"): Operation("Have a project's remote looked at", is_open=True),
    **{
        ("GET", f"/api/{version}/accounts{path}"): Operation(summary)
        for version in ("v2", "v3")
        for path, summary in (("", "The accounts: one"), ("/{account}", "The account"))
    },
    **{
        (method, f"/api/{version}/accounts/{{account}}{path}"): operation
        for version, operations in (("v2", _V2), ("v3", _V3))
        for (method, path), operation in operations.items()
    },
}
"""All of them; docs/api.md tells what differs from dbt Cloud's."""
