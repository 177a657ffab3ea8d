"""The types of open pull requests, and the protocol of their sources (API, references)."""

from dataclasses import dataclass
from typing import Protocol

from deploy_project.config.values.deployment import Project


@dataclass(frozen=True)
class PullRequest:
    """An open pull request (or merge request); all text in it is somebody else's."""

    number: int
    head: str
    """The commit to build, as 40 hexadecimal digits."""
    base: str | None = None
    """The branch to merge into; None where references alone can't tell."""
    branch: str = ""
    """The branch that it comes from, in the repository that it comes from; empty if unknown."""
    title: str = ""
    author: str = ""
    draft: bool = False
    labels: frozenset[str] = frozenset()
    fork: str = ""
    """The repository that it comes from, such as `someone/shop`; empty for the project's own."""
    url: str = ""
    """Its page, for people; empty if unknown."""


@dataclass(frozen=True)
class OpenPullRequests:
    """All pull requests that were open at one moment; the list is never partial."""

    pull_requests: tuple[PullRequest, ...]
    cursor: str
    """The cursor for the next call, which is cheap when nothing is new; opaque, without secrets."""


class PullRequests(Protocol):
    """A source of a project's open pull requests."""

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        """Return the open pull requests; None when nothing has changed since `cursor`.

        An empty `cursor` asks anew. Raises `RemoteError` when the source can't be asked, or answers
        with less than everything: nobody may conclude then that a pull request was closed.
        """
        ...
