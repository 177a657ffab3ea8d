"""Telling a pull request of a run, over real HTTP."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from deploy_project.ci.comment.report import Report
from deploy_project.ci.telling import post as posting
from deploy_project.ci.telling.post import post
from deploy_project.config.values.deployment import Project
from tests.support.deployments.hosting_site import TOKEN, Canned, HostingSite, serve

REPORT = Report("ci", "prod", "success", "c" * 40, run_url="https://dagster.example/runs/1")


@pytest.fixture(params=["github", "gitlab", "gitea"])
def site(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Generator[HostingSite, None, None]:
    monkeypatch.setenv("HOSTING_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(request.param) as found:
        yield found


def test_the_status_comes_first_and_then_the_comment(site: HostingSite):
    assert post(site.project, 12, REPORT) == []
    assert [each["context"] for each in site.statuses] == ["dbt/prod/ci"]
    (note,) = site.notes
    assert (note.pull, note.body.split("\n")[0]) == (12, "<!-- deploy_project:dbt/prod/ci -->")
    assert "/statuses/" in site.asked[0]


def test_the_end_of_a_run_replaces_its_beginning(site: HostingSite):
    post(site.project, 12, replace(REPORT, state="pending"))
    post(site.project, 12, REPORT)
    assert [each["state"] for each in site.statuses] == ["pending", "success"]
    (note,) = site.notes
    assert "succeeded" in note.body
    assert "is running" not in note.body


def test_a_status_that_is_refused_keeps_no_comment_back(site: HostingSite):
    site.canned.append(Canned(403, {"message": f"no {TOKEN}"}))
    (wrong,) = post(site.project, 12, REPORT)
    assert wrong.startswith("the status of pull request 12 could not be posted: project 'shop': ")
    assert "the rights that docs/pull-requests.md lists" in wrong
    assert TOKEN not in wrong
    assert len(site.notes) == 1


def test_whatever_goes_wrong_is_told_and_raises_nothing(
    site: HostingSite, monkeypatch: pytest.MonkeyPatch
):
    def broken(_: Any) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(posting, "comment", broken)
    monkeypatch.delenv("HOSTING_TOKEN")
    status, comment = post(site.project, 12, REPORT)
    assert "environment variable 'HOSTING_TOKEN' is not set; set it where" in status
    assert comment.startswith("the comment of pull request 12 could not be posted: ")
    assert comment.endswith(": ZeroDivisionError, which is our mistake")


def test_without_an_api_there_is_nobody_to_tell():
    assert post(Project(name="shop", id=1, repository="/shop"), 12, REPORT) == []
