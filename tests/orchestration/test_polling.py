"""What the sensor of pull requests costs without news, and what a tick that goes wrong leaves."""

from collections.abc import Iterator

import dagster as dg
import pytest

from deploy_project.config.values.deployment import HostingKind
from deploy_project.runs.model import tags
from tests.support.deployments.hosting_site import TOKEN, Canned, HostingSite, Request, serve
from tests.support.deployments.site import Site, make_site
from tests.support.running.daemon import Daemon, run, status
from tests.support.running.started_processes import Process

pytestmark = pytest.mark.slow

SENSOR = "tiny_pull_requests"
PLACES = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
HOSTING = "hosting: {kind: KIND, url: HUB/acme/shop, api_url: HUBROOT, token: {env: HUB_TOKEN}}"
DEPLOY = """
    projects:
      tiny: {repository: REMOTE, PLACE}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, target: prod}
"""
JOBS = """
    jobs:
      checks: {id: 23, environment: staging, job_type: ci}
      more: {id: 24, environment: prod, job_type: ci}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("polling"))


@pytest.fixture
def daemon(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(site, instance)


def watched(daemon: Daemon, kind: HostingKind, hub: HostingSite) -> None:
    """Let the sensor see for the first time what is open."""
    place = HOSTING.replace("KIND", kind).replace("HUBROOT", hub.url + PLACES[kind])
    place = place.replace("HUB/", f"{hub.url}/")
    daemon.site.configure(deploy=DEPLOY.replace("PLACE", place), jobs=JOBS)
    assert daemon.tick(SENSOR).requests == []


@pytest.fixture
def github(daemon: Daemon) -> Iterator[HostingSite]:
    with serve("github") as hub:
        hub.open(*range(1, 131))
        watched(daemon, "github", hub)
        yield hub


def builds(daemon: Daemon) -> list[tuple[str | None, str]]:
    requests = daemon.tick(SENSOR).requests
    return sorted((each.job_name, each.tags[tags.PULL_REQUEST]) for each in requests)


@pytest.mark.parametrize("kind", PLACES)
def test_a_tick_without_news_asks_the_site_once_whatever_is_open(
    daemon: Daemon, started: list[Process], kind: HostingKind
):
    with serve(kind) as hub:
        hub.open(*range(1, 51))
        watched(daemon, kind, hub)
        hub.requests.clear()
        started.clear()
        assert daemon.tick(SENSOR).skipped == "No pull request has changed"
        assert (len(hub.requests), started) == (1, [])


def test_a_tick_without_news_asks_for_references_once(
    site: Site, daemon: Daemon, started: list[Process]
):
    refs = "pull_requests: {refs: refs/pull/*/head}"
    site.configure(deploy=DEPLOY.replace("PLACE", refs), jobs=JOBS)
    site.git("checkout", "--quiet", "-B", "work")
    commit = site.push({"models/new.sql": "select 1 as id"}, ref="work")
    site.git("push", "--quiet", "origin", *(f"{commit}:refs/pull/{n}/head" for n in range(1, 51)))
    daemon.tick(SENSOR)
    started.clear()
    assert daemon.tick(SENSOR).skipped == "No pull request has changed"
    assert sum("ls-remote" in process for process in started) == 1
    assert not {"fetch", "clone"} & {word for process in started for word in process}


def test_a_page_that_fails_loses_and_repeats_nothing(daemon: Daemon, github: HostingSite):
    def fail(request: Request) -> None:
        if request.query.get("page") == "2":
            github.canned.append(Canned(502))

    before = daemon.cursors[SENSOR]
    github.open(131)
    github.before = fail
    assert "GitHub answers HTTP 502" in daemon.fails(SENSOR)
    assert daemon.cursors[SENSOR] == before
    github.before = lambda _: None
    assert builds(daemon) == [("prod__more", "131"), ("staging__checks", "131")]
    assert builds(daemon) == []


def test_a_base_that_cannot_be_asked_for_loses_and_repeats_nothing(
    site: Site, daemon: Daemon, github: HostingSite
):
    github.open(131)
    hidden = site.remote.rename(site.root / "hidden.git")
    assert "remote.git" in daemon.fails(SENSOR)
    hidden.rename(site.remote)
    assert builds(daemon) == [("prod__more", "131"), ("staging__checks", "131")]
    assert builds(daemon) == []


def test_a_daemon_that_is_killed_before_it_keeps_the_cursor_gives_up_no_run(
    daemon: Daemon, github: HostingSite
):
    """Dagster then evaluates the tick again, and starts nothing for a key that it has seen."""
    before = daemon.cursors[SENSOR]
    github.open(131)
    first = daemon.tick(SENSOR).requests
    made = [run(daemon, each, dg.DagsterRunStatus.QUEUED)[0] for each in first]
    daemon.cursors[SENSOR] = before
    again = daemon.tick(SENSOR).requests
    assert [each.run_key for each in again] == [each.run_key for each in first]
    assert None not in {each.run_key for each in first}
    assert {status(daemon, each) for each in made} == {"QUEUED"}


def test_telling_why_forks_are_not_built_holds_up_no_start(
    daemon: Daemon, github: HostingSite, monkeypatch: pytest.MonkeyPatch
):
    """A site that took half a minute for each comment ended the tick, again and again."""
    github.open(131)
    github.open(132, 133, source=2)
    with monkeypatch.context() as patch:
        patch.setattr("deploy_project.orchestration.triggers.pull_requests.TELLING_SECONDS", 0)
        assert builds(daemon) == [("prod__more", "131"), ("staging__checks", "131")]
        assert github.notes == []
    assert builds(daemon) == []
    assert sorted({each.pull for each in github.notes}) == [132, 133]
    assert daemon.tick(SENSOR).skipped == "No pull request has changed"
