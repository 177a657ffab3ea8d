"""Open pull requests, as the hosting's API lists them."""

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
    """Return who knows the open pull requests by the hosting's API; None when it can't be asked.

    It can when `hosting` is known and has a token; else only git references can tell.
    """
    return Finder() if reachable(project) else None


class Finder:
    """The APIs of GitHub, GitLab and Gitea."""

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        """Return what is open now; None when that is as it was at `cursor`.

        As long as nothing is new, that is one conditional request for each page. Where a page has
        changed in what we do not read (a star), the same pull requests come with another cursor.
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
    """What was asked, what its pages were marked with, and a digest of what we made of it."""

    asked: str
    tags: tuple[str, ...] = ()
    digest: str = ""

    @staticmethod
    def read(text: str, asked: str) -> "_Cursor":
        """Return what `text` holds; nothing, if it answers another question, or is none of ours."""
        found = cursors.read(_STORED, text)
        if found is None or (found[0], found[3]) != (asked, _SHAPE):
            return _Cursor(asked)
        _, tags, digest, _ = found
        return _Cursor(asked, tags, digest)

    def text(self) -> str:
        return json.dumps([self.asked, self.tags, self.digest, _SHAPE])


_STORED = TypeAdapter(tuple[str, tuple[str, ...], str, str])
_SHAPE = " ".join(field.name for field in fields(PullRequest))
"""What a cursor depends on beside the hosting: another version may read more out of a page."""


def _pulls(way: Access, entries: Iterable[Any]) -> tuple[PullRequest, ...]:
    """Return all of them: with one less, one that is open would count as closed."""
    found = {pull.number: pull for pull in (way.parsed(way.host.pull, each) for each in entries)}
    for pull in found.values():
        if not _COMMIT.fullmatch(pull.head):
            what = f"{way.host.name} knows no commit at the head of pull request {pull.number}"
            raise way.refusal.error(f"{what}, found {pull.head!r}", "push to it, or close it")
    return tuple(found[number] for number in sorted(found))


def _digest(pulls: Iterable[PullRequest]) -> str:
    facts = [asdict(pull) | {"labels": sorted(pull.labels)} for pull in pulls]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
