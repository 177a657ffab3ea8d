import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy_project.ci.pulls.bell import last_ring
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Project, Secret
from tests.support.api.callers import Answer, Caller
from tests.support.servers.serving import served

SECRET = "a secret of the hook"
BODY = json.dumps({"ref": "refs/heads/main", "after": "0" * 40}).encode()


@dataclass(frozen=True)
class Site:
    """A hosting site that sends messages to the front."""

    caller: Caller
    state: StateDirectory

    def send(self, project: str = "shop", body: bytes = BODY, secret: str = SECRET) -> Answer:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        given = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "push"}
        return self.caller.call("POST", f"/hooks/{project}", body, **given)

    def ring(self, project: str = "shop") -> str:
        return last_ring(self.state, project)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("HOOK", SECRET)
    hooks = {"shop": Secret(env="HOOK"), "quiet": None, "lost": Secret(file=tmp_path / "lost")}
    projects = {
        name: Project(name=name, id=number, repository="/nowhere.git", hook_secret=hook)
        for number, (name, hook) in enumerate(hooks.items(), 1)
    }
    state = StateDirectory(tmp_path / "state")
    deployment = Deployment(tmp_path / "deploy.yaml", Account(1, "Acme"), projects, {}, {})
    with served(deployment, state) as address:
        yield Site(Caller(address), state)


def test_a_signed_message_rings_the_bell(site: Site):
    assert site.ring() == ""
    answer = site.send()
    assert (answer.status, answer.json["data"]) == (200, {"project": "shop"})
    first = site.ring()
    assert first
    assert site.caller.call("POST", "/hooks/shop", BODY, **{"X-Gitlab-Token": SECRET}).status == 200
    assert site.ring() != first


def test_rings_are_gathered(site: Site):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(site.send, ["shop"] * 40))
    assert {each.status for each in answers} == {200}
    assert [each.name for each in site.state.bell("shop").parent.iterdir()] == ["shop"]


def test_others_are_refused_without_a_word_on_the_reason(site: Site):
    """Nobody learns from it which projects there are."""
    refused = [
        site.send(secret="another"),
        site.send("quiet"),
        site.send("quiet", secret=""),
        site.send("nowhere"),
        site.send("shop%20"),
        site.caller.call("POST", "/hooks/shop", BODY),
        site.caller.call("POST", "/hooks/shop", b""),
    ]
    assert {each.status for each in refused} == {403}
    assert len({each.text for each in refused}) == 1
    assert site.send(body=b"x" * (2 << 20)).status == 413
    assert not site.state.bell("shop").parent.exists()


def test_a_secret_that_can_not_be_read_is_told_in_the_log_alone(
    site: Site, caplog: pytest.LogCaptureFixture
):
    answer = site.send("lost")
    assert answer.status == 503
    assert answer.message == "The secret of the project's hooks can't be read here."
    assert "projects.lost.hooks.secret" in caplog.text
