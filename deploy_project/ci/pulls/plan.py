"""The runs to start, refuse or cancel for pull requests; pure (CI-1, CI-2, CI-11, CI-12, CI-14)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploy_project.config.values.deployment import Job
from deploy_project.git.pulls import PullRequest

Heads = Mapping[int, str]
"""The head of each pull request by its number."""


@dataclass(frozen=True)
class Start:
    """Run `job` at the head of the pull request."""

    job: Job
    pull_request: PullRequest


@dataclass(frozen=True)
class Refuse:
    """Tell why the head of the pull request is not built by `job`."""

    job: Job
    pull_request: PullRequest
    reason: str


@dataclass(frozen=True)
class Cancel:
    """End a run that nobody needs any more."""

    run_id: str
    why: str


@dataclass(frozen=True)
class Active:
    """A run of a pull request that waits or is in progress."""

    run_id: str
    job: str
    """The `name` of the `Job`."""
    pull_request: int
    commit: str


@dataclass(frozen=True)
class Handled:
    """The heads that earlier ticks have dealt with, of one job; each is dealt with once."""

    started: Heads = field(default_factory=dict[int, str])
    refused: Heads = field(default_factory=dict[int, str])
    labelled: Heads = field(default_factory=dict[int, str])
    """The head that each pull request of a fork had when it got its label."""


@dataclass(frozen=True)
class Plan:
    """The starts and refusals of one tick, and the heads dealt with after it, by job."""

    seen: Mapping[str, Handled]
    starts: tuple[Start, ...] = ()
    refusals: tuple[Refuse, ...] = ()
    closed: frozenset[tuple[str, int]] = frozenset()
    """Each job with the number of a pull request that was open before."""

    def only(self, jobs: Collection[str]) -> "Plan":
        """Return this plan with the starts of `jobs` alone; others may be deactivated."""
        return replace(self, starts=tuple(each for each in self.starts if each.job.name in jobs))

    def without(self, untold: Iterable[Refuse]) -> "Plan":
        """Return this plan with `untold` not dealt with, so that they come again."""
        left = {(each.job.name, each.pull_request.number) for each in untold}
        return replace(
            self,
            seen={
                name: replace(
                    each, refused={n: h for n, h in each.refused.items() if (name, n) not in left}
                )
                for name, each in self.seen.items()
            },
        )


def plan(
    pull_requests: Sequence[PullRequest],
    jobs: Iterable[Job],
    seen: Mapping[str, Handled],
    *,
    branches: Mapping[str, str],
) -> Plan:
    """Return the plan for the open pull requests; `branches` are those of the environments.

    A job that is seen for the first time starts with the next commits: nothing has happened to
    the pull requests that were open before it.
    """
    wanted = list(jobs)
    approved = {job.name: _labelled(job, pull_requests, seen.get(job.name)) for job in wanted}
    found = {
        job.name: [
            _decision(job, pull, approved[job.name])
            for pull in pull_requests
            if _is_meant(job, pull, branches.get(job.environment.name))
        ]
        for job in wanted
    }
    news = [
        each
        for name, decisions in found.items()
        for each in decisions
        if name in seen and not _is_known(each, seen[name])
    ]
    numbers = {pull.number for pull in pull_requests}
    return Plan(
        seen={name: _seen(made, approved[name]) for name, made in found.items()},
        starts=tuple(each for each in news if isinstance(each, Start)),
        refusals=tuple(each for each in news if isinstance(each, Refuse)),
        closed=frozenset(
            (name, number)
            for name in found
            for number in seen.get(name, Handled()).started
            if number not in numbers
        ),
    )


def stale(made: Plan, active: Iterable[Active]) -> Iterator[Cancel]:
    """Yield the runs that the plan leaves without a purpose (CI-12)."""
    newer = {(s.job.name, s.pull_request.number): s.pull_request.head for s in made.starts}
    for run in active:
        which = run.job, run.pull_request
        head = newer.get(which, run.commit)
        if run.commit and head != run.commit:
            yield Cancel(run.run_id, _superseded(run, head))
        elif which in made.closed:
            yield Cancel(run.run_id, _closed(run))


def _is_meant(job: Job, pull: PullRequest, branch: str | None) -> bool:
    """Return whether the pull request is for the branch of the job's environment, and ready."""
    return pull.base in (None, branch) and (job.on_draft_pull_request or not pull.draft)


def _labelled(job: Job, pull_requests: Iterable[PullRequest], seen: Handled | None) -> Heads:
    """Return the head that each pull request of a fork had when it got the label for `job`."""
    label = job.environment.project.pull_requests.fork_label
    before = seen.labelled if seen is not None else dict[int, str]()
    return {
        pull.number: before.get(pull.number, pull.head)
        for pull in pull_requests
        if pull.fork and label is not None and label in pull.labels
    }


def _decision(job: Job, pull: PullRequest, labelled: Heads) -> Start | Refuse:
    """Return the decision on one head; the code of a fork would have our credentials."""
    if job.why_off is not None:
        return Refuse(job, pull, f"Pull request {pull.number} is not built. {job.why_off}")
    if not pull.fork or labelled.get(pull.number) == pull.head:
        return Start(job, pull)
    label = job.environment.project.pull_requests.fork_label
    if label is None:
        remedy = "push the branch to the project's own repository"
    elif pull.number in labelled:
        remedy = (
            f"it has new commits since it got the label {label!r}: read them, take the label "
            "away, and a minute later add it again"
        )
    else:
        remedy = f"read it, then add the label {label!r}"
    why = (
        f"Pull request {pull.number} comes from a fork, and is not built: its code would run with "
        f"the credentials of environment {job.environment.name!r}; {remedy}"
    )
    return Refuse(job, pull, why)


def _is_known(decision: Start | Refuse, seen: Handled) -> bool:
    pull = decision.pull_request
    heads = seen.started if isinstance(decision, Start) else seen.refused
    return heads.get(pull.number) == pull.head


def _seen(decisions: Iterable[Start | Refuse], labelled: Heads) -> Handled:
    started: dict[int, str] = {}
    refused: dict[int, str] = {}
    for each in decisions:
        heads = started if isinstance(each, Start) else refused
        heads[each.pull_request.number] = each.pull_request.head
    return Handled(started, refused, labelled)


def _superseded(run: Active, head: str) -> str:
    return (
        f"Cancelled: pull request {run.pull_request} has moved on to commit {head[:7]}, which "
        "another run builds."
    )


def _closed(run: Active) -> str:
    return f"Cancelled: pull request {run.pull_request} was closed or merged."
