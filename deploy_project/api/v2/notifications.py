"""The routes of notifications: mail and messages in Slack on the ends of runs (NOT-5)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.gate import note
from deploy_project.api.auth.permissions import Action, allows
from deploy_project.api.auth.tokens import permit, token_of
from deploy_project.api.changes.job_entry import DELETED
from deploy_project.api.changes.notification_body import NotificationBody, changed
from deploy_project.api.front.front import Front
from deploy_project.api.front.known import Known
from deploy_project.api.front.seen import jobs_of, permit_in, refuse_unknown_jobs, sees_jobs
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import apart, checked, posted
from deploy_project.api.http.listing import Listing, is_active, is_any, is_number, is_text
from deploy_project.api.http.problems import ApiError, invalid, not_found
from deploy_project.api.objects.account import ACTIVE, Object, number_of, user_object
from deploy_project.api.objects.humanized import with_t
from deploy_project.config.values.tokens import Token
from deploy_project.notify.over_api.notification import Notification, UnreachableError, channel
from deploy_project.notify.over_api.store import Store

LISTING = Listing[Notification](
    filters={
        "account_id": is_any,
        "external_email": is_text(lambda each: each.external_email),
        "pk": is_number(lambda each: each.id),
        "slack_channel_id": is_text(lambda each: each.slack_channel_id),
        "state": is_active,
        "type": is_number(lambda each: each.type),
        "user_id": is_number(lambda each: number_of(each.user)),
    },
    orders={
        "id": lambda each: each.id,
        "type": lambda each: each.type,
        "created_at": lambda each: each.created_at,
        "updated_at": lambda each: each.updated_at,
    },
)
"""The filters and orders of the list."""
_MOST = 1_000
_READ, _EDIT = Action.READ_NOTIFICATIONS, Action.EDIT_NOTIFICATIONS


def routes(front: Front) -> list[Route]:
    """Return the routes of notifications."""
    notifications = _Notifications(front)
    one = "/notifications/{notification:int}"
    return [
        Route("/notifications", notifications.index),
        Route("/notifications", posted(notifications.create), methods=["POST"]),
        Route(one, notifications.show),
        Route(one, posted(notifications.update), methods=["POST"]),
        Route(one, apart(notifications.delete), methods=["DELETE"]),
    ]


def roots(front: Front) -> list[Route]:
    """Return the route that ends all mail to a user; it is below no account (NOT-2)."""
    unsubscribe = posted(_Notifications(front).unsubscribe)
    return [Route("/api/v2/notifications/unsubscribe", unsubscribe, methods=["POST"])]


class _Notifications:
    """The handlers, over the notifications of the store."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._store = Store(front.state)

    def index(self, request: Request) -> Response:
        permit(request, _READ)
        seen = [each for each in self._store.all() if self._sees(request, each)]
        known = self._front.known
        query, page, total = LISTING.page(
            seen, request.query_params.multi_items(), state="active", account_id=known.account.id
        )
        return envelope.many([_object(each, known) for each in page], query=query, total=total)

    def create(self, request: Request, given: dict[str, Any]) -> Response:
        body = checked(NotificationBody, given)
        if body.type is None:
            raise invalid({"type": "is required: 1 or 4 for mail, 2 or 5 for Slack"})
        if body.state == DELETED:
            raise invalid({"state": "must be 1 for a new notification"})
        own = Notification(id=body.id or 0, type=body.type, user=token_of(request).name)
        wanted = self._wanted(request, body, own)
        if len(self._store.all()) >= _MOST:
            raise ApiError(400, f"There are {_MOST} notifications already; delete some.")
        made = self._store.create(wanted, now=datetime.now(UTC))
        note(request, f"notification {made.id}")
        return self._one(made, status=201)

    def show(self, request: Request) -> Response:
        return self._one(self._notification(request))

    def update(self, request: Request, given: dict[str, Any]) -> Response:
        known, body = self._notification(request), checked(NotificationBody, given)
        self._permit(request, known)
        if body.state == DELETED:
            return self._deleted(known)
        wanted = self._wanted(request, body, known)
        after = self._store.update(wanted, now=datetime.now(UTC))
        if after is None:  # somebody else has deleted it meanwhile
            raise not_found()
        return self._one(after)

    def delete(self, request: Request) -> Response:
        known = self._notification(request)
        self._permit(request, known)
        return self._deleted(known)

    def unsubscribe(self, request: Request, _: dict[str, Any]) -> Response:
        permit(request, _READ)
        self._store.delete_mail_of(token_of(request).name)
        return envelope.one(None)

    def _deleted(self, known: Notification) -> Response:
        if not self._store.delete(known.id):
            raise not_found()
        return envelope.one({**_object(known, self._front.known), "state": DELETED})

    def _one(self, of: Notification, *, status: int = 200) -> Response:
        return envelope.one(_object(of, self._front.known), status=status)

    def _notification(self, request: Request) -> Notification:
        """Return the notification in the path; raise `ApiError` 404 for none that is seen."""
        request.state.action = _READ
        wanted: int = request.path_params["notification"]
        for each in self._store.all():
            if each.id == wanted and self._sees(request, each):
                return each
        raise not_found()

    def _sees(self, request: Request, of: Notification) -> bool:
        """Whether the token sees all jobs that a notification tells of."""
        token = token_of(request)
        if not allows(token, _READ):
            return False
        if token.is_unlimited:
            return True
        return bool(of.job_ids) and sees_jobs(self._front, request, _READ, of.job_ids)

    def _permit(self, request: Request, of: Notification) -> None:
        """Raise `ApiError` 403 unless the token may change all that a notification tells of."""
        for job in jobs_of(self._front.deployment, of.job_ids):
            permit_in(request, _EDIT, job)
        if not of.job_ids:
            permit(request, _EDIT)

    def _wanted(
        self, request: Request, body: NotificationBody, before: Notification
    ) -> Notification:
        """Return the notification that a body asks for; raise `ApiError` for one that can't be."""
        own = {"account_id": self._front.deployment.account.id, "id": before.id}
        for key, number in own.items():
            if getattr(body, key) not in (None, number):
                raise invalid({key: f"is not {number}"})
        wanted = changed(before, body)
        for name in ("on_cancel", "on_failure", "on_success", "on_warning"):
            ids = [each for each in getattr(wanted, name) if each not in getattr(before, name)]
            refuse_unknown_jobs(self._front, request, {name: ids}, read=_READ, edit=_EDIT)
        self._permit(request, wanted)
        wanted = replace(wanted, user=self._user(request, body, before.user))
        try:
            channel(wanted, self._front.deployment)
        except UnreachableError as error:
            raise invalid({error.key: str(error)}) from None
        return wanted

    def _user(self, request: Request, body: NotificationBody, before: str) -> str:
        """Return the token that `user_id` stands for; raise `ApiError` 400 for none.

        Others than its own are for tokens that may change all notifications.
        """
        if body.user_id is None:
            return before
        own, tokens = token_of(request).name, self._front.deployment.tokens
        may_all = allows(token_of(request), _EDIT)
        for name in (own, before, *(tokens if may_all else ())):
            if number_of(name) == body.user_id:
                return name
        raise invalid({"user_id": f"is the id of no user here; this token's is {number_of(own)}"})


def _user(name: str, known: Known) -> Token:
    """Return the token of a name; one that is gone may do nothing."""
    return known.deployment.tokens.get(name) or Token(name, "", frozenset())


def _object(of: Notification, known: Known) -> Object:
    return {
        "id": of.id,
        "account_id": known.account.id,
        "user_id": number_of(of.user),
        "type": of.type,
        "external_email": of.external_email or None,
        "slack_channel_id": of.slack_channel_id or None,
        "slack_channel_name": of.slack_channel_name or None,
        "on_cancel": list(of.on_cancel),
        "on_failure": list(of.on_failure),
        "on_success": list(of.on_success),
        "on_warning": list(of.on_warning),
        "state": ACTIVE,
        "created_at": with_t(of.created_at),
        "updated_at": with_t(of.updated_at),
        "user": user_object(_user(of.user, known), known),
    }
