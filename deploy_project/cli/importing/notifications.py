"""Channels and rules of deploy.yaml, made of dbt Cloud's notifications; pure (NOT-5)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deploy_project.cli.importing.cloud_account import NotificationObject
from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.notifications import is_slack_channel

Data = dict[str, Any]
NO_SERVER = "smtp.invalid"
"""Stands for the mail server, which dbt Cloud has and nobody else."""
_TOKEN = "SLACK_TOKEN"  # noqa: S105 - the name of a variable
_SLACKS, _MAILS = (2, 5), (1, 4)
_ENDS = {
    "success": "on_success",
    "warning": "on_warning",
    "failure": "on_failure",
    "cancelled": "on_cancel",
}


def rules_and_channels(
    found: Sequence[NotificationObject], jobs: Mapping[int, str], leave_out: Callable[[str], None]
) -> Data:
    """Return `channels` and `notifications` of deploy.yaml, if any; `jobs` has names by id."""
    channels, rules = dict[str, Data](), list[Data]()
    for each in found:
        by_ends = _by_ends(each, jobs)
        medium = _medium(each)
        if medium is None:
            leave_out(f"notification {each.id}: it has no address of mail, and no channel of Slack")
        elif not by_ends:
            leave_out(f"notification {each.id}: it tells of no job that is taken")
        else:
            name = _named(channels, medium)
            rules += [
                {
                    "on": list(ends),
                    "jobs": names,
                    "channels": [name],
                    "pull_requests": "include",
                    "repeat": "always",
                }
                for ends, names in by_ends.items()
            ]
    kinds = {kind for medium in channels.values() for kind in medium}
    if "email" in kinds:
        leave_out(f"the mail server: write `host`, `from` and a login in place of {NO_SERVER}")
    if "slack" in kinds:
        leave_out(f"the app of Slack: put the token of a bot of your own into {_TOKEN}")
    return {"channels": channels, "notifications": rules} if rules else {}


def _by_ends(of: NotificationObject, jobs: Mapping[int, str]) -> dict[tuple[str, ...], list[str]]:
    """Return the names of jobs by the ends of runs that are told of them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for number, name in jobs.items():
        ends = tuple(end for end, key in _ENDS.items() if number in (getattr(of, key) or ()))
        if ends:
            found.setdefault(ends, []).append(name)
    return found


def _medium(of: NotificationObject) -> Data | None:
    written = of.external_email or (of.user.email if of.user is not None else None)
    address = mail_address(written or "")
    if of.type in _MAILS and address is not None:
        mail = {"host": NO_SERVER, "from": f"deploy@{NO_SERVER}", "to": [address]}
        return {"email": mail}
    channel = of.slack_channel_id
    if of.type in _SLACKS and channel and is_slack_channel(channel):
        return {"slack": {"token": {"env": _TOKEN}, "channel": channel}}
    return None


def _named(channels: dict[str, Data], medium: Data) -> str:
    """Return the name of the channel of this recipient, which is added unless it is there."""
    for name, known in channels.items():
        if known == medium:
            return name
    kind = "mail" if "email" in medium else "slack"
    count = sum(each.startswith(kind) for each in channels)
    name = f"{kind}_{count + 1}" if count else kind
    channels[name] = medium
    return name
