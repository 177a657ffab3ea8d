"""Subscriptions, events and receipts as dbt Cloud's API shows them; pure (WH-2, WH-5)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deploy_project.notify.webhooks.ledger import Receipt
from deploy_project.notify.webhooks.payloads import TEST, event_id
from deploy_project.notify.webhooks.standing import Standing
from deploy_project.notify.webhooks.subscription import Subscription, digits

_HIDDEN = "**********"
_NEVER = "0"


def account_identifier(account_id: int) -> str:
    """Return the identifier of an account beside its number."""
    return f"act_{digits(f'account/{account_id}')[:20]}"


def shown(subscription: Subscription, standing: Standing, *, account_id: int) -> dict[str, Any]:
    """Return a subscription without its secret; times are microseconds, as texts.

    One that was deactivated is not active, and says why.
    """
    url = subscription.url
    return {
        "id": subscription.id,
        "account_identifier": account_identifier(account_id),
        "name": subscription.name,
        "description": subscription.description,
        "job_ids": [str(each) for each in subscription.job_ids or ()],
        "event_types": list(subscription.events),
        "client_url": url if isinstance(url, str) else _HIDDEN,
        "active": subscription.active and standing.is_active,
        "created_at": _microseconds(subscription.created_at or standing.since),
        "updated_at": _microseconds(subscription.updated_at or standing.since),
        "dispatched_at": _microseconds(standing.dispatched_at),
        "account_id": str(account_id),
        "http_status_code": str(standing.http_status_code),
        "deactivate_reason": standing.reason,
    }


def created(subscription: Subscription, standing: Standing, *, account_id: int) -> dict[str, Any]:
    """Return a subscription that was just made, with its secret, which nobody sees again."""
    assert isinstance(subscription.secret, str)
    made = shown(subscription, standing, account_id=account_id)
    return {**made, "hmac_secret": subscription.secret}


def events(receipts: Iterable[Receipt], *, account_id: int) -> list[dict[str, Any]]:
    """Return the events that there are receipts of, the newest first, with their last status."""
    last = {each.event_id: each for each in receipts}
    return [
        {
            "id": each.event_id,
            "subscription_id": each.subscription_id,
            "account_id": str(account_id),
            "account_identifier": account_identifier(account_id),
            "job_id": str(each.job_id),
            "trigger_event_type": each.type,
            "payload": each.body,
            "http_status_code": str(each.http_status_code),
        }
        for each in sorted(last.values(), key=lambda each: each.at, reverse=True)
    ]


def receipt(of: Receipt) -> dict[str, Any]:
    """Return one attempt; the signature is left out."""
    return {
        "id": of.id,
        "event_id": of.event_id,
        "subscription_id": of.subscription_id,
        "dispatched_at": _microseconds(of.at),
        "http_status_code": str(of.http_status_code),
        "error_info": of.error,
        "request_body": of.body,
        "request_headers": f'{{"Content-Type": "application/json", "Authorization": "{_HIDDEN}"}}',
        "response_body": of.response,
    }


def tested(subscription: Subscription, code: int, error: str) -> Mapping[str, Any]:
    """Return the result of a test post."""
    return {
        "event_id": event_id(subscription, subscription.events[0], TEST),
        "verification_error": error or None,
        "verification_status_code": str(code),
    }


def _microseconds(moment: datetime | None) -> str:
    if moment is None:
        return _NEVER
    return str(int(moment.astimezone(UTC).timestamp() * 1_000_000))
