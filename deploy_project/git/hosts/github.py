"""GitHub: https://docs.github.com/en/rest, version 2022-11-28."""

from collections.abc import Mapping
from typing import Any

from deploy_project.git.hosts.host import (
    ApiModel,
    Comment,
    CommitStatus,
    Merged,
    Question,
    commits,
    cut,
    page,
    plain,
)
from deploy_project.git.pulls import PullRequest

_DESCRIPTION = 140


class _User(ApiModel):
    login: str
    type: str = ""


class _Label(ApiModel):
    name: str


class _Repository(ApiModel):
    id: int
    full_name: str


class _Branch(ApiModel):
    ref: str
    sha: str
    repo: _Repository | None = None


class _Pull(ApiModel):
    number: int
    title: str
    draft: bool = False
    user: _User | None = None
    labels: tuple[_Label, ...] = ()
    head: _Branch
    base: _Branch
    html_url: str = ""


class _Closed(ApiModel):
    number: int
    head: _Branch
    merged_at: str | None = None
    merge_commit_sha: str | None = None


class _Comment(ApiModel):
    id: int
    body: str | None = None
    user: _User | None = None


class GitHub:
    """The API of GitHub, also of GitHub Enterprise Cloud and Server."""

    name = "GitHub"
    longest_body = 65_536
    has_apps = True

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def open_pulls(self, repository: str) -> Question:
        """Return the request for the open pull requests, the newest first."""
        query = {"state": "open", "sort": "created", "direction": "desc"}
        return Question(f"/repos/{repository}/pulls", query)

    def pull(self, entry: Any) -> PullRequest:
        """Return an open pull request from its entry; a fork without a repository was deleted."""
        found = _Pull.model_validate(entry)
        own = found.head.repo and found.base.repo and found.head.repo.id == found.base.repo.id
        fork = found.head.repo.full_name if found.head.repo else "(deleted)"
        return PullRequest(
            number=found.number,
            head=found.head.sha,
            base=found.base.ref,
            branch=plain(found.head.ref),
            title=plain(found.title),
            author=plain(found.user.login if found.user else ""),
            draft=found.draft,
            labels=frozenset(plain(label.name) for label in found.labels),
            fork="" if own else plain(fork),
            url=page(found.html_url),
        )

    def merged_pulls(self, repository: str) -> Question:
        """Return the request for the closed pull requests, those changed last first."""
        query = {"state": "closed", "sort": "updated", "direction": "desc"}
        return Question(f"/repos/{repository}/pulls", query)

    def merged(self, entry: Any) -> Merged | None:
        """Return a merged pull request; the commit of an unmerged one is that of a trial merge."""
        found = _Closed.model_validate(entry)
        if not found.merged_at:
            return None
        return Merged(found.number, commits(found.merge_commit_sha, found.head.sha))

    def status(
        self, repository: str, commit: str, status: CommitStatus
    ) -> tuple[str, Mapping[str, str]]:
        """Return the path and the body of the request that sets a commit's status."""
        body = {
            "state": status.state,
            "context": cut(status.context, 255),
            "description": cut(status.description, _DESCRIPTION),
        }
        link = {"target_url": status.url} if status.url else {}
        return f"/repos/{repository}/statuses/{commit}", {**body, **link}

    def is_so_already(self, said: str) -> bool:
        """Return False: GitHub accepts the same status again."""
        return False

    def comments(self, repository: str, number: int) -> Question:
        """Return the request for the comments of a pull request; a POST there adds one."""
        return Question(f"/repos/{repository}/issues/{number}/comments")

    def comment(self, entry: Any) -> Comment:
        """Return a comment from its entry."""
        found = _Comment.model_validate(entry)
        user = found.user or _User(login="")
        return Comment(found.id, found.body or "", user.login, user.type == "Bot")

    def edit(self, repository: str, number: int, comment: int) -> tuple[str, str]:
        """Return the method and the path of the request that changes a comment."""
        return "PATCH", f"/repos/{repository}/issues/comments/{comment}"

    def account(self, user: Any) -> str:
        """Return the account in an answer of `/user`: its login."""
        return _User.model_validate(user).login
