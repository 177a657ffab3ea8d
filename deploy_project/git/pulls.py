"""Pull requests as the rest of the software sees them, however they were found."""

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
    """All pull requests that were open at one moment; never a part of them."""

    pull_requests: tuple[PullRequest, ...]
    cursor: str
    """What the next question passes on, so that no news costs little; opaque, without secrets."""


class PullRequests(Protocol):
    """A place that knows the open pull requests of one project."""

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        """Return what is open now, asked for at once; None when that is as it was at `cursor`.

        An empty `cursor` asks anew. Raises `RemoteError` when the place can't be asked, or answers
        with less than everything: nobody may conclude then that a pull request was closed.
        """
        ...
