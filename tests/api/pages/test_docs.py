from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from upath import UPath

from deploy_project.api.pages.html import Row, index
from deploy_project.api.server import listening
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Hosting,
    Project,
)
from deploy_project.errors import ConfigError
from deploy_project.releases.pointer import Pointer, move
from deploy_project.runs.store.artifacts import Artifacts, Publication
from tests.support.api.callers import Answer, send
from tests.support.servers.serving import served

HOSTING = Hosting("github", "https://github.com/acme/shop")
SHOP = Project(name="shop", id=1, repository="/shop.git", hosting=HOSTING)
PROD = Environment(name="prod", id=1, project=SHOP, type="production")
COMMIT = "abcdef0123" * 4


@dataclass(frozen=True)
class DocsServer:
    """A running docs server; asks for paths exactly as given, which clients for people do not."""

    address: str
    state: StateDirectory
    artifacts: Artifacts

    def get(self, path: str) -> Answer:
        return send(self.address, "GET", path)

    def publish(self, run_id: str, root: Path) -> None:
        files: list[tuple[UPath, str]] = []
        for name in ("index.html", "manifest.json"):
            source = UPath(root / f"{run_id}-{name}")
            source.write_text(f"{name} of {run_id}", encoding="utf-8")
            files.append((source, name))
        owner = self.artifacts.environment("prod")
        self.artifacts.publish(run_id, [Publication(owner, "docs", files)])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[DocsServer]:
    state = StateDirectory(tmp_path / "state")
    deployment = Deployment(
        source=tmp_path / "deploy.yaml",
        account=Account(1, "Shop & <Sons>"),
        projects={"shop": SHOP},
        environments={"prod": PROD, "next": replace(PROD, name="next", id=2)},
        jobs={},
    )
    with served(deployment, state) as url:
        yield DocsServer(url, state, Artifacts.of(deployment, state))


def test_the_docs_are_the_newest_ones_at_each_request(site: DocsServer, tmp_path: Path):
    site.publish("first", tmp_path)
    assert site.get("/docs/prod/").text == "index.html of first"
    assert site.get("/docs/prod/manifest.json?cb=1").text == "manifest.json of first"
    site.publish("second", tmp_path)
    answer = site.get("/docs/prod/index.html")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == "index.html of second"
    assert site.get("/docs/prod/manifest.json").headers["content-type"] == "application/json"


def test_without_a_slash_at_its_end_the_page_would_not_find_its_files(site: DocsServer):
    answer = site.get("/docs/prod")
    assert (answer.status, answer.headers["location"]) == (307, "prod/")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/prod/../docs.json",
        "/docs/prod/..%2fdocs.json",
        "/docs/prod/%2e%2e/docs.json",
        "/docs/prod/first/index.html",
        "/docs/prod//etc/passwd",
        "/docs/prod/%2fetc%2fpasswd",
        "/docs/prod/catalog.json",
        "/docs/../state/README",
        "/docs/..%2f..%2fenvironments%2fprod/index.html",
        "/docs/prod%00/index.html",
    ],
)
def test_nothing_but_the_docs_is_served(path: str, site: DocsServer, tmp_path: Path):
    site.publish("first", tmp_path)
    answer = site.get(path)
    assert answer.status == 404
    assert "of first" not in answer.text
    assert "run_id" not in answer.text


def test_an_unknown_environment_is_told_with_the_known_ones(site: DocsServer):
    answer = site.get("/docs/%3Cscript%3E/")
    assert answer.status == 404
    assert "There is no environment &#x27;&lt;script&gt;&#x27;; known: prod, next." in answer.text


def test_an_environment_without_docs_says_how_to_get_some(site: DocsServer):
    answer = site.get("/docs/next/")
    assert answer.status == 404
    assert "`generate_docs: true`" in answer.text


def test_the_index_links_docs_and_commits(site: DocsServer, tmp_path: Path):
    site.publish("first", tmp_path)
    move(site.state, "prod", Pointer(COMMIT, "prod-0123456789abcdef"))
    answer = site.get("/")
    assert answer.status == 200
    assert "Shop &amp; &lt;Sons&gt;" in answer.text
    assert '<a href="docs/prod/">Docs</a>' in answer.text
    assert f'<a href="https://github.com/acme/shop/commit/{COMMIT}">abcdef0</a>' in answer.text
    assert "<td>next</td><td>shop</td><td>none yet</td><td>none yet</td>" in answer.text
    assert 'href="http://127.0.0.1:3000"' in answer.text


def test_every_page_has_a_policy_of_its_own(site: DocsServer, tmp_path: Path):
    """The texts of a project become HTML in dbt's docs site."""
    site.publish("first", tmp_path)
    assert "script-src 'none'" in site.get("/docs/prod/").headers["content-security-policy"], (
        "this index has no script"
    )
    for path in ("/", "/docs/next/", "/nowhere"):
        assert "default-src 'none'" in site.get(path).headers["content-security-policy"]
        assert "script-src" not in site.get(path).headers["content-security-policy"]


def test_everything_on_the_index_is_escaped():
    evil = '"><script>'
    page = index(evil, [Row(evil, evil, evil, evil, has_docs=True)], dagster_url=evil)
    assert "<script>" not in page


def test_a_port_that_is_taken_is_told(site: DocsServer):
    port = urlsplit(site.address).port or 0
    message = f"can't listen on 127.0.0.1 port {port}: "
    with pytest.raises(ConfigError, match=message), listening("127.0.0.1", port):
        pass


def test_a_damaged_pointer_is_no_internal_error(site: DocsServer, caplog: pytest.LogCaptureFixture):
    """The page told strangers where the files of the machine are; the log does that now."""
    pointer = site.state.artifacts / "environments" / "prod" / "docs.json"
    pointer.mkdir(parents=True)
    answer = site.get("/docs/prod/")
    assert answer.status == 503
    assert "the server&#x27;s log has more" in answer.text
    assert str(site.state.root) not in answer.text
    assert f"reading {pointer} failed" in caplog.text
