"""A run executes its own commit, whatever the loaded definitions show."""

from dataclasses import dataclass

import dagster as dg
import pytest

from deploy_project.orchestration.location import deployed_pointers
from tests.support.deployments.site import Result, Site, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
"""


@dataclass(frozen=True)
class Story:
    """Definitions loaded at commit `before`; then a run on `after`, and one on `before` again."""

    site: Site
    before: str
    after: str
    run: Result
    pointer_after_run: str
    again: Result


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("commits"))
    site.configure(jobs=JOBS)
    before = site.git("rev-parse", "HEAD")
    assert site.run("prod__nightly").success
    loaded = deployed_pointers(site.deployment, site.state)
    assert loaded["prod"].startswith(before)
    after = site.push(
        {
            "models/new.sql": "select 1 as id",
            "models/revenue.sql": None,
            "models/orders.sql": None,
            "models/sales.sql": "select 1 as id, 10 as amount",
        }
    )
    run = site.run("prod__nightly", definitions_of=loaded)
    pointer = site.state.deployed("prod").read_text(encoding="utf-8")
    again = site.run("prod__nightly", {"deploy/commit": before})
    return Story(site, before, after, run, pointer, again)


def test_a_run_reports_the_models_of_its_own_commit(story: Story):
    assert story.run.success
    assert sorted(story.site.materialized(story.run.run_id)) == ["prod/new", "prod/sales"]
    planned = story.site.events(story.run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert {each.asset_key.to_user_string() for each in planned} == {"prod/new", "prod/sales"}


def test_the_run_deploys_what_it_has_built(story: Story):
    assert story.pointer_after_run.startswith(story.after)
    shown = {key.to_user_string() for key in story.site.definitions().resolve_all_asset_keys()}
    assert {"prod/new", "prod/sales", "prod/jobs/nightly"} <= shown
    assert not {"prod/orders", "prod/revenue"} & shown


def test_a_run_of_an_older_commit_builds_that_and_deploys_nothing(story: Story):
    assert story.again.success
    assert story.site.record(story.again.run_id)["commit"] == story.before
    assert sorted(story.site.materialized(story.again.run_id)) == ["prod/orders", "prod/revenue"]
    pointer = story.site.state.deployed("prod").read_text(encoding="utf-8")
    assert pointer == story.pointer_after_run
