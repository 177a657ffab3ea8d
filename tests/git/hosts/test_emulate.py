"""Our GitHub client against `emulate`, a stateful stand-in for GitHub: `make emulate`.

emulate 0.12 has no commit statuses, takes every token, and moves the head of a pull request only
when its branch is updated from the base.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy_project.config.values.deployment import Hosting, Project, Secret
from deploy_project.git.hosts.comments import amend_comment, upsert_comment
from deploy_project.git.hosts.finder import Finder
from deploy_project.git.hosts.merged import merged_pull_requests
from deploy_project.git.pulls import PullRequest
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait

PLACE = os.environ.get("EMULATE", "")
"""Where npm has installed it."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PLACE, reason="`make emulate` installs it with npm, and runs this"),
]

ROBOT, PERSON = "t0ken-of-the-robot", "t0ken-of-somebody"
SEED = f"""
tokens:
  {ROBOT}: {{login: robot, scopes: [repo, user]}}
  {PERSON}: {{login: somebody, scopes: [repo, user]}}
github:
  users: [{{login: robot, name: Robot}}, {{login: somebody, name: Somebody}}]
  orgs: [{{login: acme, name: Acme, members: [{{login: robot, role: admin}}]}}]
  repos: [{{owner: somebody, name: shop, auto_init: true}}]
"""
MARKER = "<!-- deploy_project:dbt/prod/ci -->"


@dataclass(frozen=True)
class GitHub:
    """The stand-in, as somebody uses it who is not us."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def project(self) -> Project:
        hosting = Hosting(
            "github", f"{self.url}/somebody/shop", self.url, "somebody/shop", Secret(env="HUB")
        )
        return Project(name="shop", id=1, repository="/nowhere", hosting=hosting)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Do something in the repository as `somebody`."""
        answer = self.session.request(
            method,
            f"{self.url}/repos/somebody/shop{path}",
            json=body,
            headers={"Authorization": f"Bearer {PERSON}"},
            timeout=PATIENCE,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def push(self, branch: str) -> str:
        """Commit a file to `branch`, a new one or not; return the commit."""
        names = [each["name"] for each in self.ask("GET", "/branches")]
        if branch not in names:
            head = self.ask("GET", "/branches/main")["commit"]["sha"]
            self.ask("POST", "/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
        content = {"message": "Change", "content": "c2VsZWN0IDE=", "branch": branch}
        name = f"/contents/models/{branch}-{time.time_ns()}.sql"
        return self.ask("PUT", name, content)["commit"]["sha"]

    def open(self, branch: str, **facts: Any) -> int:
        """Open a pull request; return its number."""
        head = {"head": branch, "base": "main", "title": f"Add {branch}", **facts}
        return self.ask("POST", "/pulls", head)["number"]

    def comments(self, number: int) -> list[tuple[str, str]]:
        """Who has said what, in order."""
        found = self.ask("GET", f"/issues/{number}/comments")
        return [(each["user"]["login"], each["body"]) for each in found]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    directory = tmp_path_factory.mktemp("emulate")
    (directory / "seed.yaml").write_text(SEED, encoding="utf-8")
    modules = Path(PLACE).resolve() / "node_modules"
    port = free_port()
    command = [modules / ".bin" / "node", modules / "emulate" / "dist" / "index.js", "start"]
    options = ["--service", "github", "--port", str(port), "--seed", "seed.yaml"]
    with (
        subprocess.Popen([*command, *options], cwd=directory) as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("HUB", ROBOT)
        patch.setenv("NO_PROXY", "127.0.0.1")
        try:
            yield GitHub(_answering(f"http://127.0.0.1:{port}", process))
        finally:
            process.send_signal(signal.SIGTERM)


def _answering(url: str, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the server answers."""

    def answers() -> bool:
        assert process.poll() is None, "emulate has ended by itself"
        try:
            requests.get(f"{url}/meta", timeout=PATIENCE)
        except requests.ConnectionError:
            return False
        return True

    wait(answers, otherwise=lambda: "emulate does not answer", every=0.1)
    return url


def listed(hub: GitHub) -> dict[int, PullRequest]:
    found = Finder().listed(hub.project, "")
    assert found is not None
    return {each.number: each for each in found.pull_requests}


def test_pull_requests_are_found_with_all_that_is_known_of_them(hub: GitHub):
    head = hub.push("orders")
    number = hub.open("orders")
    hub.ask("POST", f"/issues/{number}/labels", {"labels": ["safe to test"]})
    hub.push("draft")
    draft = hub.open("draft", draft=True)
    found = listed(hub)
    assert found[number] == PullRequest(
        number=number,
        head=head,
        base="main",
        branch="orders",
        title="Add orders",
        author="somebody",
        labels=frozenset({"safe to test"}),
        url=found[number].url,
    )
    assert found[number].url.endswith(f"/somebody/shop/pull/{number}")
    assert found[draft].draft
    hub.push("main")
    hub.ask("PUT", f"/pulls/{number}/update-branch", {})
    moved = hub.ask("GET", f"/pulls/{number}")["head"]["sha"]
    assert moved != head
    assert listed(hub)[number].head == moved
    hub.ask("PATCH", f"/pulls/{draft}", {"state": "closed"})
    assert draft not in listed(hub)


def test_no_news_is_no_listing(hub: GitHub):
    hub.push("quiet")
    hub.open("quiet")
    first = Finder().listed(hub.project, "")
    assert first is not None
    assert Finder().listed(hub.project, first.cursor) is None


def test_more_than_a_page_of_them_is_found(hub: GitHub):
    before = len(listed(hub))
    for number in range(101):
        hub.push(f"many-{number}")
        hub.open(f"many-{number}")
    assert len(listed(hub)) == before + 101


def test_there_is_one_comment_and_it_is_ours(hub: GitHub):
    hub.push("comment")
    number = hub.open("comment")
    hub.ask("POST", f"/issues/{number}/comments", {"body": f"{MARKER}\nnot yours"})
    for body in ("pending", "failed"):
        upsert_comment(hub.project, number, body, MARKER)
    amend_comment(hub.project, number, MARKER, lambda text: f"{text}, then deployed")
    assert hub.comments(number) == [
        ("somebody", f"{MARKER}\nnot yours"),
        ("robot", f"{MARKER}\nfailed, then deployed"),
    ]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_tells_the_commit_that_it_has_made(hub: GitHub, method: str):
    head = hub.push(f"merged-{method}")
    number = hub.open(f"merged-{method}")
    hub.push(f"refused-{method}")
    closed = hub.open(f"refused-{method}")
    hub.ask("PATCH", f"/pulls/{closed}", {"state": "closed"})
    made = hub.ask("PUT", f"/pulls/{number}/merge", {"merge_method": method})["sha"]
    assert hub.ask("GET", "/branches/main")["commit"]["sha"] == made
    found = {each.number: each.commits for each in merged_pull_requests(hub.project)}
    assert found[number] == (made, head)
    assert closed not in found
    assert number not in listed(hub)
