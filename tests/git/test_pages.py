"""Web pages that answer in the place of a repository, which git takes for this or for that."""

import subprocess
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError, RemoteError
from deploy_project.git.mirror import branches, ensure_commit
from deploy_project.git.pages import WebPage, answers, page
from deploy_project.git.remote import head, heads
from tests.support.deployments.git_repositories import Repository, environment, project
from tests.support.servers import hollow_server
from tests.support.servers.git_server import serve
from tests.support.servers.hollow_server import redirect

LOGIN = b"<html>\n<body>Log in</body>\n</html>\n"
ONE_LINE = LOGIN.replace(b"\n", b"")
"""git takes it for a repository without any reference, and is content."""

PAGES = {
    "a page": (hollow_server.page(LOGIN), "HTTP 200, text/html; charset=utf-8"),
    "a page of one line": (hollow_server.page(ONE_LINE), "HTTP 200, text/html"),
    "nothing": (hollow_server.page(b""), "HTTP 200, text/html"),
    "with tabs": (hollow_server.page(b"<p>\n\tLog in\n"), "HTTP 200, text/html"),
    "not html": (hollow_server.page(b'{"login": "/"}', "application/json"), "application/json"),
    "as plain text": (hollow_server.page(LOGIN, "text/plain"), "HTTP 200, text/plain"),
    "redirected": (
        redirect(302, "/login?to=secret", hollow_server.page(LOGIN)),
        "redirected to /login, HTTP 200, text/html",
    ),
    "moved for good": (
        redirect(301, "/portal", hollow_server.page(ONE_LINE)),
        "redirected to /portal, HTTP 200",
    ),
}


@pytest.fixture(autouse=True)
def http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_told_as_such(name: str):
    """A proxy's login page was told as "branch 'main' does not exist; known branches: none"."""
    answer, words = PAGES[name]
    with hollow_server.serve(answer) as url:
        of = project(url.replace("//", "//ana:pa55word@"))
        with pytest.raises(RemoteError) as raised:
            head(environment(of, branch="main"))
    told = str(raised.value)
    assert told.startswith(f"project 'shop': the answer of {url} is no git repository but a web")
    assert words in told
    assert "https_proxy" in told
    assert not any(secret in told for secret in ("pa55word", "secret", "does not exist"))


@pytest.mark.parametrize("name", PAGES)
def test_a_fetch_that_meets_a_page_leaves_the_mirror_as_it_was(
    remote: Repository, state: StateDirectory, name: str
):
    """Git took a page of one line for an empty repository, and pruned all branches."""
    first, _ = remote.git("rev-parse", "HEAD"), remote.git("branch", "feature")
    with serve(remote.path.parent, "pw") as server:
        served = server.url("remote/.git").replace("//", f"//{server.username}:pw@")
        mirror = ensure_commit(project(served), state, first)
        before = branches(mirror)
        assert before == {"refs/heads/main": first, "refs/heads/feature": first}
        second = remote.commit({"a": "1"})
        with (
            hollow_server.serve(PAGES[name][0]) as url,
            pytest.raises(RemoteError, match="no git repository but a web page"),
        ):
            ensure_commit(project(url), state, second)
        assert branches(mirror) == before
        ensure_commit(project(served), state, second)
    assert branches(mirror)["refs/heads/main"] == second


@pytest.mark.parametrize(
    ("status", "words"),
    [(407, "A proxy wants a login; put it"), (511, "This network wants a login before it lets")],
)
def test_a_page_that_says_so_itself(status: int, words: str):
    with (
        hollow_server.serve(hollow_server.page(LOGIN, status=status)) as url,
        pytest.raises(RemoteError, match=words),
    ):
        heads(project(url), ["HEAD"])


@pytest.fixture
def plain_files(remote: Repository) -> Generator[str]:
    """The URL of a repository whose files a server without git gives out."""
    subprocess.run(["git", "update-server-info"], cwd=remote.path, check=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    handler = partial(Quiet, directory=str(remote.path / ".git"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        thread = threading.Thread(target=files.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{files.server_address[1]}/"
        files.shutdown()
        thread.join()


def test_a_repository_that_is_plain_files_is_one(
    plain_files: str, remote: Repository, state: StateDirectory
):
    commit = remote.git("rev-parse", "HEAD")
    assert heads(project(plain_files), ["refs/heads/main"]) == {"refs/heads/main": commit}
    assert ensure_commit(project(plain_files), state, commit)
    with pytest.raises(GitError, match=r"branch 'x' does not exist on .*; known branches: main"):
        head(environment(project(plain_files), branch="x"))


def test_a_repository_without_the_branch_is_no_page(remote: Repository):
    with serve(remote.path.parent, "pw") as server:
        of = project(server.url("remote/.git").replace("//", f"//{server.username}:pw@"))
        assert heads(of, ["refs/heads/none"]) == {}
        with pytest.raises(GitError, match="branch 'none' does not exist on"):
            head(environment(of, branch="none"))


def test_the_answers_in_a_trace():
    trace = """
10:00:00.000001 http.c:756   => Send header: GET /x.git/info/refs HTTP/1.1
10:00:00.000002 http.c:756   <= Recv header: HTTP/1.1 200 Connection established
10:00:00.000003 http.c:756   <= Recv header: HTTP/2 302
10:00:00.000004 http.c:756   <= Recv header: location: https://login.example.com/a?b=c
10:00:00.000005 http.c:756   <= Recv header: HTTP/1.1 200 OK
10:00:00.000006 http.c:756   <= Recv header: Content-Type: Text/HTML
"""
    found = list(answers(trace))
    login = WebPage(200, "Text/HTML")
    location = "https://login.example.com/a?b=c"
    assert found == [WebPage(200), WebPage(302, location=location), login]
    assert page(found, failed=False) == (login, location)


@pytest.mark.parametrize(
    "found",
    [
        [],
        [WebPage(404, "text/html")],
        [WebPage(401, "text/html"), WebPage(200, "application/x-git-upload-pack-advertisement")],
    ],
    ids=["nothing", "not found", "a login, then git"],
)
def test_what_is_no_page(found: list[WebPage]):
    assert page(found, failed=True) is None


def test_files_are_a_page_only_when_git_has_failed_with_them():
    files = [WebPage(200, "text/plain; charset=utf-8")]
    assert page(files, failed=False) is None
    assert page(files, failed=True) == (files[0], "")
