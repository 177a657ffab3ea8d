"""Channels and rules of deploy.yaml: their values, their mistakes, and secrets that dbt lacks."""

from pathlib import Path

import pytest

from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.notifications import (
    Channel,
    Directory,
    Email,
    Late,
    OwnerRule,
    PagerDuty,
    Rule,
    Slack,
    Teams,
    Webhook,
)
from deploy_project.config.values.webhooks import FileSubscription
from tests.support.deployments.configuration_files import DEPLOY, Configuration

CHANNELS = """
channels:
  mail:
    email:
      host: smtp.example.com
      from: deploy@example.com
      to: [ana@example.com, ana@example.com, ben@example.com]
      username: deploy
      password: {env: SMTP_PASSWORD}
  team: {slack: {webhook: {env: SLACK_WEBHOOK}}}
  bot: {slack: {token: {file: slack-token}, channel: C0123456789}}
  hook: {webhook: {url: "https://hooks.example.com/x", secret: {env: HOOK_SECRET}}}
  hidden: {webhook: {url: {env: HOOK_URL}}}
  here: {file: "{state}/messages"}
  on-call: {pagerduty: {routing_key: {env: PAGERDUTY_KEY}}}
  teams: {teams: {webhook: {env: TEAMS_WORKFLOW}}}
"""
HOOKS = """
webhooks:
  orchestrator:
    url: https://hooks.example.com/dbt
    secret: {env: ORCHESTRATOR_KEY}
    events: [job.run.started, job.run.completed, job.run.completed]
    jobs: ["daily*"]
    description: Starts what follows
  hidden: {url: {env: HOOK_PLACE}, secret: {file: key}, events: [job.run.cancelled]}
webhook_hosts: [Hooks.Internal., 10.0.0.1, "[::1]"]
"""


def test_channels_are_read(configuration: Configuration):
    root = configuration.root
    found = configuration.load({"deploy.yaml": DEPLOY + CHANNELS}).channels
    assert [found[name].medium for name in found] == [
        Email(
            host="smtp.example.com",
            sender="deploy@example.com",
            recipients=("ana@example.com", "ben@example.com"),
            username="deploy",
            password=Secret(env="SMTP_PASSWORD"),
        ),
        Slack(webhook=Secret(env="SLACK_WEBHOOK")),
        Slack(token=Secret(file=root / "slack-token"), channel="C0123456789"),
        Webhook("https://hooks.example.com/x", Secret(env="HOOK_SECRET")),
        Webhook(Secret(env="HOOK_URL")),
        Directory(root / "state" / "messages"),
        PagerDuty(Secret(env="PAGERDUTY_KEY")),
        Teams(Secret(env="TEAMS_WORKFLOW")),
    ]
    assert found["mail"].medium.port == 587  # pyright: ignore[reportAttributeAccessIssue]


def test_rules_are_read(configuration: Configuration):
    rules = """
notifications:
  - {on: [failure, recovered], channels: [team, team, here]}
  - on: [success]
    channels: [here]
    jobs: ["daily*"]
    environments: [production]
    projects: [shop]
    pull_requests: only
    repeat: daily
"""
    plain, other = configuration.load({"deploy.yaml": DEPLOY + CHANNELS + rules}).notifications
    assert plain == Rule(frozenset({"failure", "recovered"}), ("team", "here"), place=plain.place)
    assert plain.place.startswith(f"{configuration.root}/deploy.yaml:")
    assert (other.jobs, other.environments, other.projects) == (
        ("daily*",),
        ("production",),
        ("shop",),
    )
    assert (other.pull_requests, other.repeat) == ("only", "daily")


def test_limits_of_lateness_are_read(configuration: Configuration):
    rules = """
notifications:
  - {on: [late], channels: [team], late: {times: 2, minutes: 30}}
  - {on: [late, failure], channels: [team], late: {times: 1.5}}
"""
    both, one = configuration.load({"deploy.yaml": DEPLOY + CHANNELS + rules}).notifications
    assert (both.late, one.late) == (Late(2, 30), Late(1.5))


def test_rules_on_owners_are_read(configuration: Configuration):
    rules = """
model_notifications:
  - channel: mail
  - {channel: mail, models: [success], tests: [], environments: [production], repeat: always}
"""
    found = configuration.load({"deploy.yaml": DEPLOY + CHANNELS + rules}).model_notifications
    plain, other = found
    assert plain == OwnerRule("mail", place=plain.place)
    assert (other.models, other.tests) == (frozenset({"success"}), frozenset())
    assert (other.environments, other.repeat) == (("production",), "always")


def test_subscriptions_are_read(configuration: Configuration):
    deployment = configuration.load({"deploy.yaml": DEPLOY + HOOKS})
    found = deployment.webhooks
    assert found["orchestrator"] == FileSubscription(
        "orchestrator",
        "https://hooks.example.com/dbt",
        Secret(env="ORCHESTRATOR_KEY"),
        ("job.run.started", "job.run.completed"),
        jobs=("daily*",),
        description="Starts what follows",
        place=found["orchestrator"].place,
    )
    assert found["hidden"].url == Secret(env="HOOK_PLACE")
    assert deployment.webhook_hosts == ("hooks.internal", "10.0.0.1", "::1")
    for environment in deployment.environments.values():
        names = {each.env for each in environment.withheld if each.env}
        assert names == {"ORCHESTRATOR_KEY", "HOOK_PLACE"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("notifications: [{on: [late], channels: [team]}]", "is missing"),
        ("notifications: [{on: [late], channels: [team], late: {}}]", "is missing"),
        (
            "notifications: [{on: [failure], channels: [team], late: {times: 2}}]",
            "goes with `late` in `on`",
        ),
        ("notifications: [{on: [late], channels: [team], late: {times: 1}}]", "is too small"),
        ("notifications: [{on: [late], channels: [team], late: {times: x}}]", "must be a number"),
        ("model_notifications: [{channel: team}]", "is no channel of mail"),
        ("model_notifications: [{channel: tea}]", "is no channel"),
        ("model_notifications: [{channel: mail, models: [], tests: []}]", "tells nothing"),
        ("model_notifications: [{channel: mail, models: [warning]}]", "is not one of the known"),
        ("webhooks: {a: {url: 'https://a.example', events: [job.run.started]}}", "is missing"),
        ("webhooks: {a: {url: x, secret: {env: A}, events: [job.run.started]}}", "is not a web"),
        ("webhooks: {a: {url: 'https://a.example', secret: {env: A}, events: []}}", "at least 1"),
        (
            "webhooks: {a: {url: 'https://a', secret: {env: A}, events: [job.run.skipped]}}",
            "is not one of the known values",
        ),
        (
            "webhooks: {a: {url: 'https://a.example', secret: s3cret, events: [job.run.started]}}",
            "must say where the secret is kept",
        ),
        ("webhook_hosts: ['http://a.example']", "is no name of a machine"),
    ],
)
def test_mistakes_in_rules_and_subscriptions(
    configuration: Configuration, lines: str, expected: str
):
    [problem] = configuration.problems({"deploy.yaml": f"{DEPLOY}{CHANNELS}{lines}\n"})
    assert expected in problem
    assert "s3cret" not in problem


def test_dbt_gets_no_secret_of_a_channel(configuration: Configuration):
    deployment = configuration.load({"deploy.yaml": DEPLOY + CHANNELS})
    names = {"SMTP_PASSWORD", "SLACK_WEBHOOK", "HOOK_SECRET", "HOOK_URL", "PAGERDUTY_KEY"}
    names |= {"TEAMS_WORKFLOW"}
    for environment in deployment.environments.values():
        assert {each.env for each in environment.withheld if each.env} == names
    passed = DEPLOY.replace("branch: main}", "branch: main, pass_variables: [SLACK_WEBHOOK]}")
    (line,) = configuration.problems({"deploy.yaml": passed + CHANNELS})
    assert "holds the secret of channels.team.slack.webhook, which dbt must not see" in line


def test_secrets_have_keys():
    mail = Channel("mail", Email("h", "a@b", ("c@d",), password=Secret(env="P")))
    assert list(mail.secrets) == [(Secret(env="P"), "channels.mail.email.password")]
    assert list(Channel("here", Directory(Path("/nowhere"))).secrets) == []


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("{}", "names no kind of channel"),
        ("{file: a, slack: {webhook: {env: A}}}", "names more than one kind of channel"),
        ("{slack: {}}", "must have one of 'webhook' and 'token'"),
        ("{slack: {token: {env: A}}}", "must be given with `token`"),
        ("{slack: {webhook: {env: A}, channel: C1}}", "must be given with `token`"),
        ("{slack: {token: {env: A}, channel: 'a b'}}", "is no channel"),
        ("{slack: {webhook: https://hooks.example/s3cret}}", "must say where the secret is kept"),
        ("{webhook: {url: 'ftp://example.com/s3cret'}}", "is not a web address"),
        ("{webhook: {url: 'https://s3cret@example.com'}}", "is not a web address"),
        ("{webhook: {url: 'https://example.com/s3cret/ü'}}", "is not a web address"),
        ("{pagerduty: {}}", "is missing"),
        ("{pagerduty: {routing_key: s3cret}}", "must say where the secret is kept"),
        ("{webhook: {uri: x}}", "is an unknown key"),
        ("{email: {host: a b, from: a@b, to: [c@d]}}", "is no name of a machine"),
        ("{email: {host: a, from: a, to: [c@d]}}", "is no address of mail"),
        (r'{email: {host: a, from: "a@b\nBcc: x@y", to: [c@d]}}', "is no address of mail"),
        ("{email: {host: a, from: a@b, to: ['c@d, e@f']}}", "is no address of mail"),
        ("{email: {host: a, from: a@b, to: ['x@=?q?e=0DCc=3Ac@d?=']}}", "is no address of mail"),
        ("{email: {host: a, from: a@b, to: []}}", "should have at least 1 item"),
        ("{email: {host: a, from: a@b, to: [c@d], username: u}}", "is missing"),
        (
            "{email: {host: a, from: a@b, to: [c@d], username: u, password: {env: P}, "
            "security: none}}",
            "is given beside `password`",
        ),
        ("{email: {host: a, from: a@b, to: [c@d], security: ssl}}", "is not one of the known"),
    ],
)
def test_mistakes_are_told_and_show_no_secret(
    configuration: Configuration, channel: str, expected: str
):
    lines = configuration.problems({"deploy.yaml": f"{DEPLOY}\nchannels:\n  it: {channel}\n"})
    assert any(expected in line for line in lines), lines
    assert "s3cret" not in str(lines)


def test_a_rule_names_known_channels(configuration: Configuration):
    rules = "\nnotifications:\n  - {on: [failure], channels: [teem]}\n"
    (line,) = configuration.problems({"deploy.yaml": DEPLOY + CHANNELS + rules})
    assert "notifications.0.channels.0: is no channel, found 'teem'; name a known one" in line


@pytest.mark.parametrize(
    "rule",
    [
        "{on: [], channels: [here]}",
        "{on: [late], channels: [here]}",
        "{channels: [here]}",
        "{on: [failure]}",
        "{on: [failure], channels: [here], job: x}",
        "{on: [failure], channels: [here], repeat: hourly}",
    ],
)
def test_a_rule_with_a_mistake_is_refused(configuration: Configuration, rule: str):
    text = f"{DEPLOY}{CHANNELS}\nnotifications:\n  - {rule}\n"
    assert configuration.problems({"deploy.yaml": text})
