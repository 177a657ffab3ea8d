"""Frozen dataclasses of notifications: channels, and rules on the messages to them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from deploy_project.config.values.deployment import Secret

Condition = Literal["success", "warning", "failure", "cancelled", "recovered", "late"]
"""The state of a run that a rule is about; `recovered` is the first success after failures."""
Repeat = Literal["always", "changes", "daily"]
"""When a failure or warning that lasts is told again: each time, once it is another one, daily."""
Security = Literal["starttls", "none"]
PullRequests = Literal["exclude", "include", "only"]
OfModels = Literal["failure", "success"]
OfTests = Literal["failure", "warning", "success"]
_SLACK_CHANNEL = re.compile(r"[A-Za-z0-9#_-]{1,80}")


def is_slack_channel(text: str) -> bool:
    """Whether a text may be the id, or the name, of a channel of Slack."""
    return _SLACK_CHANNEL.fullmatch(text) is not None


@dataclass(frozen=True)
class Email:
    """Mail to people, by an SMTP server."""

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    security: Security = "starttls"
    username: str | None = None
    password: Secret | None = None


@dataclass(frozen=True)
class Slack:
    """Messages in Slack: by an incoming webhook, or by a bot's token to a channel."""

    webhook: Secret | None = None
    token: Secret | None = None
    channel: str = ""
    """The channel's id, for a bot."""


@dataclass(frozen=True)
class Teams:
    """Messages in Microsoft Teams, by the webhook of a workflow."""

    webhook: Secret
    """The address of the workflow."""


@dataclass(frozen=True)
class Webhook:
    """JSON to an address, signed with a secret."""

    url: str | Secret
    secret: Secret | None = None


@dataclass(frozen=True)
class PagerDuty:
    """Incidents of a service in PagerDuty."""

    routing_key: Secret
    """The integration key of the service."""


@dataclass(frozen=True)
class Directory:
    """Files in a directory, for people to look at messages."""

    path: Path


Medium = Email | Slack | Teams | PagerDuty | Webhook | Directory


@dataclass(frozen=True)
class Channel:
    """A place that messages go to."""

    name: str
    medium: Medium
    sent_by: str = ""
    """The channel of deploy.yaml whose login one of the API has; empty for those of the file."""

    @property
    def secrets(self) -> Iterator[tuple[Secret, str]]:
        """Its secrets, each with its key in deploy.yaml."""
        kind = KINDS[type(self.medium)]
        for name in ("password", "webhook", "token", "routing_key", "url", "secret"):
            value = getattr(self.medium, name, None)
            if isinstance(value, Secret):
                yield value, f"channels.{self.name}.{kind}.{name}"


KINDS: dict[type[Medium], str] = {
    Email: "email",
    Slack: "slack",
    Teams: "teams",
    PagerDuty: "pagerduty",
    Webhook: "webhook",
    Directory: "file",
}
"""The key in deploy.yaml of each kind of channel."""


@dataclass(frozen=True)
class Late:
    """The limits beyond which a run, or a schedule, is late; None is no limit."""

    times: float | None = None
    """Of the median of the job's last successes, for a run in progress."""
    minutes: int | None = None
    """After the time of a schedule, for its run to begin."""


@dataclass(frozen=True)
class Rule:
    """A rule: ends of certain runs are told to certain channels."""

    on: frozenset[Condition]
    channels: tuple[str, ...]
    jobs: tuple[str, ...] = ("*",)
    """Globs of names, `production__daily`, or identifiers, `daily`."""
    environments: tuple[str, ...] = ("*",)
    projects: tuple[str, ...] = ("*",)
    pull_requests: PullRequests = "exclude"
    repeat: Repeat = "changes"
    late: Late = Late()
    """With `late` among its conditions."""
    place: str = ""
    """The file and line that state it, for people."""


@dataclass(frozen=True)
class OwnerRule:
    """A rule on mail to the owners of models and sources (NOT-6)."""

    channel: str
    """A channel of mail; the owners take the place of its recipients."""
    models: frozenset[OfModels] = frozenset({"failure"})
    """The results of models, seeds and snapshots that are told."""
    tests: frozenset[OfTests] = frozenset({"failure", "warning"})
    """The results of tests and of source freshness that are told."""
    jobs: tuple[str, ...] = ("*",)
    environments: tuple[str, ...] = ("*",)
    projects: tuple[str, ...] = ("*",)
    repeat: Repeat = "changes"
    place: str = ""
    """The file and line that state it, for people."""
    pull_requests: PullRequests = field(default="exclude", init=False)
    """A pull request's author reads its comment, and may name any owner."""
