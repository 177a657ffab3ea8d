"""Finding pull requests by the APIs, over real HTTP."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy_project.config.values.deployment import Hosting, Project
from deploy_project.errors import ConfigError, RemoteError
from deploy_project.git.hosts.finder import Finder, pull_requests
from deploy_project.git.pulls import OpenPullRequests, PullRequest
from tests.support.deployments.hosting_site import TOKEN, Canned, HostingSite, Request, serve


def listed(site: HostingSite, cursor: str = "") -> OpenPullRequests | None:
    return Finder().listed(site.project, cursor)


def found(site: HostingSite) -> tuple[PullRequest, ...]:
    listing = listed(site)
    assert listing is not None
    return listing.pull_requests


def numbers(site: HostingSite) -> list[int]:
    return [pull.number for pull in found(site)]


def refused(site: HostingSite) -> str:
    with pytest.raises(RemoteError) as raised:
        listed(site)
    assert TOKEN not in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(site.url, "http://site")


def test_everything_that_the_api_knows(site: HostingSite):
    site.open(12, title="Orders", draft=True, labels=("ci", "größe"), branch="team/orders")
    (pull,) = found(site)
    pages = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}
    assert pull == PullRequest(
        number=12,
        head=f"{12:040x}",
        base="main",
        branch="team/orders",
        title="Orders",
        author="somebody",
        draft=site.kind != "gitea",  # ours is an old one, which only has titles
        labels=frozenset({"ci", "größe"}),
        fork="",
        url=f"{site.url}/acme/shop/{pages[site.kind]}/12",
    )


@pytest.mark.parametrize("title", ["WIP: a", "[wip] a", " wip:a"])
def test_the_title_makes_a_draft_of_an_old_gitea(gitea: HostingSite, title: str):
    gitea.open(1, title=title)
    gitea.open(2, title="a WIP:")
    assert [pull.draft for pull in found(gitea)] == [True, False]


def test_no_open_pull_request_is_an_empty_list(site: HostingSite):
    assert found(site) == ()


@pytest.mark.parametrize("source", [2, None])
def test_a_fork_is_named_even_when_it_was_deleted(site: HostingSite, source: int | None):
    site.open(1, source=source)
    (pull,) = found(site)
    name = "project 2" if site.kind == "gitlab" else "somebody/shop"
    assert pull.fork == (name if source else "(deleted)")


def test_what_anybody_may_push_to_gitea_counts_as_a_fork(gitea: HostingSite):
    gitea.open(1, branch="refs/pull/1/head")
    assert found(gitea)[0].fork == "(refs/for)"


def test_an_author_may_be_gone(site: HostingSite):
    site.open(1, user=None)
    assert found(site)[0].author == ""


def test_strange_texts_become_text_that_every_database_takes(site: HostingSite):
    site.open(1, title="a\x00b\nc\ud800d\u202ee", labels=("x\ty",), branch="b\x1bc")
    (pull,) = found(site)
    assert pull.title == "a�b�c�d�e"
    assert (pull.labels, pull.branch) == (frozenset({"x�y"}), "b�c")


@pytest.mark.parametrize("uncounted", [False, True])
@pytest.mark.parametrize("count", [50, 99, 100, 101, 230])
def test_all_pages_are_read(site: HostingSite, count: int, uncounted: bool):
    site.open(*range(1, count + 1))
    site.uncounted = uncounted
    assert numbers(site) == list(range(1, count + 1))


def test_a_page_may_be_smaller_than_it_was_asked_for(gitea: HostingSite):
    gitea.open(*range(1, 46))
    gitea.most = 10
    assert numbers(gitea) == list(range(1, 46))


def test_no_news_from_fifty_pull_requests_are_one_request(site: HostingSite):
    site.open(*range(1, 51))
    first = listed(site)
    assert first is not None
    site.requests.clear()
    assert listed(site, first.cursor) is None
    assert len(site.requests) == 1
    assert "If-None-Match" in site.requests[0].headers or site.kind == "gitea"


HAPPENINGS: dict[str, Callable[[HostingSite], None]] = {
    "opened": lambda site: site.open(999),
    "newest closed": lambda site: site.pulls.__delitem__(-1),
    "oldest closed": lambda site: site.pulls.__delitem__(0),
    "pushed": lambda site: setattr(site.pulls[0], "head", "e" * 40),
    "title": lambda site: setattr(site.pulls[-1], "title", "WIP: other"),
    "label": lambda site: setattr(site.pulls[1], "labels", ("build",)),
}


@pytest.mark.parametrize("count", [2, 100, 130])
@pytest.mark.parametrize("happens", HAPPENINGS.values(), ids=HAPPENINGS)
def test_news_are_news(site: HostingSite, count: int, happens: Callable[[HostingSite], None]):
    site.open(*range(1, count + 1))
    first = listed(site)
    assert first is not None
    assert listed(site, first.cursor) is None
    happens(site)
    second = listed(site, first.cursor)
    assert second is not None
    assert second.pull_requests != first.pull_requests
    assert listed(site, second.cursor) is None


def test_one_that_closes_while_the_pages_are_read_hides_none_of_the_others(site: HostingSite):
    site.open(*range(1, 231))

    def close_the_newest(request: Request) -> None:
        if request.query.get("page") == "2" and len(site.pulls) == 230:
            site.pulls.pop()

    site.before = close_the_newest
    assert numbers(site) == list(range(1, 230))


def test_a_list_that_never_stands_still_is_refused(site: HostingSite):
    site.open(*range(1, 231))

    def close_the_newest(request: Request) -> None:
        if request.query.get("page") == "2":
            site.pulls.pop()

    site.before = close_the_newest
    assert "lists other pull requests each time it is asked; wait" in refused(site)


@pytest.mark.parametrize("kind", ["gitlab", "gitea"])
def test_a_list_with_less_than_was_counted_is_refused(kind: Any):
    with serve(kind) as site:
        site.open(1, 2)
        site.hidden = 1
        assert "has counted more pull requests than it lists (2); check that the" in refused(site)


def test_a_cursor_of_something_else_asks_anew(site: HostingSite):
    site.open(1)
    first = listed(site)
    assert first is not None
    asked, *rest = json.loads(first.cursor)
    for cursor in ("x", "[]", "{}", "null", "[1]" * 99, json.dumps([asked + "x", *rest])):
        assert listed(site, cursor) == first


def test_a_cursor_has_no_secret(site: HostingSite):
    site.open(1, title="private")
    listing = listed(site)
    assert listing is not None
    assert TOKEN not in listing.cursor
    assert "private" not in listing.cursor


HTML = Canned(200, b"<!DOCTYPE html>", {"Content-Type": "text/html"})
WHERE = "project 'shop': {name}"
VARIABLE = "the token in environment variable 'HOSTING_TOKEN'"


@pytest.mark.parametrize(
    ("canned", "expected"),
    [
        (
            Canned(401, {"message": "Bad credentials"}),
            "answers HTTP 401: Bad credentials; "
            f"check that {VARIABLE} has not expired, and is one of this site",
        ),
        (
            Canned(403, {"message": f"Resource not\naccessible {TOKEN}"}),
            "answers HTTP 403: Resource not accessible ***; "
            f"give {VARIABLE} the rights that docs/pull-requests.md lists",
        ),
        (
            Canned(404, {"error": "404 Project Not Found"}),
            "answers HTTP 404: 404 Project Not Found; "
            f"check `hosting.url`, and that {VARIABLE} may see this repository",
        ),
        (
            Canned(502, b"<html>Bad gateway"),
            "answers HTTP 502; "
            "wait until it works again; until then no pull request counts as closed",
        ),
        (Canned(418, [1]), "answers HTTP 418; check `hosting` of the project, and docs/pull-requ"),
        (HTML, "answers with something that is no JSON at http://site"),
        (Canned(200, b"[" * 100_000), "answers with something that is no JSON at http://site"),
        (Canned(200, b'[{"numb'), "answers with something that is no JSON at http://site"),
        (Canned(200, {"pulls": []}), "answers with something that is no list; check `hosting.kin"),
        (Canned(204), "answers with something that is no list; check `hosting.kind`"),
        (Canned(200, [None]), "answers with something else than it should: everything: Input"),
        (Canned(200, [{"title": "a"}]), "answers with something else than it should: "),
        (
            Canned(302, None, {"Location": "https://evil.example/x?token=1"}),
            "to https://evil.example/x, which does not get the token; correct `hosting.url`",
        ),
        (Canned(302, None, {"Location": "http://[x"}), "can't be reached at http://site/api"),
        (Canned(302, b"", {}), "answers HTTP 302; check `hosting`"),
    ],
)
def test_a_refusal_says_what_to_do(site: HostingSite, canned: Canned, expected: str):
    site.canned.append(canned)
    said = refused(site)
    assert said.startswith(f"project 'shop': {site.project.hosting and _name(site)} ")
    assert expected in said


def _name(site: HostingSite) -> str:
    return {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}[site.kind]


@pytest.mark.parametrize("head", [None, "", "main", "abc"])
def test_a_pull_request_without_a_commit_is_told_and_not_left_out(
    site: HostingSite, head: str | None
):
    site.open(1)
    site.pulls[0].head = head
    said = refused(site)
    if head is not None or site.kind == "gitlab":
        assert f"knows no commit at the head of pull request 1, found {head or ''!r}" in said


def test_an_error_is_an_error_on_every_page(site: HostingSite):
    site.open(*range(1, 231))

    def fail_on_the_last(request: Request) -> None:
        if int(request.query["page"]) >= 3:
            site.canned.append(Canned(500))

    site.before = fail_on_the_last
    assert "answers HTTP 500; wait" in refused(site)


def test_nobody_is_asked_before_the_pause_is_over(site: HostingSite):
    site.canned.append(Canned(429, {"message": "Too many"}, {"Retry-After": "600"}))
    said = refused(site)
    assert "wants no more requests for now (HTTP 429: Too many); it is not asked before " in said
    assert "has asked for a pause; it is not asked before " in refused(site)
    assert len(site.requests) == 1


def test_a_redirect_on_the_same_site_is_followed(github: HostingSite):
    github.open(1)
    moved = f"{github.url}/api/v3/repos/acme/shop/pulls?state=open"
    github.canned.append(Canned(301, {"message": "Moved"}, {"Location": moved}))
    assert numbers(github) == [1]


def test_a_redirect_in_a_circle_ends(github: HostingSite):
    github.canned += [Canned(301, None, {"Location": "/again"})] * 3
    assert "redirects in a circle, at /repos/acme/shop/pulls; check" in refused(github)


def test_another_host_never_sees_the_token(github: HostingSite):
    with serve("github") as other:
        github.canned.append(Canned(307, None, {"Location": f"{other.url}/pulls"}))
        refused(github)
        assert other.requests == []


def test_what_netrc_says_is_not_sent(
    github: HostingSite, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    github.open(1)
    assert numbers(github) == [1]


def test_a_site_that_is_away_is_told():
    with serve("github") as site:
        pass
    assert "GitHub can't be reached at http://site/api/v3: " in refused(site)


def test_a_wrong_token_is_refused(site: HostingSite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOSTING_TOKEN", "another")
    assert "answers HTTP 401" in refused(site)


@pytest.mark.parametrize("text", ["a\nb", "a b", "grün"])
def test_a_token_that_is_none_is_told(
    site: HostingSite, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.setenv("HOSTING_TOKEN", text)
    with pytest.raises(ConfigError, match="contains a line break, a space") as raised:
        listed(site)
    assert text not in str(raised.value)
    assert site.requests == []


def test_without_an_api_or_a_token_only_references_can_tell(github: HostingSite):
    project = github.project
    hosting = project.hosting
    assert hosting is not None
    assert isinstance(pull_requests(project), Finder)
    without: tuple[Hosting | None, ...] = (
        None,
        replace(hosting, token=None),
        replace(hosting, api_url=""),
    )
    for each in without:
        assert pull_requests(replace(project, hosting=each)) is None
    assert pull_requests(Project(name="a", id=1, repository="/a")) is None
