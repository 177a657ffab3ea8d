"""Merged pull requests and the commits that show it, over real HTTP."""

import pytest

from deploy_project.errors import RemoteError
from deploy_project.git.hosts.merged import merged_pull_requests
from tests.support.deployments.hosting_site import Canned, HostingSite

MERGE, SQUASH = "a" * 40, "b" * 40


def commits(site: HostingSite) -> dict[int, tuple[str, ...]]:
    return {each.number: each.commits for each in merged_pull_requests(site.project)}


def test_a_merge_is_shown_by_what_it_has_made_and_by_the_head_itself(site: HostingSite):
    site.open(7, 8, 9, 10)
    site.close(7, merged=MERGE)
    site.close(8, squashed=SQUASH)
    site.close(9)
    assert commits(site) == {7: (MERGE, f"{7:040x}"), 8: (SQUASH, f"{8:040x}")}
    assert len(site.requests) == 1


def test_a_merge_request_that_was_squashed_has_two_commits_more(gitlab: HostingSite):
    gitlab.open(7)
    gitlab.close(7, merged=MERGE, squashed=SQUASH)
    assert commits(gitlab) == {7: (MERGE, SQUASH, f"{7:040x}")}


def test_those_that_were_changed_last_are_known(site: HostingSite):
    numbers = range(1, 200)
    site.open(*numbers)
    for number in numbers:
        site.close(number, merged=MERGE)
    known = commits(site)
    assert max(known) == 199
    assert len(known) == (50 if site.kind == "gitea" else 100)


def test_what_is_no_commit_is_none(site: HostingSite):
    site.open(7, head=None)
    site.close(7, merged="--output=/etc/passwd")
    if site.kind == "gitlab":
        assert commits(site) == {7: ()}
    else:
        with pytest.raises(RemoteError, match=r"head\.sha"):
            commits(site)


def test_an_answer_that_is_no_list_is_refused(site: HostingSite):
    site.canned.append(Canned(200, {"message": "moved"}))
    with pytest.raises(RemoteError, match="something that is no list"):
        merged_pull_requests(site.project)
