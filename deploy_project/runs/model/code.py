"""The code of a run: the head of its environment's branch, or the last known one (JOB-13)."""

from dataclasses import dataclass

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment
from deploy_project.errors import RemoteError
from deploy_project.git import known, remote
from deploy_project.runs.timing.model_timing import duration_text


@dataclass(frozen=True)
class Code:
    """The code of a run."""

    commit: str
    branch: str
    """Empty when only a commit was asked for and nobody knows its branch."""
    is_head: bool
    """Whether it was the head of the environment's branch when the run began."""
    outage: str = ""
    """The reason for taking the last known commit: the remote did not answer; else empty."""
    base: str = ""
    """The commit that a pull request's is merged with before it is built; empty for none."""
    base_branch: str = ""

    @property
    def used_repo_cache(self) -> bool:
        """Whether this is the last known commit, because the remote could not be asked."""
        return bool(self.outage)

    @property
    def merged_with(self) -> str:
        """The base that the commit is merged with, such as `main at abc1234`; empty for none."""
        return f"{self.base_branch} at {self.base[:7]}" if self.base else ""


def head(environment: Environment, state: StateDirectory, *, may_be_known: bool) -> Code:
    """Return the head of the environment's branch now.

    While the remote can't be asked and it `may_be_known`, that is the last known one; raises
    `RemoteError` when there is none with its files here.
    """
    try:
        found = remote.head(environment)
    except RemoteError as error:
        if not may_be_known:
            raise
        return _last_known(environment, state, error)
    return Code(found.commit, found.branch, is_head=True)


def head_of(branch: str, environment: Environment) -> Code:
    """Return the head of a branch that is not the environment's own."""
    found = remote.branch_head(environment.project, branch)
    return Code(found.commit, found.branch, is_head=False)


def _last_known(environment: Environment, state: StateDirectory, error: RemoteError) -> Code:
    last = known.recall(environment, state)
    if last is None:
        raise RemoteError(
            f"{error}\n`git_repo_cache:` can't help: no commit of {environment.ref!r} is known "
            f"from the last {known.KEPT.days} days whose files are still here"
        ) from None
    outage = (
        f"The remote could not be asked, so this run builds commit {last.commit}, where "
        f"{last.branch!r} was {duration_text(last.age.total_seconds())} ago, at {last.at}. What "
        f"was pushed since then is not in it. {error}"
    )
    return Code(last.commit, last.branch, is_head=False, outage=outage)


def remember(source: Code, environment: Environment, state: StateDirectory) -> None:
    """Record the head of the environment's branch as the last known one; its files are here."""
    if source.is_head:
        known.remember(environment, remote.Head(source.commit, source.branch), state)
