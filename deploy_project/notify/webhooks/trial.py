"""A test post to a subscription (WH-5)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from deploy_project.errors import ConfigError
from deploy_project.notify.webhooks.delivery import Outcome, attempt
from deploy_project.notify.webhooks.payloads import TEST, RunFields, payload
from deploy_project.notify.webhooks.subscription import Subscription
from deploy_project.runs.model.status import Status

NO_ANSWER = (
    "nothing has answered: no server of HTTP is there, or the address is not one that webhooks "
    "may go to"
)
"""Said of a port that is closed, open or refused: which of these tells of a network."""


def post_test_event(
    subscription: Subscription, *, account_id: int, allowed: Collection[str], now: datetime
) -> Outcome:
    """Post the first event of a subscription, of a run that there is not; return the outcome.

    Without an answer it is the same, whatever was found at the address.
    """
    try:
        _ = subscription.address, subscription.key
    except ConfigError as error:
        return Outcome(0, error=str(error))
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
    outcome = attempt(subscription, body.encode(), allowed=allowed)
    return outcome if outcome.code else replace(outcome, error=NO_ANSWER)
