"""A test post to a subscription (WH-5)."""

from collections.abc import Collection
from datetime import datetime

from deploy_project.notify.webhooks.delivery import Outcome, attempt
from deploy_project.notify.webhooks.payloads import TEST, RunFields, payload
from deploy_project.notify.webhooks.subscription import Subscription
from deploy_project.runs.model.status import Status


def post_test_event(
    subscription: Subscription, *, account_id: int, allowed: Collection[str], now: datetime
) -> Outcome:
    """Post the first event of a subscription, of a run that there is not; return the outcome."""
    run = RunFields(
        run_id=TEST,
        number=0,
        job_id=0,
        job_name="Test",
        environment_id=0,
        environment_name="Test",
        dbt_version="",
        project_name="Test",
        project_id=0,
        status=Status.SUCCESS,
        message="",
        reason="Test of a webhook",
        started_at=now,
        ended_at=now,
    )
    body = payload(subscription, subscription.events[0], run, account_id=account_id, at=now)
    return attempt(subscription, body.encode(), allowed=allowed)
