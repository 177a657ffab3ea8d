"""Statuses and comments, over real HTTP."""

import pytest

from deploy_project.errors import RemoteError
from deploy_project.git.hosts.comments import amend_comment, fitting, upsert_comment
from deploy_project.git.hosts.host import CommitStatus, State
from deploy_project.git.hosts.statuses import set_status
from tests.support.deployments.hosting_site import ROBOT, SOMEBODY, Canned, HostingSite, Note

COMMIT = "c" * 40
MARKER = "<!-- deploy_project:ci -->"


def status(state: State = "success", **facts: str) -> CommitStatus:
    return CommitStatus(state, **{"context": "dbt/production/ci", "description": "ok", **facts})


def upsert(site: HostingSite, body: str, marker: str = MARKER) -> list[tuple[int, str]]:
    upsert_comment(site.project, 12, body, marker)
    return [(note.id, note.body) for note in site.notes]


@pytest.mark.parametrize("state", ["pending", "success", "failure", "error"])
def test_a_status_is_set(site: HostingSite, state: State):
    set_status(site.project, COMMIT, status(state, url="https://dagster.example/runs/1"))
    (found,) = site.statuses
    failed = site.kind == "gitlab" and state in ("failure", "error")
    assert found["state"] == ("failed" if failed else state)
    assert (found["sha"], found["context"]) == (COMMIT, "dbt/production/ci")
    assert (found["target_url"], found["description"]) == ("https://dagster.example/runs/1", "ok")


def test_a_status_needs_no_link(site: HostingSite):
    set_status(site.project, COMMIT, status())
    assert "target_url" not in site.statuses[0]


def test_texts_of_a_status_are_cut_to_what_the_api_takes(site: HostingSite):
    set_status(site.project, COMMIT, status(description="a\n b" * 100, context="x" * 300))
    (found,) = site.statuses
    assert found["description"].startswith("a ba b")
    assert found["description"].endswith("…")
    assert len(found["description"]) == (255 if site.kind == "gitlab" else 140)


def test_pending_may_be_told_twice(site: HostingSite):
    for _ in range(2):
        set_status(site.project, COMMIT, status("pending"))
    assert site.statuses[-1]["state"] == "pending"


def test_another_refusal_of_a_status_is_an_error(site: HostingSite):
    site.canned.append(Canned(400, {"message": "Cannot transition status via :run from :success"}))
    with pytest.raises(RemoteError, match="answers HTTP 400: Cannot transition"):
        set_status(site.project, COMMIT, status())


def test_a_comment_is_written_once_and_then_kept_up_to_date(site: HostingSite):
    assert upsert(site, "one") == [(1, f"{MARKER}\none")]
    assert upsert(site, "two") == [(1, f"{MARKER}\ntwo")]


def test_the_same_comment_is_not_written_again(site: HostingSite):
    upsert(site, "one")
    site.requests.clear()
    upsert(site, "one")
    assert {each.method for each in site.requests} == {"GET"}


def test_a_comment_can_keep_what_an_older_one_has_said(site: HostingSite):
    def kept(old: str, new: str) -> str:
        return f"{new} after {old.rpartition(chr(10))[2]}"

    for body in ("one", "two"):
        upsert_comment(site.project, 12, body, MARKER, kept=kept)
    assert [note.body for note in site.notes] == [f"{MARKER}\ntwo after one"]


def test_a_comment_is_amended_where_there_is_one_of_ours(site: HostingSite):
    amend_comment(site.project, 12, MARKER, str.upper)
    assert site.notes == []
    site.notes.append(Note(1, 12, SOMEBODY, f"{MARKER}\nmine", is_bot=True))
    upsert_comment(site.project, 12, "one", MARKER)
    amend_comment(site.project, 12, MARKER, lambda text: f"{text} more")
    assert [note.body for note in site.notes] == [f"{MARKER}\nmine", f"{MARKER}\none more"]
    site.requests.clear()
    amend_comment(site.project, 12, MARKER, lambda text: text)
    assert {each.method for each in site.requests} == {"GET"}


def test_each_marker_has_a_comment_of_its_own(site: HostingSite):
    upsert(site, "one")
    assert upsert(site, "two", "<!-- deploy_project:ci2 -->") == [
        (1, f"{MARKER}\none"),
        (2, "<!-- deploy_project:ci2 -->\ntwo"),
    ]


def test_the_comment_of_somebody_else_is_left_alone(site: HostingSite):
    site.notes.append(Note(1, 12, SOMEBODY, f"{MARKER}\nmine", is_bot=True))
    assert upsert(site, "one") == [(1, f"{MARKER}\nmine"), (2, f"{MARKER}\none")]


def test_a_marker_in_the_middle_is_a_quotation(site: HostingSite):
    site.notes.append(Note(1, 12, ROBOT, f"> {MARKER}"))
    assert upsert(site, "one")[1] == (2, f"{MARKER}\none")


def test_the_comment_is_found_on_a_later_page(site: HostingSite):
    site.notes += [Note(number, 12, SOMEBODY, "hi") for number in range(1, 241)]
    site.notes.append(Note(241, 12, ROBOT, f"{MARKER}\nold"))
    assert upsert(site, "new")[-1] == (241, f"{MARKER}\nnew")


def test_a_list_of_comments_without_pages_and_count_ends(gitea: HostingSite):
    gitea.notes += [Note(number, 12, SOMEBODY, "hi") for number in range(1, 61)]
    gitea.uncounted = True
    assert upsert(gitea, "new")[-1] == (61, f"{MARKER}\nnew")


def test_a_comment_that_was_deleted_meanwhile_is_written_anew(site: HostingSite):
    upsert(site, "one")

    def delete(request: object) -> None:
        if getattr(request, "path", "").endswith("/1"):
            site.notes.clear()

    site.before = delete
    assert [body for _, body in upsert(site, "two")] == [f"{MARKER}\ntwo"]


def test_an_app_knows_its_comment_by_its_being_a_bots(github: HostingSite):
    github.notes.append(Note(1, 12, SOMEBODY, f"{MARKER}\nmine"))
    github.notes.append(Note(2, 12, ROBOT, f"{MARKER}\nold", is_bot=True))

    def forbid(request: object) -> None:
        if getattr(request, "path", "") == "/user":
            github.canned.append(Canned(403, {"message": "Resource not accessible"}))

    github.before = forbid
    assert upsert(github, "new") == [(1, f"{MARKER}\nmine"), (2, f"{MARKER}\nnew")]


@pytest.mark.parametrize("kind", ["gitlab", "gitea"])
def test_a_token_that_may_not_say_whose_it_is_writes_nothing(
    kind: str, request: pytest.FixtureRequest
):
    site: HostingSite = request.getfixturevalue(kind)
    site.notes.append(Note(1, 12, ROBOT, f"{MARKER}\nold"))

    def forbid(request: object) -> None:
        if getattr(request, "path", "") == "/user":
            site.canned.append(Canned(403, {"message": "no scope"}))

    site.before = forbid
    with pytest.raises(RemoteError, match="the rights that"):
        upsert(site, "new")
    assert [note.body for note in site.notes] == [f"{MARKER}\nold"]


def test_a_body_that_is_too_long_is_cut_and_says_so(site: HostingSite):
    ((_, body),) = upsert(site, "a line\n" * 200_000)
    longest = 1_000_000 if site.kind == "gitlab" else 65_536
    assert longest - 20 < len(body) <= longest
    name = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}[site.kind]
    end = f"a line\n\n_The rest is left out: {name} takes {longest:,} characters; the run has"
    assert end in body


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("x" * 500, "xxx"),
        ("x\n" * 250, "x"),
        ("```sql\n" + "x\n" * 250, "x\n```"),
        ("````\n```\n" + "x\n" * 250, "x\n````"),
        ("~~~\nx\n~~~\n" + "x\n" * 250, "x"),
        ("```\nx\n```\n" + "x\n" * 250, "x"),
        ("```\nx\n``` y\n" + "x\n" * 250, "x\n```"),
    ],
)
def test_a_cut_closes_a_block_of_code(body: str, end: str):
    found = fitting(body, 300, "GitHub")
    kept, notice = found.split("\n\n_The rest")
    assert kept.endswith(end)
    assert len(found) <= 300
    assert "takes 300 characters" in notice


def test_a_body_that_fits_stays_as_it_is():
    assert fitting("x" * 300, 300, "GitHub") == "x" * 300
