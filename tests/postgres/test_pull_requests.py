"""Pull requests on Postgres as one story: built beside each other, told, and cleaned up after."""

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from deploy_project.ci.schemas.ledger import entries
from tests.postgres import gallery
from tests.postgres.gallery import Gallery, Story
from tests.postgres.history import make_site_on_postgres
from tests.support.deployments.hosting_site import TOKEN, serve
from tests.support.running.daemon import Daemon
from tests.support.servers.postgres_server import Server

pytestmark = pytest.mark.slow

OWN = "dbt_cloud_pr_1_1"


@pytest.fixture(scope="module")
def story(
    server: Server, history: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    gallery.prepare(server)
    site = make_site_on_postgres(tmp_path_factory.mktemp("gallery"), gallery.PROJECT)
    with (
        serve("github") as hub,
        pytest.MonkeyPatch.context() as patch,
        site.instance() as instance,
    ):
        patch.setenv("HUB", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("GALLERY_PASSWORD", gallery.PASSWORD)
        site.configure(
            jobs=gallery.JOBS, deploy=gallery.DEPLOY.format(hub=hub.url, port=server.port)
        )
        told = Gallery(site, server, hub, Daemon(site, instance))
        yield Story(told, gallery.build(told), gallery.clean_up(told))


def results(story: Story, name: str) -> dict[str, str]:
    """The status of each node that the build of a run has come to."""
    place = story.gallery.site.directory(story.gallery.runs[name], "04-dbt-build")
    found = json.loads((place / "target" / "run_results.json").read_bytes())["results"]
    return {each["unique_id"].split(".")[2]: each["status"] for each in found}


def url(story: Story, name: str) -> str:
    return f"http://127.0.0.1:3000/runs/{story.gallery.runs[name]}"


def test_two_pull_requests_build_at_the_same_time(story: Story):
    assert story.built.overlapping == ("STARTED", "STARTED")


def test_only_what_has_changed_is_built_in_schemas_by_the_projects_own_macro(story: Story):
    assert results(story, "1") == {
        "revenue": "success",
        "report": "success",
        "accepted_values_revenue_revenue__10__20": "pass",
    }
    assert {OWN, f"{OWN}_Größe (own)"} <= story.built.schemas
    views = story.built.views
    assert "prod.orders" in views[OWN, "revenue"], "an unmodified parent is read from production"
    assert f"{OWN}.revenue" in views[f"{OWN}_Größe (own)", "report"]


def test_the_head_is_pending_and_then_has_succeeded_or_failed(story: Story):
    told = story.gallery
    heads, failed = story.built.heads, results(story, "12")
    assert told.statuses(heads["1"]) == [
        ("pending", url(story, "1")),
        ("success", url(story, "1")),
    ]
    assert told.statuses(heads["12"]) == [
        ("pending", url(story, "12")),
        ("failure", url(story, "12")),
    ]
    assert failed["accepted_values_revenue_revenue__10__20"] == "fail"
    assert failed["report"] == "skipped"


def test_a_new_head_cancels_the_run_of_the_old_one_and_alone_writes_the_comment(story: Story):
    told, stale = story.gallery, story.gallery.runs["stale"]
    assert told.site.status(stale) == "CANCELED"
    said = told.site.record(stale)["message"]
    assert "pull request 12 has moved on to commit" in said
    assert [state for state, _ in told.statuses(story.built.heads["stale"])] == ["pending", "error"]
    commits = [story.built.heads[name][:12] for name in ("stale", "12", "12")]
    comments = told.comments(12)
    assert len(comments) == 3
    for commit, comment in zip(commits, comments, strict=True):
        assert f"[`{commit}`]" in comment
    assert "accepted_values_revenue_revenue__10__20" in comments[-1]


def test_closing_drops_what_nobody_else_reads_from(story: Story):
    told, cleaned = story.gallery, story.cleaned
    assert not cleaned.closing.success
    assert f"{OWN}_Größe (own)" not in cleaned.after_closing
    assert OWN in cleaned.after_closing
    assert "dbt_cloud_pr_1_12" in cleaned.after_closing
    said = [
        each.error.message
        for each in told.site.events(cleaned.closing.run_id, dg.DagsterEventType.STEP_FAILURE)
    ]
    assert "'analyst.peek' reads from it, and would go with it; drop that" in said[0]


def test_what_was_missed_is_found_later_and_what_is_not_ours_stays_and_is_told(story: Story):
    told, missed = story.gallery, story.cleaned.missed
    assert missed.success
    assert told.schemas() == {"prod", "prod_Größe (own)", "analyst", f"{OWN}_theirs"}
    assert entries(told.site.artifacts) == []
    (output,) = told.site.events(missed.run_id, dg.DagsterEventType.STEP_OUTPUT)
    assert output.metadata["not ours"].value == f"'gallery.{OWN}_theirs'"
    assert set(output.metadata["schemas"].value.splitlines()) == {
        f"'gallery.{OWN}'",
        f"'gallery.{OWN}_Größe (own)'",
        "'gallery.dbt_cloud_pr_1_12'",
        "'gallery.dbt_cloud_pr_1_12_Größe (own)'",
    }


def test_production_is_as_it_was(story: Story):
    assert story.gallery.ask(gallery.PRODUCTION) == story.built.production
