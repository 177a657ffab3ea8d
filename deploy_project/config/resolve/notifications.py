"""The channels and rules of notifications in deploy.yaml, checked and resolved."""

from collections.abc import Collection, Mapping, Sequence

from deploy_project.config.files.addresses import is_host, is_web_address
from deploy_project.config.files.deploy_file import (
    ChannelEntry,
    EmailEntry,
    ModelNotificationEntry,
    NotificationEntry,
    SlackEntry,
    SubscriptionEntry,
    WebhookEntry,
)
from deploy_project.config.files.documents import Place
from deploy_project.config.files.locations import Base
from deploy_project.config.files.problems import Problems
from deploy_project.config.resolve.variables_and_secrets import secret
from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.notifications import (
    KINDS,
    Channel,
    Directory,
    Email,
    Late,
    Medium,
    OwnerRule,
    PagerDuty,
    Rule,
    Slack,
    Teams,
    Webhook,
    is_slack_channel,
)
from deploy_project.config.values.webhooks import FileSubscription

_KINDS = tuple(KINDS.values())


def channels(
    entries: Mapping[str, ChannelEntry], at: Place, base: Base, problems: Problems
) -> dict[str, Channel]:
    """Return the channels without those that can't be made out."""
    found: dict[str, Channel] = {}
    for name, entry in entries.items():
        medium = _medium(entry, at / name, base, problems)
        if medium is not None:
            found[name] = Channel(name, medium)
    return found


def subscriptions(
    entries: Mapping[str, SubscriptionEntry], at: Place, base: Base, problems: Problems
) -> dict[str, FileSubscription]:
    """Return the subscriptions without those that can't be made out."""
    found: dict[str, FileSubscription] = {}
    for name, entry in entries.items():
        url = _url(entry.url, at / name, base, problems)
        key = secret(at / name / "secret", base, problems)
        if url is not None and key is not None:
            found[name] = FileSubscription(
                name,
                url,
                key,
                events=tuple(dict.fromkeys(entry.events)),
                jobs=tuple(entry.jobs),
                description=entry.description,
                place=(at / name).where,
            )
    return found


def webhook_hosts(names: Sequence[str], at: Place, problems: Problems) -> tuple[str, ...]:
    """Return names of machines in small letters, as they are compared with those of addresses."""
    for index, name in enumerate(names):
        if not is_host(name):
            problems.add(at / index, "is no name of a machine", remedy="write it without a port")
    return tuple(each.lower().rstrip(".").strip("[]") for each in names)


def rules(entries: Sequence[NotificationEntry], at: Place, problems: Problems) -> tuple[Rule, ...]:
    """Return the rules; note a problem for a channel that is not in the file."""
    for index, entry in enumerate(entries):
        for number, name in enumerate(entry.channels):
            _known(at / index / "channels" / number, name, problems)
        _check_late(entry, at / index, problems)
    return tuple(_rule(entry, at / index) for index, entry in enumerate(entries))


def _check_late(entry: NotificationEntry, at: Place, problems: Problems) -> None:
    given = entry.late is not None and (entry.late.times or entry.late.minutes)
    if "late" in entry.on and not given:
        remedy = "give `late.times`, of a run's usual time, or `late.minutes`, after its schedule's"
        problems.add(at / "late", "is missing", found="nothing", remedy=remedy)
    if "late" not in entry.on and entry.late is not None:
        remedy = "add `late` to `on`, or leave it out"
        problems.add(at / "late", "goes with `late` in `on`", found="a limit", remedy=remedy)


def owner_rules(
    entries: Sequence[ModelNotificationEntry],
    channels: Mapping[str, Channel],
    at: Place,
    problems: Problems,
) -> tuple[OwnerRule, ...]:
    """Return the rules on owners; note a problem for a channel that is none of mail."""
    for index, entry in enumerate(entries):
        place, name = at / index / "channel", entry.channel
        medium = channels[name].medium if name in channels else None
        if _known(place, name, problems) and not isinstance(medium, Email | None):
            remedy = "name a channel with `email`: owners are addresses of mail"
            problems.add(place, "is no channel of mail", remedy=remedy)
        if not entry.models and not entry.tests:
            remedy = "name a result in `models` or `tests`, or remove the rule"
            problems.add(at / index, "tells nothing", found="empty lists", remedy=remedy)
    return tuple(
        OwnerRule(
            channel=entry.channel,
            models=frozenset(entry.models),
            tests=frozenset(entry.tests),
            jobs=tuple(entry.jobs),
            environments=tuple(entry.environments),
            projects=tuple(entry.projects),
            repeat=entry.repeat,
            place=(at / index).where,
        )
        for index, entry in enumerate(entries)
    )


def _known(at: Place, name: str, problems: Problems) -> bool:
    """Whether a channel is in the file, if only with mistakes of its own."""
    known: Collection[str] = (Place(at.document) / "channels").keys
    if name not in known:
        remedy = f"name a known one: {', '.join(map(repr, known)) or 'none'}"
        problems.add(at, "is no channel", remedy=remedy)
    return name in known


def _rule(entry: NotificationEntry, at: Place) -> Rule:
    return Rule(
        on=frozenset(entry.on),
        channels=tuple(dict.fromkeys(entry.channels)),
        jobs=tuple(entry.jobs),
        environments=tuple(entry.environments),
        projects=tuple(entry.projects),
        pull_requests=entry.pull_requests,
        repeat=entry.repeat,
        late=Late() if entry.late is None else Late(entry.late.times, entry.late.minutes),
        place=at.where,
    )


def _medium(entry: ChannelEntry, at: Place, base: Base, problems: Problems) -> Medium | None:
    given = [kind for kind in _KINDS if (at / kind).value is not None]
    if len(given) != 1:
        what = "names no kind of channel" if not given else "names more than one kind of channel"
        remedy = f"keep one of {', '.join(f'`{each}`' for each in _KINDS)}"
        problems.add(at, what, found=" and ".join(map(repr, given)) or "none", remedy=remedy)
        return None
    if entry.email is not None:
        return _email(entry.email, at / "email", base, problems)
    if entry.slack is not None:
        return _slack(entry.slack, at / "slack", base, problems)
    if entry.teams is not None:
        address = secret(at / "teams" / "webhook", base, problems)
        return None if address is None else Teams(address)
    if entry.pagerduty is not None:
        key = secret(at / "pagerduty" / "routing_key", base, problems)
        return None if key is None else PagerDuty(key)
    if entry.webhook is not None:
        return _webhook(entry.webhook, at / "webhook", base, problems)
    return Directory(base.path(entry.file)) if entry.file is not None else None


def _email(entry: EmailEntry, at: Place, base: Base, problems: Problems) -> Email:
    if not is_host(entry.host):
        problems.add(at / "host", "is no name of a machine", remedy="write it without a port")
    sender = _address(at / "from", entry.sender, problems)
    to = [_address(at / "to" / index, each, problems) for index, each in enumerate(entry.to)]
    if (entry.username is None) != (entry.password is None):
        missing = "password" if entry.password is None else "username"
        problems.add(at / missing, "is missing", remedy="give both or neither", found="nothing")
    if entry.password is not None and entry.security == "none":
        remedy = "use `starttls`: the password would be readable on its way"
        problems.add(at / "security", "is given beside `password`", remedy=remedy)
    password = None if entry.password is None else secret(at / "password", base, problems)
    return Email(
        host=entry.host,
        sender=sender,
        recipients=tuple(dict.fromkeys(to)),
        port=entry.port,
        security=entry.security,
        username=entry.username,
        password=password,
    )


def _address(at: Place, text: str, problems: Problems) -> str:
    found = mail_address(text)
    if found is None:
        problems.add(at, "is no address of mail", remedy="write `name@example.com`, nothing else")
    return found or ""


def _slack(entry: SlackEntry, at: Place, base: Base, problems: Problems) -> Slack:
    if (entry.webhook is None) == (entry.token is None):
        found = "none" if entry.webhook is None else "both"
        remedy = "keep one of `webhook`, the address of an incoming webhook, and `token`, a bot's"
        problems.add(at, "must have one of 'webhook' and 'token'", found=found, remedy=remedy)
    if (entry.token is None) != (entry.channel is None):
        remedy = "a bot's `token` goes with the `channel` to write to; a webhook has its own"
        problems.add(at / "channel", "must be given with `token`", remedy=remedy)
    if entry.channel is not None and not is_slack_channel(entry.channel):
        problems.add(at / "channel", "is no channel", remedy="write its id, such as C0123456789")
    return Slack(
        webhook=None if entry.webhook is None else secret(at / "webhook", base, problems),
        token=None if entry.token is None else secret(at / "token", base, problems),
        channel=entry.channel or "",
    )


def _webhook(entry: WebhookEntry, at: Place, base: Base, problems: Problems) -> Webhook | None:
    url = _url(entry.url, at, base, problems)
    signing = None if entry.secret is None else secret(at / "secret", base, problems)
    return None if url is None else Webhook(url, signing)


def _url(written: object, at: Place, base: Base, problems: Problems) -> str | Secret | None:
    """Return the `url` at `at`: an address, or the place of one that is a secret."""
    if not isinstance(written, str):
        return secret(at / "url", base, problems)
    if not is_web_address(written):
        remedy = "write https://host/path in ASCII, without credentials, or `env: NAME` for a "
        remedy += "secret one"
        problems.add(at / "url", "is not a web address", remedy=remedy, found="a text")
    return written
