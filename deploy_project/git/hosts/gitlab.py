"""GitLab: https://docs.gitlab.com/api/rest, version 4."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from deploy_project.git.hosts.host import (
    ApiModel,
    Comment,
    CommitStatus,
    Merged,
    Question,
    State,
    commits,
    cut,
    page,
    plain,
)
from deploy_project.git.pulls import PullRequest

_STATES: dict[State, str] = {
    "pending": "pending",
    "success": "success",
    "failure": "failed",
    "error": "failed",
}
_LONGEST = 255


class _User(ApiModel):
    id: int
    username: str = ""


class _Pull(ApiModel):
    iid: int
    title: str
    draft: bool = False
    work_in_progress: bool = False
    author: _User | None = None
    labels: tuple[str, ...] = ()
    sha: str | None = None
    source_branch: str
    target_branch: str
    source_project_id: int | None = None
    target_project_id: int
    web_url: str = ""


class _Merged(ApiModel):
    iid: int
    sha: str | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None


class _Note(ApiModel):
    id: int
    body: str | None = None
    author: _User | None = None
    system: bool = False


class GitLab:
    """The API of gitlab.com and of self-managed GitLab."""

    name = "GitLab"
    longest_body = 1_000_000
    has_apps = False

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers of every request; personal and project tokens go as OAuth's do."""
        return {"Accept": "application/json", "Authorization": f"Bearer {token}"}

    def open_pulls(self, repository: str) -> Question:
        """Return the request for the open merge requests, the newest first."""
        query = {"state": "opened", "order_by": "created_at", "sort": "desc"}
        return Question(f"{_project(repository)}/merge_requests", query)

    def pull(self, entry: Any) -> PullRequest:
        """Return an open merge request from its entry, which has only the number of a fork."""
        found = _Pull.model_validate(entry)
        source = found.source_project_id
        return PullRequest(
            number=found.iid,
            head=found.sha or "",
            base=found.target_branch,
            branch=plain(found.source_branch),
            title=plain(found.title),
            author=plain(found.author.username if found.author else ""),
            draft=found.draft or found.work_in_progress,
            labels=frozenset(map(plain, found.labels)),
            fork=_fork(source) if source != found.target_project_id else "",
            url=page(found.web_url),
        )

    def merged_pulls(self, repository: str) -> Question:
        """Return the request for the merged merge requests, those changed last first."""
        query = {"state": "merged", "order_by": "updated_at", "sort": "desc"}
        return Question(f"{_project(repository)}/merge_requests", query)

    def merged(self, entry: Any) -> Merged | None:
        """Return a merged merge request from its entry; a fast-forward has no commit of its own."""
        found = _Merged.model_validate(entry)
        made = commits(found.merge_commit_sha, found.squash_commit_sha, found.sha)
        return Merged(found.iid, made)

    def status(
        self, repository: str, commit: str, status: CommitStatus
    ) -> tuple[str, Mapping[str, str]]:
        """Return the path and the body of the request that sets a commit's status."""
        body = {
            "state": _STATES[status.state],
            "name": cut(status.context, _LONGEST),
            "description": cut(status.description, _LONGEST),
        }
        link = {"target_url": status.url} if 0 < len(status.url) <= _LONGEST else {}
        return f"{_project(repository)}/statuses/{commit}", {**body, **link}

    def is_so_already(self, said: str) -> bool:
        """Return whether the commit has that status already: GitLab refuses a second `pending`."""
        return "Cannot transition status via :enqueue from :pending" in said

    def comments(self, repository: str, number: int) -> Question:
        """Return the request for the notes of a merge request; a POST there adds one."""
        return Question(f"{_project(repository)}/merge_requests/{number}/notes", {"sort": "asc"})

    def comment(self, entry: Any) -> Comment:
        """Return a comment from a note; a system note of GitLab's own has no author."""
        found = _Note.model_validate(entry)
        author = str(found.author.id) if found.author and not found.system else ""
        return Comment(found.id, found.body or "", author)

    def edit(self, repository: str, number: int, comment: int) -> tuple[str, str]:
        """Return the method and the path of the request that changes a note."""
        return "PUT", f"{_project(repository)}/merge_requests/{number}/notes/{comment}"

    def account(self, user: Any) -> str:
        """Return the account in an answer of `/user`: its id."""
        return str(_User.model_validate(user).id)


def _project(repository: str) -> str:
    return f"/projects/{quote(repository, safe='')}"


def _fork(source: int | None) -> str:
    return "(deleted)" if source is None else f"project {source}"
