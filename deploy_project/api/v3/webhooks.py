"""The routes of webhooks: subscriptions, a test of one, its events and their receipts (WH-5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_project.api.auth.permissions import Action, allows
from deploy_project.api.auth.tokens import permit, token_of
from deploy_project.api.front.front import Front
from deploy_project.api.front.seen import jobs_of, permit_in, refuse_unknown_jobs, sees_jobs
from deploy_project.api.http import envelope
from deploy_project.api.http.bodies import apart, checked, posted
from deploy_project.api.http.problems import ApiError, invalid, not_found
from deploy_project.api.http.query import list_query
from deploy_project.config.files.addresses import is_web_address
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token
from deploy_project.config.values.webhooks import EventType
from deploy_project.notify.webhooks import objects
from deploy_project.notify.webhooks.ledger import Ledger, Receipt
from deploy_project.notify.webhooks.standing import Standing
from deploy_project.notify.webhooks.store import Store
from deploy_project.notify.webhooks.subscription import Subscription, of_file
from deploy_project.notify.webhooks.trial import post_test_event

_OF_FILE = "This webhook is one of deploy.yaml: change it there. Only `active: true` is taken here."
_LONGEST = 2_000


def _number(given: object) -> object:
    """Return the number in a text: clients send both, and dbt Cloud shows texts."""
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) < 19:
        return int(given)
    return given


class SubscriptionBody(BaseModel):
    """The body of a subscription, dbt Cloud's `SubscriptionRequest`.

    Fields that an answer has, and nobody sets, are taken and left.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST)]
    client_url: Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST)]
    event_types: Annotated[list[EventType], Field(min_length=1)]
    active: StrictBool
    description: Annotated[StrictStr, Field(max_length=_LONGEST)] | None = None
    job_ids: list[Annotated[int, BeforeValidator(_number), Field(strict=True)]] | None = None


def routes(front: Front) -> list[Route]:
    """Return the routes of webhooks."""
    webhooks = _Webhooks(front)
    one, of = "/webhooks/subscription/{subscription}", "/webhooks/event/{event}"
    receipt = f"{one}/event/{{event}}/receipt"
    return [
        Route("/webhooks/subscriptions", webhooks.index),
        Route("/webhooks/subscriptions", posted(webhooks.create), methods=["POST"]),
        Route(one, webhooks.show),
        Route(one, posted(webhooks.update), methods=["PUT"]),
        Route(one, apart(webhooks.delete), methods=["DELETE"]),
        Route(f"{one}/test", apart(webhooks.test)),
        Route(f"{one}/events", webhooks.events),
        Route(receipt, webhooks.receipts),
        Route(of, webhooks.event),
        Route(f"{of}/receipts", webhooks.receipts),
        Route("/webhooks/receipt/{receipt}", webhooks.receipt),
    ]


class _Webhooks:
    """The handlers, over the subscriptions of deploy.yaml and of the store."""

    def __init__(self, front: Front) -> None:
        self._front = front

    @property
    def _store(self) -> Store:
        return Store.of(self._front.state)

    @property
    def _ledger(self) -> Ledger:
        return Ledger.of(self._front.state)

    def index(self, request: Request) -> Response:
        permit(request, Action.READ_WEBHOOKS)
        query = list_query(request.query_params.multi_items(), filters=(), orders=("id",))
        found = [each for each in self._all() if self._sees(request, each)]
        page = found[query.offset : query.offset + query.limit]
        return envelope.many([self._shown(each) for each in page], query=query, total=len(found))

    def create(self, request: Request, given: dict[str, Any]) -> Response:
        wanted = self._wanted(request, checked(SubscriptionBody, given))
        made = self._store.create(wanted, now=datetime.now(UTC))
        shown = objects.created(made, self._standing(made), account_id=self._account)
        return envelope.one(shown, status=201)

    def show(self, request: Request) -> Response:
        return envelope.one(self._shown(self._subscription(request)))

    def update(self, request: Request, given: dict[str, Any]) -> Response:
        known, body = self._subscription(request), checked(SubscriptionBody, given)
        self._permit(request, known)
        now = datetime.now(UTC)
        if known.source == "file" and not (body.active and not self._standing(known).is_active):
            raise ApiError(409, _OF_FILE)
        if known.source == "api":
            changed = replace(self._wanted(request, body), id=known.id)
            known = self._store.update(changed, now=now)
            if known is None:
                raise not_found()
        if body.active and not self._standing(known).is_active:
            self._ledger.reactivate(known.id, now=now)
        return envelope.one(self._shown(known))

    def delete(self, request: Request) -> Response:
        known = self._subscription(request)
        self._permit(request, known)
        if known.source == "file":
            raise ApiError(409, _OF_FILE)
        self._store.delete(known.id)
        self._ledger.forget_subscription(known.id)
        return envelope.one({"id": known.id})

    def test(self, request: Request) -> Response:
        known = self._subscription(request)
        self._permit(request, known)
        found = post_test_event(
            known,
            account_id=self._account,
            allowed=self._front.deployment.webhook_hosts,
            now=datetime.now(UTC),
        )
        return envelope.one(objects.tested(known, found.code, found.error))

    def events(self, request: Request) -> Response:
        known = self._subscription(request)
        query = list_query(request.query_params.multi_items(), filters=(), orders=("id",))
        receipts = [each for each in self._ledger.receipts() if each.subscription_id == known.id]
        found = objects.events(receipts, account_id=self._account)
        page = found[query.offset : query.offset + query.limit]
        return envelope.many(page, query=query, total=len(found))

    def event(self, request: Request) -> Response:
        receipts = self._receipts_of(request)
        return envelope.one(objects.events(receipts, account_id=self._account)[0])

    def receipts(self, request: Request) -> Response:
        return envelope.one([objects.receipt(each) for each in self._receipts_of(request)])

    def receipt(self, request: Request) -> Response:
        wanted = request.path_params["receipt"]
        seen = self._seen(request)
        for each in self._ledger.receipts():
            if each.id == wanted and each.subscription_id in seen:
                return envelope.one(objects.receipt(each))
        raise not_found()

    @property
    def _account(self) -> int:
        return self._front.deployment.account.id

    def _all(self) -> Sequence[Subscription]:
        return [*of_file(self._front.deployment), *self._store.all()]

    def _seen(self, request: Request) -> frozenset[str]:
        request.state.action = Action.READ_WEBHOOKS
        return frozenset(each.id for each in self._all() if self._sees(request, each))

    def _receipts_of(self, request: Request) -> list[Receipt]:
        """Return the receipts of the event in the path; raise `ApiError` 404 for none."""
        wanted, seen = request.path_params["event"], self._seen(request)
        only = request.path_params.get("subscription")
        found = [
            each
            for each in self._ledger.receipts()
            if each.event_id == wanted
            and each.subscription_id in seen
            and only in (None, each.subscription_id)
        ]
        if not found:
            raise not_found()
        return found

    def _subscription(self, request: Request) -> Subscription:
        """Return the subscription in the path; raise `ApiError` 404 for none that is seen."""
        request.state.action = Action.READ_WEBHOOKS
        wanted = request.path_params["subscription"]
        for each in self._all():
            if each.id == wanted and self._sees(request, each):
                return each
        raise not_found()

    def _standing(self, of: Subscription) -> Standing:
        return self._ledger.standing(of.id, now=of.created_at or datetime.now(UTC))

    def _shown(self, of: Subscription) -> dict[str, Any]:
        return objects.shown(of, self._standing(of), account_id=self._account)

    def _sees(self, request: Request, of: Subscription) -> bool:
        """Whether the token sees all that a subscription hears of."""
        token = token_of(request)
        if not allows(token, Action.READ_WEBHOOKS):
            return False
        if token.is_unlimited:
            return True
        if of.job_ids is not None:
            return sees_jobs(self._front, request, Action.READ_WEBHOOKS, of.job_ids)
        return bool(of.projects) and all(
            allows(token, Action.READ_WEBHOOKS, project=each) for each in of.projects
        )

    def _permit(self, request: Request, of: Subscription) -> None:
        """Raise `ApiError` 403 unless the token may change all that a subscription hears of."""
        for job in jobs_of(self._front.deployment, of.job_ids or ()):
            permit_in(request, Action.EDIT_WEBHOOKS, job)
        for project in of.projects:
            permit(request, Action.EDIT_WEBHOOKS, project=project)
        if not of.job_ids and not of.projects:
            permit(request, Action.EDIT_WEBHOOKS)

    def _wanted(self, request: Request, body: SubscriptionBody) -> Subscription:
        """Return the subscription that a body asks for; raise `ApiError` for one that can't be."""
        token, deployment = token_of(request), self._front.deployment
        if not is_web_address(body.client_url):
            raise invalid({"client_url": "must be an address, https://host/path, in ASCII"})
        job_ids = tuple(dict.fromkeys(body.job_ids or ()))
        refuse_unknown_jobs(
            self._front,
            request,
            {"job_ids": job_ids},
            read=Action.READ_WEBHOOKS,
            edit=Action.EDIT_WEBHOOKS,
        )
        if not job_ids and "*" not in token.environments:
            raise invalid({"job_ids": "name jobs: the token is of some environments alone"})
        wanted = Subscription(
            id="",
            name=body.name,
            url=body.client_url,
            secret="",
            events=tuple(dict.fromkeys(body.event_types)),
            job_ids=job_ids or None,
            projects=() if job_ids else _projects(token, deployment),
            description=body.description or "",
            active=body.active,
        )
        self._permit(request, wanted)
        return wanted


def _projects(token: Token, deployment: Deployment) -> tuple[str, ...]:
    """Return the projects that all jobs stands for, where a token is not of all of them.

    A token that sees none may not subscribe to any.
    """
    if "*" in token.projects:
        return ()
    seen = [p for p in deployment.projects if allows(token, Action.EDIT_WEBHOOKS, project=p)]
    if not seen:
        raise ApiError(403, f"Access denied: token {token.name!r} is of no project here.")
    return tuple(seen)
