"""Channels and rules that are wrong, and channels that can't be used: each says what to do."""

import socket
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.notify.transports import http
from tests.support.configuration_files import Configuration
from tests.support.documented_messages import Met
from tests.support.hollow_server import page, serve
from tests.support.past_runs import History, on_sqlite
from tests.support.ports import free_port

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
            "{file: a-file/below}",
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
