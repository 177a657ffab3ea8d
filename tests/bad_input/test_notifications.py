"""Channels and rules that are wrong, and channels that can't be used: each says what to do."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.config.state import StateDirectory
from deploy_project.notify.over_api.notification import Notification
from deploy_project.notify.over_api.store import Store
from deploy_project.notify.transports import http
from tests.support.deployments.configuration_files import Configuration
from tests.support.documented_messages import Met
from tests.support.history.past_runs import History, on_sqlite
from tests.support.ports import free_port
from tests.support.servers.hollow_server import page, serve

DEPLOY = """
projects: {shop: {repository: /nowhere}}
environments: {prod: {branch: main}}
channels:
  it: CHANNEL
notifications:
  - {on: [failure], channels: [it], jobs: [JOBS]}
"""
JOBS = "jobs: {daily: {environment: prod, execute_steps: [dbt build]}}"


@pytest.fixture
def configuration(here: Path) -> Configuration:
    return Configuration(here)


def write(configuration: Configuration, channel: str, *, jobs: str = "daily") -> None:
    text = DEPLOY.replace("CHANNEL", channel).replace("JOBS", jobs)
    configuration.write({"deploy.yaml": text, "jobs.yml": JOBS})


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What a command has said is wrong, without its name."""
    return capsys.readouterr().err.strip().partition(": ")[2]


@pytest.mark.parametrize(
    "channel",
    [
        "{}",
        "{file: a, slack: {webhook: {env: A}}}",
        "{email: {host: a, from: Ana <a@b>, to: [c@d]}}",
        "{email: {host: a, from: a@b, to: [c@d], username: u, password: {env: P}, security: none}}",
        "{slack: {}}",
        "{webhook: {url: ftp://a}}",
    ],
)
def test_a_channel_with_a_mistake(
    configuration: Configuration, channel: str, met: Met, capsys: pytest.CaptureFixture[str]
):
    write(configuration, channel)
    assert main(["check"]) == 1
    met(said(capsys))


def test_rules_for_nobody(
    configuration: Configuration, met: Met, capsys: pytest.CaptureFixture[str]
):
    write(configuration, "{file: a}", jobs="dayly")
    main(["check"])
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    met(line)
    text = (configuration.root / "deploy.yaml").read_text(encoding="utf-8")
    configuration.write({"deploy.yaml": text.replace("[it]", "[at]"), "jobs.yml": JOBS})
    assert main(["check"]) == 1
    met(said(capsys))


@pytest.mark.parametrize(
    "lines",
    [
        "notifications: [{on: [late], channels: [it]}]",
        "notifications: [{on: [failure], channels: [it], late: {minutes: 5}}]",
        "model_notifications: [{channel: it}]",
        "model_notifications: [{channel: mail, models: [], tests: []}]",
        "webhook_hosts: [https://a]",
    ],
)
def test_rules_that_do_not_fit(
    configuration: Configuration, lines: str, met: Met, capsys: pytest.CaptureFixture[str]
):
    mail = "{email: {host: a, from: a@b.example, to: [c@d.example]}}"
    channels = DEPLOY.partition("notifications:")[0].replace("CHANNEL", "{file: a}")
    text = f"{channels.rstrip()}\n  mail: {mail}\n{lines}\n"
    configuration.write({"deploy.yaml": text, "jobs.yml": JOBS})
    assert main(["check"]) == 1
    met(said(capsys))


def test_webhooks_for_nobody(
    configuration: Configuration,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("KEY", "k" * 20)
    text = DEPLOY.replace("CHANNEL", "{file: a}").replace("JOBS", "dayly") + (
        "model_notifications: [{channel: mail, jobs: [dayly]}]\n"
        "webhooks: {hook: {url: 'https://a.example', secret: {env: KEY}, jobs: [dayly], "
        "events: [job.run.started]}}\n"
    )
    mail = "  mail: {email: {host: a, from: a@b.example, to: [c@d.example]}}\n"
    text = text.replace("notifications:\n", f"{mail}notifications:\n", 1)
    configuration.write({"deploy.yaml": text, "jobs.yml": JOBS})
    main(["check"])
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    assert len(lines) == 3
    for line in lines:
        met(line)
    assert main(["notify", "reactivate", "hock"]) == 1
    met(said(capsys))
    directory = configuration.root / ".deploy" / "webhooks"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "subscriptions.json").write_text("[{", encoding="utf-8")
    assert main(["notify", "webhooks"]) == 1
    met(said(capsys))


def test_channels_that_can_not_be_used(
    configuration: Configuration,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    (configuration.root / "a-file").touch()
    with (
        serve(page(b"gone", status=410)) as refuses,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        for channel in (
            f"{{webhook: {{url: '{refuses}'}}}}",
            f"{{webhook: {{url: 'http://127.0.0.1:{silent.getsockname()[1]}'}}}}",
            f"{{webhook: {{url: 'http://127.0.0.1:{free_port()}'}}}}",
            f"{{email: {{host: 127.0.0.1, port: {free_port()}, from: a@b, to: [c@d]}}}}",
            "{file: a-file}",
            "{file: a-file/below}",
            "{file: /proc/below}",
        ):
            write(configuration, channel)
            assert main(["notify", "test", "it"]) == 1
            met(said(capsys))


def test_a_run_that_has_not_ended_has_no_message(
    configuration: Configuration,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    write(configuration, "{file: a}")
    with on_sqlite(configuration.root) as instance:
        run_id = History(instance, configuration.root).add(status=dg.DagsterRunStatus.STARTED)
        monkeypatch.setenv("DAGSTER_HOME", str(configuration.root))
        assert main(["notify", "preview", run_id, "--channel", "it"]) == 1
    met(said(capsys))


def test_a_rule_on_schedules_that_there_are_not(
    configuration: Configuration, met: Met, capsys: pytest.CaptureFixture[str]
):
    text = DEPLOY.replace("CHANNEL", "{file: a}").partition("  - {on")[0]
    for late, job, expected in (
        ("minutes: 5", "", 1),
        ("minutes: 5", ", schedule: {cron: '0 6 * * *'}", 0),
        ("minutes: 5, times: 2", "", 0),
    ):
        rule = f"  - {{on: [late], channels: [it], late: {{{late}}}}}\n"
        jobs = JOBS.replace("]}", f"]{job}}}")
        configuration.write({"deploy.yaml": text + rule, "jobs.yml": jobs})
        main(["check"])
        lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
        assert len(lines) == expected, (late, job)
        for line in lines:
            met(line)


def test_notifications_of_the_api_that_nobody_gets(
    configuration: Configuration, met: Met, capsys: pytest.CaptureFixture[str]
):
    write(configuration, "{file: a}")
    store = Store(StateDirectory(configuration.root / ".deploy"))
    now = datetime(2026, 11, 30, tzinfo=UTC)
    for each in (
        Notification(0, 4, "ana", external_email="a@b.example"),
        Notification(0, 2, "ana", slack_channel_id="C1"),
        Notification(0, 1, "ana"),
    ):
        store.create(each, now=now)
    main(["check"])
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    assert len(lines) == 6, "none can be sent, and none tells of a job"
    store.state.api_notifications.write_text("[{", encoding="utf-8")
    main(["check"])
    lines += [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    assert len(lines) == 7
    for line in lines:
        met(line)
