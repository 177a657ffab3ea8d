"""What there is to know about the API of a hosting site."""

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
    """What a commit is told to be by one job (CI-13)."""

    state: State
    context: str
    """Whose status it is, such as `dbt/production/ci`; what a required check names."""
    description: str = ""
    url: str = ""
    """Where a click leads; empty for nowhere."""


@dataclass(frozen=True)
class Question:
    """A list that the API gives in pages, `size` entries in each."""

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
    """The account, however the site tells accounts apart."""
    is_bot: bool = False
    """Whether the site says that no person has written it."""


@dataclass(frozen=True)
class Merged:
    """A pull request that was merged."""

    number: int
    commits: tuple[str, ...]
    """Whatever has one of them in its history has what was merged: the commit that the merge has
    made, also by squashing or rebasing, and the head itself."""


class Host(Protocol):
    """One kind of hosting site; paths are below the root of the API."""

    name: str
    longest_body: int
    """How many characters a comment may have."""
    has_apps: bool
    """Whether a token may be an app's, which can't ask who it is."""

    def headers(self, token: str) -> dict[str, str]:
        """Return what every request carries."""
        ...

    def open_pulls(self, repository: str) -> Question:
        """Return how to ask for the open pull requests, the newest first."""
        ...

    def pull(self, entry: Any) -> PullRequest:
        """Return an entry of that list; raise `ValidationError` when it is none.

        Its head is empty when the site knows no commit of it.
        """
        ...

    def merged_pulls(self, repository: str) -> Question:
        """Return how to ask for the pull requests that are closed, those changed last first."""
        ...

    def merged(self, entry: Any) -> Merged | None:
        """Return an entry of that list; None when it was closed without being merged."""
        ...

    def status(
        self, repository: str, commit: str, status: CommitStatus
    ) -> tuple[str, Mapping[str, str]]:
        """Return the path and the body of the request that sets a commit's status."""
        ...

    def is_so_already(self, said: str) -> bool:
        """Return whether a status was refused, in these words, for being as it was."""
        ...

    def comments(self, repository: str, number: int) -> Question:
        """Return how to ask for the comments of a pull request; it takes new ones, too."""
        ...

    def comment(self, entry: Any) -> Comment:
        """Return an entry of that list; raise `ValidationError` when it is none."""
        ...

    def edit(self, repository: str, number: int, comment: int) -> tuple[str, str]:
        """Return the method and the path of the request that changes a comment."""
        ...

    def account(self, user: Any) -> str:
        """Return who the answer to `/user` is, as `Comment.author` has it."""
        ...


class ApiModel(BaseModel):
    """What an API says: more than we read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def commits(*found: str | None) -> tuple[str, ...]:
    """Return those that are commits, each once."""
    return tuple(dict.fromkeys(each for each in found if each and is_full(each)))


def plain(text: str | None) -> str:
    """Return `text` as every database and log can hold it: one line of valid Unicode."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text or "")


def page(text: str | None) -> str:
    """Return the address of a page; empty for anything else that a link could be."""
    return text if text and _PAGE.fullmatch(text) else ""


def cut(text: str, longest: int) -> str:
    """Return one line of at most `longest` characters."""
    text = plain(" ".join(text.split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"
