"""The protocol that GitHub, GitLab and Gitea implement, and the types it exchanges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from deploy_project.git.mirror import is_full
from deploy_project.git.pulls import PullRequest

State = Literal["pending", "success", "failure", "error"]

_PAGE = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class CommitStatus:
    """The status of a commit, as one job sets it (CI-13)."""

    state: State
    context: str
    """The name of the status, such as `dbt/production/ci`, by which a check is required."""
    description: str = ""
    url: str = ""
    """The page that it links to; empty for none."""


@dataclass(frozen=True)
class Question:
    """A request for a list that the API gives in pages, `size` entries in each."""

    path: str
    query: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    size: int = 100
    size_name: str = "per_page"


@dataclass(frozen=True)
class Comment:
    """A comment on a pull request."""

    id: int
    body: str
    author: str
    """The author's account: the login, or the id on GitLab."""
    is_bot: bool = False
    """Whether the site says that no person has written it."""


@dataclass(frozen=True)
class Merged:
    """A pull request that was merged."""

    number: int
    commits: tuple[str, ...]
    """The commit that the merge has made, also by squashing or rebasing, and the head itself: a
    history with one of them contains the pull request."""


class Host(Protocol):
    """One kind of hosting site; paths are below the root of the API."""

    name: str
    longest_body: int
    """The limit of characters in a comment."""
    has_apps: bool
    """Whether a token may be an app's, which can't ask for its own account."""

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers of every request."""
        ...

    def open_pulls(self, repository: str) -> Question:
        """Return the request for the open pull requests, the newest first."""
        ...

    def pull(self, entry: Any) -> PullRequest:
        """Return an open pull request from its entry; raise `ValidationError` for another form.

        Its head is empty when the site knows no commit of it.
        """
        ...

    def merged_pulls(self, repository: str) -> Question:
        """Return the request for the closed pull requests, those changed last first."""
        ...

    def merged(self, entry: Any) -> Merged | None:
        """Return a merged pull request from its entry; None when it was closed unmerged."""
        ...

    def status(
        self, repository: str, commit: str, status: CommitStatus
    ) -> tuple[str, Mapping[str, str]]:
        """Return the path and the body of the request that sets a commit's status."""
        ...

    def is_so_already(self, said: str) -> bool:
        """Return whether the API's message `said` that the commit has the status already."""
        ...

    def comments(self, repository: str, number: int) -> Question:
        """Return the request for the comments of a pull request; a POST there adds one."""
        ...

    def comment(self, entry: Any) -> Comment:
        """Return a comment from its entry; raise `ValidationError` for another form."""
        ...

    def edit(self, repository: str, number: int, comment: int) -> tuple[str, str]:
        """Return the method and the path of the request that changes a comment."""
        ...

    def account(self, user: Any) -> str:
        """Return the account in an answer of `/user`, as `Comment.author` has it."""
        ...


class ApiModel(BaseModel):
    """A part of an API's answer; fields that we don't read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def commits(*found: str | None) -> tuple[str, ...]:
    """Return the full commit ids among `found`, each once."""
    return tuple(dict.fromkeys(each for each in found if each and is_full(each)))


def plain(text: str | None) -> str:
    """Return `text` as one line of valid Unicode, which every database and log can hold."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text or "")


def page(text: str | None) -> str:
    """Return `text` if it is the address of a web page; else empty text."""
    return text if text and _PAGE.fullmatch(text) else ""


def cut(text: str, longest: int) -> str:
    """Return one line of at most `longest` characters."""
    text = plain(" ".join(text.split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"
