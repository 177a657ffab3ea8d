"""The open pull requests of a project, from the hosting's API, with a cursor for the next call."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter

from deploy_project.config import cursors
from deploy_project.config.values.deployment import Project
from deploy_project.git.hosts.access import Access, access, reachable
from deploy_project.git.hosts.pages import unchanged, whole
from deploy_project.git.pulls import OpenPullRequests, PullRequest, PullRequests

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def pull_requests(project: Project) -> PullRequests | None:
    """Return the source of open pull requests that asks the hosting's API; None without access.

    There is access when `hosting` is known and has a token; else only git references can tell.
    """
    return Finder() if reachable(project) else None


class Finder:
    """The source of open pull requests that asks the API of GitHub, GitLab or Gitea."""

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        """Return the open pull requests; None when they are as they were at `cursor`.

        As long as nothing is new, that is one conditional request for each page. Where a page has
        changed in a field that we do not read, the same pull requests come with another cursor.
        """
        way = access(project)
        question = way.host.open_pulls(way.repository)
        asked = f"{project.hosting and project.hosting.api_url}{question.path}"
        before = _Cursor.read(cursor, asked)
        if unchanged(way.api, question, before.tags):
            return None
        found = whole(way.api, question, way.refusal)
        pulls = _pulls(way, found.entries)
        now = _Cursor(asked, found.tags, _digest(pulls))
        if now.digest == before.digest and now.tags == before.tags:
            return None
        return OpenPullRequests(pulls, now.text())


@dataclass(frozen=True)
class _Cursor:
    """The URL of a list, the ETags of its pages, and a digest of the pull requests read from it."""

    asked: str
    tags: tuple[str, ...] = ()
    digest: str = ""

    @staticmethod
    def read(text: str, asked: str) -> "_Cursor":
        """Return the cursor in `text`; an empty one, if it is of another list or version."""
        found = cursors.read(_STORED, text)
        if found is None or (found[0], found[3]) != (asked, _SHAPE):
            return _Cursor(asked)
        _, tags, digest, _ = found
        return _Cursor(asked, tags, digest)

    def text(self) -> str:
        return json.dumps([self.asked, self.tags, self.digest, _SHAPE])


_STORED = TypeAdapter(tuple[str, tuple[str, ...], str, str])
_SHAPE = " ".join(field.name for field in fields(PullRequest))
"""The fields of a pull request, part of a cursor: another version may read more of a page."""


def _pulls(way: Access, entries: Iterable[Any]) -> tuple[PullRequest, ...]:
    """Return all pull requests, or raise: with one left out, an open one would count as closed."""
    found = {pull.number: pull for pull in (way.parsed(way.host.pull, each) for each in entries)}
    for pull in found.values():
        if not _COMMIT.fullmatch(pull.head):
            what = f"{way.host.name} knows no commit at the head of pull request {pull.number}"
            raise way.refusal.error(f"{what}, found {pull.head!r}", "push to it, or close it")
    return tuple(found[number] for number in sorted(found))


def _digest(pulls: Iterable[PullRequest]) -> str:
    facts = [asdict(pull) | {"labels": sorted(pull.labels)} for pull in pulls]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
