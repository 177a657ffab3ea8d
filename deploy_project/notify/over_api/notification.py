"""One notification of dbt Cloud's API, and the channel and rules that it stands for; pure (NOT-5).

Mail goes by the first mail channel of deploy.yaml, messages in Slack by its first bot.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import AwareDatetime

from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.notifications import Channel, Condition, Email, Rule, Slack

USER, SLACK, EXTERNAL, SLACK_V2 = 1, 2, 4, 5
"""dbt Cloud's numbers of the kinds of recipients."""
Type = Literal[1, 2, 4, 5]
_SLACKS = (SLACK, SLACK_V2)


class UnreachableError(Exception):
    """A notification can't be sent, for want of something in deploy.yaml that the message names."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key
        """The field of the notification that it is about."""


@dataclass(frozen=True)
class Notification:
    """A notification: the ends of runs of some jobs are told to one recipient."""

    id: int
    type: Type
    user: str
    """The name of the token that it was made with; with type 1, of the one that gets the mail."""
    on_cancel: tuple[int, ...] = ()
    """The ids of jobs, here as in the others."""
    on_failure: tuple[int, ...] = ()
    on_success: tuple[int, ...] = ()
    on_warning: tuple[int, ...] = ()
    external_email: str = ""
    slack_channel_id: str = ""
    slack_channel_name: str = ""
    """For people; messages go by the id."""
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def job_ids(self) -> frozenset[int]:
        """The ids of all jobs that it tells of."""
        lists = (self.on_cancel, self.on_failure, self.on_success, self.on_warning)
        return frozenset(each for ids in lists for each in ids)

    @property
    def channel_name(self) -> str:
        """The name of its channel, which none of deploy.yaml can have."""
        return f"notification.{self.id}"

    def conditions(self, job_id: int) -> frozenset[Condition]:
        """Return the ends of a job's runs that it tells."""
        lists: dict[Condition, tuple[int, ...]] = {
            "cancelled": self.on_cancel,
            "failure": self.on_failure,
            "success": self.on_success,
            "warning": self.on_warning,
        }
        return frozenset(each for each, ids in lists.items() if job_id in ids)


def with_notifications(
    deployment: Deployment, notifications: Iterable[Notification]
) -> tuple[Deployment, list[str]]:
    """Return the deployment with the channels and rules of notifications beside its own.

    A line tells of each that can't be sent: its rules have no channel, so that messages wait.
    """
    channels, rules = dict(deployment.channels), [*deployment.notifications]
    faults: list[str] = []
    for each in notifications:
        try:
            channels[each.channel_name] = channel(each, deployment)
        except UnreachableError as error:
            faults.append(f"{each.channel_name} of the API can't be sent: {error}")
        rules += _rules(each, deployment)
    return replace(deployment, channels=channels, notifications=tuple(rules)), faults


def without_jobs(deployment: Deployment, notifications: Iterable[Notification]) -> Iterator[str]:
    """Yield a line for each notification that tells of no job that there is."""
    known = {job.id for job in deployment.jobs.values()}
    for each in notifications:
        if known.isdisjoint(each.job_ids):
            yield (
                f"{each.channel_name} of the API tells of no job that there is; delete it, or "
                "name jobs in it"
            )


def channel(of: Notification, deployment: Deployment) -> Channel:
    """Return the channel to the recipient of a notification; raise `UnreachableError` for none."""
    if of.type in _SLACKS:
        return _bot(of, deployment)
    address = of.external_email if of.type == EXTERNAL else _own_address(of, deployment)
    for each in deployment.channels.values():
        if isinstance(each.medium, Email):
            medium = replace(each.medium, recipients=(address,))
            return Channel(of.channel_name, medium, sent_by=each.name)
    raise UnreachableError(
        "type", "deploy.yaml has no channel of mail to send it by; add one with `email` there"
    )


def _bot(of: Notification, deployment: Deployment) -> Channel:
    for each in deployment.channels.values():
        if isinstance(each.medium, Slack) and each.medium.token is not None:
            medium = replace(each.medium, channel=of.slack_channel_id)
            return Channel(of.channel_name, medium, sent_by=each.name)
    raise UnreachableError(
        "type",
        "deploy.yaml has no channel of a Slack bot to send it by; add one with `slack.token` "
        "there: an incoming webhook writes to one channel only",
    )


def _own_address(of: Notification, deployment: Deployment) -> str:
    token = deployment.tokens.get(of.user)
    if token is None or not token.email:
        raise UnreachableError(
            "user_id",
            f"token {of.user!r} has no address of mail: give it `email` in deploy.yaml, or write "
            "to an `external_email` with type 4",
        )
    return token.email


def _rules(of: Notification, deployment: Deployment) -> Iterator[Rule]:
    """Yield a rule for each set of ends that are told, with its jobs.

    As with dbt Cloud each end is told, and runs for pull requests are runs of their job.
    """
    by_ends: dict[frozenset[Condition], list[str]] = {}
    wanted = of.job_ids
    for job in deployment.jobs.values():
        if job.id in wanted:
            by_ends.setdefault(of.conditions(job.id), []).append(job.name)
    for ends, jobs in by_ends.items():
        yield Rule(
            ends,
            (of.channel_name,),
            jobs=tuple(jobs),
            pull_requests="include",
            repeat="always",
            place=f"{of.channel_name} of the API",
        )
