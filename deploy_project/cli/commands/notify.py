"""`deploy-project notify`: tries channels, shows messages before they are sent, and deliveries."""

from argparse import Namespace
from datetime import UTC, datetime

from deploy_project.cli.context import loaded, past_runs
from deploy_project.cli.table import table
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.named import named_channel
from deploy_project.errors import ConfigError, DeliveryError
from deploy_project.notify.message import Fact, Message
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.over_api.notification import with_notifications
from deploy_project.notify.over_api.store import Store as Notifications
from deploy_project.notify.sending import preview, send
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.notify.webhooks.store import Store
from deploy_project.notify.webhooks.subscription import of_file

_WEBHOOKS = ("name", "id", "of", "state", "last attempt", "status", "deactivated because")
_HEAD = ("time", "channel", "run", "result", "attempt", "message", "error")


def trial(channel: str) -> int:
    """Send a message to a channel; raise `DeliveryError` when it does not take it."""
    found, deployment = loaded()
    to = named_channel(_with_those_of_the_api(deployment, found.state), channel)
    try:
        remark = send(to, _trial(channel, datetime.now(UTC)))
    except DeliveryError as error:
        raise DeliveryError(f"channel {channel!r} has not taken the message: {error}") from error
    print(f"{channel} has taken a message" + (f", but {remark}" if remark else ""))
    return 0


def _trial(channel: str, now: datetime) -> Message:
    return Message(
        run_id="",
        number=0,
        job="notify_test",
        environment="",
        project="",
        pull_request=None,
        condition="success",
        at=now,
        title=f"deploy-project can reach the channel {channel}",
        facts=(Fact("Sent by", "deploy-project notify test"),),
    )


def _with_those_of_the_api(deployment: Deployment, state: StateDirectory) -> Deployment:
    return with_notifications(deployment, Notifications(state).all())[0]


def show(run: str, channel: str) -> int:
    """Print the message on a run as a channel would get it; nothing is sent."""
    from deploy_project.notify.notifier import Notifier  # imports Dagster, which `test` can spare

    found, deployment = loaded()
    to = named_channel(_with_those_of_the_api(deployment, found.state), channel)
    with past_runs(found, deployment) as runs:
        made = Notifier(deployment, found.state, runs).preview(runs.find(run).id)
    print(preview(to, made))
    return 0


def log(channel: str | None, run: str | None) -> int:
    """Print the deliveries of the last days, the oldest first, and the messages still due.

    A channel that is gone has those it had; raises `ConfigError` for one that there never was.
    """
    found, deployment = loaded()
    outbox = Outbox.of(found.state)
    had = {*outbox.channels(), *(each.channel for each in outbox.log())}
    if channel is not None and channel not in had:
        named_channel(_with_those_of_the_api(deployment, found.state), channel)
    rows = [
        [
            *(_time(each.at), each.channel, each.run_id[:8], each.result),
            *(str(each.attempt), each.title, each.error),
        ]
        for each in outbox.log()
        if channel in (None, each.channel) and each.run_id.startswith(run or "")
    ]
    rows += [
        [
            *(_time(each.due_at), name, each.message.run_id[:8], "due"),
            *(str(each.attempts + 1), each.message.title, each.error),
        ]
        for name in outbox.channels()
        for each in outbox.entries(name)
        if channel in (None, name) and each.message.run_id.startswith(run or "")
    ]
    print(table(_HEAD, rows) if rows else "No messages.")
    return 0


def webhooks() -> int:
    """Print the subscriptions to webhooks, with their last answers."""
    found, deployment = loaded()
    ledger, now = Ledger.of(found.state), datetime.now(UTC)
    rows: list[list[str]] = []
    for each in [*of_file(deployment), *Store.of(found.state).all()]:
        standing = ledger.standing(each.id, now=now)
        state = "active" if each.active and standing.is_active else "not active"
        last = _time(standing.dispatched_at) if standing.dispatched_at else "never"
        code = str(standing.http_status_code or "")
        rows.append([each.name, each.id, each.source, state, last, code, standing.reason])
    print(table(_WEBHOOKS, rows) if rows else "No webhooks.")
    return 0


def reactivate(webhook: str) -> int:
    """Have a webhook get events again; raise `ConfigError` for an unknown one."""
    found, deployment = loaded()
    known = [*of_file(deployment), *Store.of(found.state).all()]
    wanted = next((each for each in known if webhook in (each.id, each.name)), None)
    if wanted is None:
        names = ", ".join(each.name for each in known) or "none"
        raise ConfigError(f"there is no webhook {webhook!r}; known: {names}")
    Ledger.of(found.state).reactivate(wanted.id, now=datetime.now(UTC))
    print(f"{wanted.name} gets the events of runs from now on")
    return 0


def _time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def act(given: Namespace) -> int:
    """Carry out `notify` as it was given on the command line; return the exit code."""
    if given.notify == "test":
        return trial(given.channel)
    if given.notify == "webhooks":
        return webhooks()
    if given.notify == "reactivate":
        return reactivate(given.webhook)
    if given.notify == "preview":
        return show(given.run, given.channel)
    return log(given.channel, given.run)
