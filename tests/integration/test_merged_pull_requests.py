"""Pull requests that are merged with their base branch before they are built."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve
from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    projects:
      tiny:
        repository: REMOTE
        hosting: {kind: github, url: HUB/acme/shop, api_url: HUB/api/v3, token: {env: HUB_TOKEN}}
        pull_requests: {build: merge}
    environments:
      prod: {branch: main, target: prod}
"""
JOBS = """
    jobs:
      checks: {id: 23, environment: prod, job_type: ci, execute_steps: [dbt parse]}
"""


@dataclass(frozen=True)
class Story:
    """Two pull requests that main has moved on from: one goes together with it, one does not."""

    site: Site
    hub: HostingSite
    base: str
    head: str
    clean: Result
    torn: str
    conflict: Result

    def told(self, number: int, commit: str) -> tuple[str, str]:
        """The state of the last status of a commit, and the comment."""
        *_, state = [each["state"] for each in self.hub.statuses if each["sha"] == commit]
        (comment,) = [each.body for each in self.hub.notes if each.pull == number]
        return state, comment


def pull(site: Site, number: int, commit: str) -> Result:
    tags = {"deploy/pull_request": str(number), "deploy/commit": commit, "deploy/trigger": "ci"}
    return site.run("prod__checks", tags)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    site = make_site(tmp_path_factory.mktemp("merged"))
    with serve("github") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_TOKEN", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        site.configure(jobs=JOBS, deploy=DEPLOY.replace("HUB/", f"{hub.url}/"))
        old = site.git("rev-parse", "HEAD")
        base = site.push({"models/new.sql": "select 1 as id", "models/orders.sql": "select 3"})
        site.git("reset", "--quiet", "--hard", old)
        head = site.push({"models/revenue.sql": "select 2 as revenue"}, ref="pr/1")
        site.git("reset", "--quiet", "--hard", old)
        torn = site.push({"models/orders.sql": "select 4"}, ref="pr/2")
        clean, conflict = pull(site, 1, head), pull(site, 2, torn)
        yield Story(site, hub, base, head, clean, torn, conflict)


def test_what_merging_would_make_is_built(story: Story):
    file = story.site.directory(story.clean.run_id, "04-dbt-parse") / "target" / "manifest.json"
    nodes = json.loads(file.read_bytes())["nodes"]
    assert nodes["model.tiny.revenue"]["raw_code"] == "select 2 as revenue"
    assert nodes["model.tiny.orders"]["raw_code"] == "select 3"
    assert "model.tiny.new" in nodes


def test_status_comment_and_record_are_those_of_the_head(story: Story):
    record = story.site.record(story.clean.run_id)
    merged = f"main at {story.base[:7]}"
    assert (record["commit"], record["merged_with"]) == (story.head, merged)
    with story.site.instance() as instance:
        run = instance.get_run_by_id(story.clean.run_id)
    assert run is not None
    assert run.tags["deploy/commit"] == story.head[:7]
    state, comment = story.told(1, story.head)
    assert state == "success"
    assert f"/commit/{story.head}) merged with `{merged}` · " in comment
    assert f"Merging it with {merged}" in story.site.console(
        story.clean.run_id, "01-clone-git-repository"
    )


def test_a_conflict_fails_the_pull_request_and_names_the_files(story: Story):
    assert not story.conflict.success
    assert list(story.site.steps(story.conflict.run_id)) == ["01-clone-git-repository"]
    said = story.site.record(story.conflict.run_id)["message"]
    assert said == (
        f"commit {story.torn[:12]} can't be merged with its base, commit {story.base[:12]}: both "
        "have changed 'models/orders.sql'; merge the base branch into this one, or rebase it, and "
        "push"
    )
    state, comment = story.told(2, story.torn)
    assert state == "failure"
    assert "both have changed 'models/orders.sql'" in comment
