"""Gitea and Forgejo: https://docs.gitea.com/api, which follows GitHub's in most of its paths."""

import re
from typing import Any

from deploy_project.git.hosts.github import GitHub
from deploy_project.git.hosts.host import ApiModel, Merged, Question, commits, page, plain
from deploy_project.git.pulls import PullRequest

# Before 1.23 the API has no `draft`; these are the prefixes that Gitea comes with.
_DRAFT = re.compile(r"\s*(WIP:|\[WIP\])", re.IGNORECASE)


class _User(ApiModel):
    login: str


class _Label(ApiModel):
    name: str


class _Repository(ApiModel):
    full_name: str


class _Branch(ApiModel):
    label: str = ""
    ref: str
    sha: str = ""
    repo_id: int = -1
    repo: _Repository | None = None


class _Pull(ApiModel):
    number: int
    title: str
    draft: bool | None = None
    user: _User | None = None
    labels: tuple[_Label, ...] | None = None
    head: _Branch
    base: _Branch
    html_url: str = ""


class _Closed(ApiModel):
    number: int
    head: _Branch
    merged: bool = False
    merge_commit_sha: str | None = None


class Gitea(GitHub):
    """The API of Gitea, and of Forgejo, which is the same here."""

    name = "Gitea"
    has_apps = False

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Accept": "application/json", "Authorization": f"token {token}"}

    def open_pulls(self, repository: str) -> Question:
        """Return the request for the open pull requests, which come with the newest first.

        50 is the most that Gitea gives unless it is configured otherwise.
        """
        return Question(f"/repos/{repository}/pulls", {"state": "open"}, size=50, size_name="limit")

    def merged_pulls(self, repository: str) -> Question:
        """Return the request for the closed pull requests, those changed last first."""
        query = {"state": "closed", "sort": "recentupdate"}
        return Question(f"/repos/{repository}/pulls", query, size=50, size_name="limit")

    def merged(self, entry: Any) -> Merged | None:
        """Return a merged pull request from its entry; None when it was closed unmerged."""
        found = _Closed.model_validate(entry)
        if not found.merged:
            return None
        return Merged(found.number, commits(found.merge_commit_sha, found.head.sha))

    def comments(self, repository: str, number: int) -> Question:
        """Return the request for the comments of a pull request; a POST there adds one."""
        return Question(f"/repos/{repository}/issues/{number}/comments", size_name="limit", size=50)

    def pull(self, entry: Any) -> PullRequest:
        """Return an open pull request from its entry in the list."""
        found = _Pull.model_validate(entry)
        head, draft = found.head, found.draft
        return PullRequest(
            number=found.number,
            head=head.sha,
            base=found.base.ref,
            branch=plain(head.label if head.ref.startswith("refs/") else head.ref),
            title=plain(found.title),
            author=plain(found.user.login if found.user else ""),
            draft=bool(_DRAFT.match(found.title)) if draft is None else draft,
            labels=frozenset(plain(label.name) for label in found.labels or ()),
            fork=plain(_fork(found)),
            url=page(found.html_url),
        )


def _fork(pull: _Pull) -> str:
    """Return the fork that the commits come from; empty for a branch of the repository itself.

    Commits pushed to `refs/for/…` (AGit) have no branch: every reader may push them.
    """
    if pull.head.repo is None or pull.head.repo_id < 0:
        return "(deleted)"
    if pull.head.repo_id != pull.base.repo_id:
        return pull.head.repo.full_name
    return "" if pull.head.label else "(refs/for)"
