from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.notify.outbox import Delivery, Entry, Outbox
from deploy_project.notify.over_api.notification import Notification
from deploy_project.notify.over_api.store import Store
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.notify.webhooks.standing import after_failure
from deploy_project.notify.webhooks.subscription import of_file
from tests.cli.configure import Configure
from tests.support.history.past_runs import History, on_sqlite
from tests.support.messages import FAILURE

DEPLOY = """
    projects: {shop: {repository: /nowhere}}
    environments: {prod: {branch: main}}
    channels:
      here: {file: messages}
      team: {slack: {webhook: {env: NOT_SET}}}
    notifications:
      - {on: [failure], channels: [here]}
      - {on: [failure], channels: [here], environments: [production]}
"""
JOBS = "jobs: {daily: {environment: prod, execute_steps: [dbt build]}}"


@pytest.fixture
def place(configure: Configure) -> Path:
    return configure(DEPLOY, JOBS)


def test_a_channel_is_tried(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["notify", "test", "here"]) == 0
    assert capsys.readouterr().out == "here has taken a message\n"
    (file,) = (place / "messages").glob("*.txt")
    assert file.read_text(encoding="utf-8").startswith("deploy-project can reach the channel here")


def test_a_channel_that_can_not_be_used_says_why(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["notify", "test", "team"]) == 1
    assert "environment variable 'NOT_SET' is not set" in capsys.readouterr().err
    assert main(["notify", "test", "teem"]) == 1
    assert "there is no channel 'teem'; did you mean 'team'?" in capsys.readouterr().err


def test_a_message_is_shown_and_not_sent(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with on_sqlite(place) as instance:
        run_id = History(instance, place).add(status=dg.DagsterRunStatus.FAILURE)
        monkeypatch.setenv("DAGSTER_HOME", str(place))
        assert main(["notify", "preview", run_id[:8], "--channel", "team"]) == 0
    assert '"text": "prod__daily failed"' in capsys.readouterr().out
    assert not (place / "messages").exists()


def test_the_log_shows_deliveries_and_what_is_due(place: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["notify", "log"]) == 0
    assert capsys.readouterr().out == "No messages.\n"
    outbox, now = Outbox(place / ".deploy" / "notifications"), datetime.now(UTC)
    outbox.prepare()
    outbox.note(Delivery(now, "here", "3f2a" * 3, "prod__daily failed", "sent", 1))
    outbox.put(Entry("team", FAILURE, now, now, 2, "it answers HTTP 503"))
    assert main(["notify", "log"]) == 0
    head, sent, due = capsys.readouterr().out.splitlines()
    assert head.split() == ["TIME", "CHANNEL", "RUN", "RESULT", "ATTEMPT", "MESSAGE", "ERROR"]
    assert sent.split()[2:5] == ["here", "3f2a3f2a", "sent"]
    assert due.split()[2:6] == ["team", "7d3c1f0a", "due", "3"]
    assert due.endswith("it answers HTTP 503")
    assert main(["notify", "log", "--channel", "here", "--run", "3f2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_log_of_an_unknown_channel_names_those_there_are(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["notify", "log", "--channel", "nope"]) == 1
    assert "there is no channel 'nope'; known: here, team" in capsys.readouterr().err
    assert main(["notify", "log", "--channel", "team"]) == 0
    assert capsys.readouterr().out == "No messages.\n"
    outbox, now = Outbox(place / ".deploy" / "notifications"), datetime.now(UTC)
    outbox.prepare()
    outbox.note(Delivery(now, "gone", "3f2a" * 3, "prod__daily failed", "sent", 1))
    assert main(["notify", "log", "--channel", "gone"]) == 0
    assert "prod__daily failed" in capsys.readouterr().out


def test_a_channel_of_the_api_is_shown_by_the_name_that_the_log_has(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    mail = "  mail: {email: {host: smtp.invalid, from: a@b.example, to: [c@d.example]}}"
    place = configure(DEPLOY.replace("    notifications:", f"    {mail}\n    notifications:"), JOBS)
    made = Store(StateDirectory(place / ".deploy")).create(
        Notification(0, 4, "ana", external_email="ana@example.com"), now=datetime.now(UTC)
    )
    with on_sqlite(place) as instance:
        run_id = History(instance, place).add(status=dg.DagsterRunStatus.FAILURE)
        monkeypatch.setenv("DAGSTER_HOME", str(place))
        assert main(["notify", "preview", run_id[:8], "--channel", made.channel_name]) == 0
    assert "To: ana@example.com" in capsys.readouterr().out
    assert main(["notify", "log", "--channel", made.channel_name]) == 0
    assert main(["notify", "log", "--channel", "notification.1"]) == 1
    assert made.channel_name in capsys.readouterr().err


def test_check_tells_a_rule_without_runs_and_missing_secrets(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert "deploy.yaml:9: this rule of `notifications` matches no run" in said.out
    assert "channels.team.slack.webhook: environment variable 'NOT_SET' is not set" in said.err


WEBHOOKS = """
    webhooks:
      hook:
        url: https://hooks.example.com
        secret: {env: NOT_SET}
        events: [job.run.started]
"""


def test_webhooks_are_listed_and_reactivated(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    place = configure(DEPLOY, JOBS)
    assert main(["notify", "webhooks"]) == 0
    assert capsys.readouterr().out == "No webhooks.\n"
    place = configure(DEPLOY + WEBHOOKS, JOBS)
    ledger, now = Ledger(place / ".deploy" / "webhooks"), datetime.now(UTC)
    [hook] = of_file(load_deployment(place / "deploy.yaml", state=place / ".deploy"))
    for _ in range(1_000):
        ledger.change(
            hook.id, lambda s: after_failure(s, code=503, now=now, given_up=True), now=now
        )
    assert main(["notify", "webhooks"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(f"hook  {hook.id}  file  not active")
    assert line.endswith("503     1,000 deliveries in a row have failed")
    assert main(["notify", "reactivate", "hook"]) == 0
    assert capsys.readouterr().out == "hook gets the events of runs from now on\n"
    assert ledger.standing(hook.id, now=now).is_active
    assert main(["notify", "reactivate", "hock"]) == 1
    assert "there is no webhook 'hock'; known: hook" in capsys.readouterr().err
