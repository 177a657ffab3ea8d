"""The notification that a body of dbt Cloud's API describes; pure (NOT-5)."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from deploy_project.api.changes.job_entry import Ignored, Number, Text
from deploy_project.api.http.problems import invalid
from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.notifications import is_slack_channel
from deploy_project.notify.over_api.notification import (
    EXTERNAL,
    SLACK,
    SLACK_V2,
    USER,
    Notification,
    Type,
)

_MOST_JOBS = 10_000
_LISTS = ("on_cancel", "on_failure", "on_success", "on_warning")
_SLACK_FIELDS = ("slack_channel_id", "slack_channel_name")
_FIELDS: dict[Type, tuple[str, ...]] = {
    USER: (),
    EXTERNAL: ("external_email",),
    SLACK: _SLACK_FIELDS,
    SLACK_V2: _SLACK_FIELDS,
}
"""The fields of the recipient, by type."""


def _not_true(given: object) -> object:
    """Return a value, true and false as texts: they equal 1 and 0 otherwise."""
    return str(given) if isinstance(given, bool) else given


_NUMBER = BeforeValidator(_not_true)
Id = Annotated[Number, _NUMBER]
Jobs = Annotated[list[Id], Field(max_length=_MOST_JOBS)]


class NotificationBody(BaseModel):
    """The body of a new or changed notification, dbt Cloud's `JobNotificationSettingsRequest`.

    A key that is not sent stays as it is. What an answer has and nobody sets is taken and left.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None
    type: Annotated[Literal[1, 2, 4, 5], _NUMBER] | None = None
    external_email: Annotated[StrictStr, Field(max_length=1_000)] | None = None
    slack_channel_id: Text | None = None
    slack_channel_name: Text | None = None
    on_cancel: Jobs | None = None
    on_failure: Jobs | None = None
    on_success: Jobs | None = None
    on_warning: Jobs | None = None
    state: Annotated[Literal[1, 2], _NUMBER] | None = None

    created_at: Ignored
    updated_at: Ignored
    user: Ignored


def changed(before: Notification, body: NotificationBody) -> Notification:
    """Return a notification with the recipient and the jobs that `body` has; its user stays.

    Raises `ApiError` 400 for a recipient that can't be.
    """
    to: Type = body.type or before.type
    texts, faults = dict[str, str](), dict[str, str]()
    for name in ("external_email", *_SLACK_FIELDS):
        given: str | None = getattr(body, name)
        is_own = name in _FIELDS[to]
        if given and not is_own:
            faults[name] = f"does not go with type {to}"
        stays = is_own and name not in body.model_fields_set
        texts[name] = getattr(before, name) if stays else (given or "") if is_own else ""
    if to == EXTERNAL:
        address = mail_address(texts["external_email"])
        texts["external_email"] = address or ""
        if address is None:
            faults["external_email"] = "must be one address, such as name@example.com"
    if to in (SLACK, SLACK_V2) and not is_slack_channel(texts["slack_channel_id"]):
        faults["slack_channel_id"] = "must be the id of a channel, such as C0123456789"
    if faults:
        raise invalid(faults)
    lists = {
        name: tuple(dict.fromkeys(getattr(body, name) or ()))
        for name in _LISTS
        if name in body.model_fields_set
    }
    return replace(before, type=to, **texts, **lists)
