"""Pull requests of any git remote, found by references alone."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from deploy_project.config.deployment import Project
from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError, RemoteError
from deploy_project.git import remote
from deploy_project.git.mirror import ensure_commit, reachable
from deploy_project.git.pulls import Listing, PullRequest

KNOWN = ("refs/pull/*/head", "refs/merge-requests/*/head")
"""Where GitHub and Gitea, and GitLab, keep the heads of pull requests, those of forks too."""
_BRANCHES = "refs/heads/"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_FIRST_MADE = 1_000_000_000


@dataclass(frozen=True)
class PullRequestReferences:
    """The pull requests of a remote as its references tell.

    One whose head is in a base already is merged. References can't tell a pull request that was
    closed, or merged by squashing, from an open one as long as they are there.
    """

    state: StateDirectory
    bases: frozenset[str]
    """What pull requests are merged into: `refs/heads/…`, or `HEAD`."""

    def listed(self, project: Project, cursor: str) -> Listing | None:
        """Return what is open now; None when no reference has moved since `cursor`."""
        stated = project.pull_requests.refs
        patterns = (stated,) if stated is not None else KNOWN
        found = remote.matching(project, {*patterns, *self.bases})
        after = _digest(found)
        if after == cursor:
            return None
        missing = sorted(self.bases - found.keys())
        if missing:
            raise RemoteError(
                f"which pull requests are merged can't be told: {', '.join(missing)} does not "
                f"exist on the remote of project {project.name!r}; push it, or change the "
                "environment's branch"
            )
        bases = {found[ref] for ref in self.bases}
        pulls = [pull for each in patterns for pull in _pull_requests(each, found, self.bases)]
        merged = self._merged(project, bases) if pulls else frozenset[str]()
        return Listing(tuple(each for each in pulls if each.head not in merged), after)

    def _merged(self, project: Project, bases: Collection[str]) -> frozenset[str]:
        try:
            mirrors = [ensure_commit(project, self.state, base) for base in sorted(bases)]
            return reachable(mirrors[0], bases) if mirrors else frozenset()
        except GitError as error:
            raise RemoteError(f"which pull requests are merged can't be told: {error}") from error


def number(name: str) -> int:
    """Return the number that the part of a reference stands for that its pattern's `*` matches.

    That is itself if it is one, as in `pr/12`; other names get one of ten digits that depends on
    the name alone, so that no two branches share a schema.
    """
    if _NUMBER.fullmatch(name):
        return int(name)
    digest = hashlib.sha256(name.encode()).digest()
    return _FIRST_MADE + int.from_bytes(digest[:8], "big") % (9 * _FIRST_MADE)


def _pull_requests(
    pattern: str, found: Mapping[str, str], bases: Collection[str]
) -> Iterator[PullRequest]:
    before, _, after = pattern.partition("*")
    for ref, head in sorted(found.items()):
        fits = ref.startswith(before) and ref.endswith(after)
        name = ref.removeprefix(before).removesuffix(after)
        if fits and name and ref not in bases:
            branch = ref.removeprefix(_BRANCHES) if ref.startswith(_BRANCHES) else ""
            yield PullRequest(number(name), head, branch=branch)


def _digest(found: Mapping[str, str]) -> str:
    text = "\n".join(f"{ref} {commit}" for ref, commit in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()
