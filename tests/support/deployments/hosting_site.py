"""A hosting site on loopback: what we use of the published APIs of GitHub, GitLab and Gitea."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy_project.config.values.deployment import Hosting, HostingKind, Project, Secret

TOKEN = "t0ken-of-the-robot"
ROBOT, SOMEBODY = 7, 8
NAMES = {ROBOT: "robot", SOMEBODY: "somebody"}
_ROOT = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}


@dataclass
class Pull:
    """A pull request, as no API has it; open until it is merged or closed."""

    number: int
    head: str | None = ""
    title: str = "Add orders"
    base: str = "main"
    branch: str = "orders"
    source: int | None = 1
    """The id of the repository that it comes from: 1 is the site's own, None a deleted one."""
    draft: bool = False
    labels: tuple[str, ...] = ()
    user: int | None = SOMEBODY
    closed: bool = False
    merged: str | None = None
    """What the merge has made: the commit of the merge, or the last one of a rebase."""
    squashed: str | None = None
    """What a merge by squashing has made of it."""

    def __post_init__(self) -> None:
        if self.head == "":
            self.head = f"{self.number:040x}"


@dataclass
class Note:
    id: int
    pull: int
    author: int
    body: str
    is_bot: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Canned:
    """An answer that stands in for the site's own."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class HostingSite:
    """One repository, `acme/shop`, and the requests that have come for it."""

    kind: HostingKind
    port: int = 0
    pulls: list[Pull] = field(default_factory=list[Pull])
    notes: list[Note] = field(default_factory=list[Note])
    statuses: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    requests: list[Request] = field(default_factory=list[Request])
    canned: list[Canned] = field(default_factory=list[Canned])
    before: Callable[[Request], None] = field(default=lambda _: None)
    """What happens on the site when a request comes in."""
    most: int = 100
    """How many entries a page has at most, whatever is asked for."""
    uncounted: bool = False
    """Whether the site tells nothing of other pages."""
    hidden: int = 0
    """How many pull requests are counted and not listed."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def project(self) -> Project:
        hosting = Hosting(
            self.kind,
            f"{self.url}/acme/shop",
            self.url + _ROOT[self.kind],
            "acme/shop",
            Secret(env="HOSTING_TOKEN"),
        )
        return Project(name="shop", id=1, repository="/nowhere", hosting=hosting)

    @property
    def asked(self) -> list[str]:
        """What was asked, without the root of the API."""
        return [f"{each.method} {each.path}" for each in self.requests]

    def open(self, *numbers: int, **facts: Any) -> None:
        self.pulls += [Pull(number, **facts) for number in numbers]

    def close(self, number: int, *, merged: str | None = None, squashed: str | None = None) -> None:
        """Close a pull request, by merging it or not; it was changed last then."""
        (pull,) = [each for each in self.pulls if each.number == number]
        pull.closed, pull.merged, pull.squashed = True, merged, squashed
        self.pulls.remove(pull)
        self.pulls.append(pull)

    def answer(self, request: Request) -> Canned:
        self.before(request)
        if self.canned:
            return self.canned.pop(0)
        if request.headers.get("Authorization") != f"{self._scheme} {TOKEN}":
            return Canned(401, {"message": "Bad credentials"})
        for method, pattern, handle in self._routes():
            found = re.fullmatch(pattern, request.path)
            if request.method == method and found:
                return handle(request, *found.groups())
        return Canned(404, {"message": "Not Found"})

    @property
    def _scheme(self) -> str:
        return "token" if self.kind == "gitea" else "Bearer"

    def _routes(self) -> list[tuple[str, str, Callable[..., Canned]]]:
        if self.kind == "gitlab":
            project = "/projects/acme%2Fshop"
            notes = f"{project}/merge_requests/(\\d+)/notes"
            return [
                ("GET", f"{project}/merge_requests", self._list),
                ("POST", f"{project}/statuses/([0-9a-f]+)", self._set_status),
                ("GET", notes, self._list_notes),
                ("POST", notes, self._add_note),
                ("PUT", f"{notes}/(\\d+)", self._edit_note),
                ("GET", "/user", self._user),
            ]
        notes = "/repos/acme/shop/issues/(\\d+)/comments"
        return [
            ("GET", "/repos/acme/shop/pulls", self._list),
            ("POST", "/repos/acme/shop/statuses/([0-9a-f]+)", self._set_status),
            ("GET", notes, self._list_notes),
            ("POST", notes, self._add_note),
            ("PATCH", "/repos/acme/shop/issues/comments/(\\d+)", self._edit),
            ("GET", "/user", self._user),
        ]

    def _list(self, request: Request) -> Canned:
        wanted = request.query["state"]
        if wanted == ("opened" if self.kind == "gitlab" else "open"):
            opened = [pull for pull in self.pulls if not pull.closed]
            newest = sorted(opened, key=lambda pull: pull.number, reverse=True)
        elif self.kind == "gitlab":
            assert (wanted, request.query["order_by"]) == ("merged", "updated_at")
            newest = [each for each in reversed(self.pulls) if each.merged or each.squashed]
        else:
            recently = {"github": "updated", "gitea": "recentupdate"}[self.kind]
            assert (wanted, request.query["sort"]) == ("closed", recently)
            newest = [pull for pull in reversed(self.pulls) if pull.closed]
        entries = [getattr(self, f"_{self.kind}_pull")(pull) for pull in newest]
        return self._page(request, entries, hidden=self.hidden)

    def _page(self, request: Request, entries: list[Any], hidden: int = 0) -> Canned:
        size_name = "limit" if self.kind == "gitea" else "per_page"
        size = min(int(request.query.get(size_name, 30)), self.most)
        number = int(request.query.get("page", 1))
        page = entries[(number - 1) * size : number * size]
        headers: dict[str, str] = {}
        if not self.uncounted and number * size < len(entries):
            # Behind a proxy, a site may know itself under another name.
            headers["Link"] = f'<http://inside.example/?page={number + 1}>; rel="next"'
        total = "X-Total" if self.kind == "gitlab" else "X-Total-Count"
        if self.kind != "github" and not self.uncounted:
            headers[total] = str(len(entries) + hidden)
        if self.kind != "gitea":
            headers["ETag"] = f'W/"{hashlib.sha256(json.dumps(page).encode()).hexdigest()}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return Canned(304, headers={"ETag": headers["ETag"]})
        return Canned(200, page, headers)

    def _github_pull(self, pull: Pull) -> dict[str, Any]:
        return {
            "id": pull.number + 1000,
            "number": pull.number,
            "state": "closed" if pull.closed else "open",
            "merged_at": "2026-03-02T06:00:00Z" if pull.merged or pull.squashed else None,
            # For what was not merged, this is a commit that a merge would have made.
            "merge_commit_sha": pull.squashed or pull.merged or "e" * 40,
            "title": pull.title,
            "draft": pull.draft,
            "user": pull.user and self._github_user(pull.user),
            "labels": [{"id": 1, "name": name, "color": "fff"} for name in pull.labels],
            "html_url": f"{self.url}/acme/shop/pull/{pull.number}",
            "head": {
                "ref": pull.branch,
                "sha": pull.head,
                "label": f"somebody:{pull.branch}",
                "repo": _repository(pull.source),
            },
            "base": {"ref": pull.base, "sha": "f" * 40, "repo": _repository(1)},
        }

    def _gitea_pull(self, pull: Pull) -> dict[str, Any]:
        agit = pull.branch.startswith("refs/")
        return {
            "id": pull.number + 1000,
            "number": pull.number,
            "state": "closed" if pull.closed else "open",
            "merged": bool(pull.merged or pull.squashed),
            "merge_commit_sha": pull.squashed or pull.merged,
            "title": pull.title,
            "user": pull.user and {"id": pull.user, "login": NAMES[pull.user]},
            "labels": [{"id": 1, "name": name} for name in pull.labels] or None,
            "html_url": f"{self.url}/acme/shop/pulls/{pull.number}",
            "head": {
                "ref": pull.branch,
                "label": "" if agit else pull.branch,
                "sha": pull.head,
                "repo_id": pull.source or -1,
                "repo": _repository(pull.source),
            },
            "base": {"ref": pull.base, "label": pull.base, "repo_id": 1, "repo": _repository(1)},
        }

    def _gitlab_pull(self, pull: Pull) -> dict[str, Any]:
        return {
            "id": pull.number + 1000,
            "iid": pull.number,
            "project_id": 1,
            "state": "merged" if pull.merged or pull.squashed else "opened",
            "merge_commit_sha": pull.merged,
            "squash_commit_sha": pull.squashed,
            "title": pull.title,
            "draft": pull.draft,
            "work_in_progress": pull.draft,
            "author": pull.user and {"id": pull.user, "username": NAMES[pull.user]},
            "labels": list(pull.labels),
            "sha": pull.head,
            "source_branch": pull.branch,
            "target_branch": pull.base,
            "source_project_id": pull.source,
            "target_project_id": 1,
            "web_url": f"{self.url}/acme/shop/-/merge_requests/{pull.number}",
        }

    def _set_status(self, request: Request, commit: str) -> Canned:
        key = "name" if self.kind == "gitlab" else "context"
        limit = 140 if self.kind == "github" else 255
        status = {"sha": commit, **request.body, "context": request.body[key]}
        if len(status["description"]) > limit or len(status["context"]) > 255:
            return Canned(422, {"message": "Validation Failed"})
        same = [each for each in self.statuses if each["context"] == status["context"]]
        if self.kind == "gitlab" and same and same[-1]["state"] == status["state"] == "pending":
            words = "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot "
            return Canned(400, {"message": f'{words}transition via "enqueue")'})
        self.statuses.append(status)
        return Canned(201, status)

    def _list_notes(self, request: Request, number: str) -> Canned:
        found = [self._note(note) for note in self.notes if note.pull == int(number)]
        if self.kind == "gitea":  # its comments have no pages
            return Canned(200, found, {"X-Total-Count": str(len(found))})
        return self._page(request, found)

    def _note(self, note: Note) -> dict[str, Any]:
        if self.kind == "gitlab":
            author = {"id": note.author, "username": NAMES[note.author]}
            return {"id": note.id, "body": note.body, "author": author, "system": False}
        return {
            "id": note.id,
            "body": note.body,
            "user": self._github_user(note.author, is_bot=note.is_bot),
        }

    def _github_user(self, user: int, *, is_bot: bool = False) -> dict[str, Any]:
        return {"id": user, "login": NAMES[user], "type": "Bot" if is_bot else "User"}

    def _add_note(self, request: Request, number: str) -> Canned:
        note = Note(len(self.notes) + 1, int(number), ROBOT, request.body["body"])
        limit = 1_000_000 if self.kind == "gitlab" else 65_536
        if len(note.body) > limit:
            return Canned(422, {"message": "Validation Failed"})
        self.notes.append(note)
        return Canned(201, self._note(note))

    def _edit(self, request: Request, identifier: str) -> Canned:
        for note in self.notes:
            if note.id == int(identifier):
                note.body = request.body["body"]
                return Canned(200, self._note(note))
        return Canned(404, {"message": "Not Found"})

    def _edit_note(self, request: Request, _: str, identifier: str) -> Canned:
        return self._edit(request, identifier)

    def _user(self, request: Request) -> Canned:
        return Canned(200, {"id": ROBOT, "login": "robot", "username": "robot", "type": "User"})


def _repository(identifier: int | None) -> dict[str, Any] | None:
    if identifier is None:
        return None
    owner = "acme" if identifier == 1 else "somebody"
    return {"id": identifier, "full_name": f"{owner}/shop"}


def handler(site: HostingSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            path = url.path.removeprefix(_ROOT[site.kind])
            body = json.loads(content) if content else None
            request = Request(self.command, path, query, dict(self.headers), body)
            site.requests.append(request)
            self.reply(site.answer(request))

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815

        def reply(self, answer: Canned) -> None:
            content = answer.body
            if not isinstance(content, bytes):
                content = b"" if content is None else json.dumps(content).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def serve(kind: HostingKind) -> Generator[HostingSite, None, None]:
    """Serve a site to who has its token."""
    site = HostingSite(kind)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(site)) as http:
        http.daemon_threads = True
        site.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            http.shutdown()
            thread.join()
