"""Open pull requests of any git remote, found by its references alone, without an API."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError, RemoteError
from deploy_project.git import remote
from deploy_project.git.mirror import branches, ensure_commit, reachable
from deploy_project.git.pulls import OpenPullRequests, PullRequest

KNOWN = ("refs/pull/*/head", "refs/merge-requests/*/head")
"""Where GitHub and Gitea, and GitLab, keep the heads of pull requests, those of forks too."""
_BRANCHES = "refs/heads/"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_FIRST_MADE = 1_000_000_000


@dataclass(frozen=True)
class PullRequestReferences:
    """The open pull requests of a remote, by its references.

    One whose head is in a base is merged. One whose head is in no branch (any more) is closed, or
    comes from a fork, whose code must not run unasked. A pull request that was closed, or merged
    by squashing, looks open until its branch is deleted.
    """

    state: StateDirectory
    bases: frozenset[str]
    """The references that pull requests are merged into: `refs/heads/…`, or `HEAD`."""

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        """Return the open pull requests; None when no reference has moved since `cursor`."""
        stated = project.pull_requests.refs
        patterns = (stated,) if stated is not None else KNOWN
        found = remote.matching(project, {*patterns, *self.bases, f"{_BRANCHES}*"})
        after = _digest(found)
        if after == cursor:
            return None
        self._require_bases(project, found)
        candidates = [pull for each in patterns for pull in _candidates(each, found, self.bases)]
        is_open = self._is_open(project, found) if candidates else None
        opened = tuple(pull for pull in candidates if is_open and is_open(pull.head))
        return OpenPullRequests(opened, after)

    def _is_open(self, project: Project, found: Mapping[str, str]) -> Callable[[str], bool]:
        """Return a function of a head's commit: whether it is in a branch, and in no base."""
        bases = sorted({found[ref] for ref in self.bases})
        try:
            mirrors = [ensure_commit(project, self.state, base) for base in bases]
            merged = reachable(mirrors[0], bases) if mirrors else frozenset[str]()
            # A site moves its own reference a little after the branch.
            ours = {c for m in mirrors[:1] for ref, c in branches(m).items() if ref in found}
            known = reachable(mirrors[0], ours) if ours else frozenset[str]()
        except GitError as error:
            raise RemoteError(f"which pull requests are open can't be told: {error}") from error
        heads = frozenset(_branch_of(found))
        return lambda head: head not in merged and (head in heads or head in known)

    def _require_bases(self, project: Project, found: Mapping[str, str]) -> None:
        missing = sorted(self.bases - found.keys())
        if missing:
            raise RemoteError(
                f"which pull requests are open can't be told: {', '.join(missing)} does not exist "
                f"on the remote of project {project.name!r}; push it, or change the environment's "
                "branch"
            )


def number(name: str) -> int:
    """Return the number of a pull request, from the part of its reference that `*` matches.

    A numeric part is the number, as in `pr/12`; other names get one of ten digits that depends on
    the name alone, so that no two branches share a schema.
    """
    if _NUMBER.fullmatch(name):
        return int(name)
    digest = hashlib.sha256(name.encode()).digest()
    return _FIRST_MADE + int.from_bytes(digest[:8], "big") % (9 * _FIRST_MADE)


def _candidates(
    pattern: str, found: Mapping[str, str], bases: Collection[str]
) -> Iterator[PullRequest]:
    """Yield a pull request for each reference that fits `pattern`, with the branch at its head."""
    before, _, after = pattern.partition("*")
    names = _branch_of(found)
    for ref, head in sorted(found.items()):
        name = ref.removeprefix(before).removesuffix(after)
        if ref.startswith(before) and ref.endswith(after) and name and ref not in bases:
            branch = ref if ref.startswith(_BRANCHES) else names.get(head, "")
            yield PullRequest(number(name), head, branch=branch.removeprefix(_BRANCHES))


def _branch_of(found: Mapping[str, str]) -> dict[str, str]:
    """Return the branch that is at each commit; of several, the last by name."""
    return {found[ref]: ref for ref in sorted(found) if ref.startswith(_BRANCHES)}


def _digest(found: Mapping[str, str]) -> str:
    text = "\n".join(f"{ref} {commit}" for ref, commit in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()
