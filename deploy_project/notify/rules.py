"""The rules of notifications: whether a run that has ended is told, from its job's history; pure.

A failure that lasts is told once, and again when something else has failed (NOT-1).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Literal

from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.config.values.notifications import Condition, OwnerRule, Rule

Outcome = Literal["success", "warning", "failure", "cancelled"]


@dataclass(frozen=True)
class Subject:
    """The names of a run that the globs of a rule are compared with."""

    job: str
    identifier: str
    environment: str
    project: str
    of_pull_request: bool


@dataclass(frozen=True)
class Concluded:
    """The end of a run, as far as rules are concerned."""

    outcome: Outcome
    ended_at: datetime
    wrong: frozenset[str] = frozenset()
    """The nodes and steps that have failed or warned; empty where that is not known."""


@dataclass(frozen=True)
class Told:
    """The condition that is told of a run."""

    condition: Condition
    in_a_row: int = 1
    """The runs in a row that have ended so, this one included; for `recovered`, the failures."""


def matches(rule: Rule | OwnerRule, subject: Subject) -> bool:
    """Whether the globs of a rule take a run, with any end."""
    wanted = {"exclude": (False,), "include": (False, True), "only": (True,)}[rule.pull_requests]
    return (
        subject.of_pull_request in wanted
        and _takes(rule.jobs, subject.job, subject.identifier)
        and _takes(rule.environments, subject.environment)
        and _takes(rule.projects, subject.project)
    )


def _takes(globs: Sequence[str], *names: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def told(rule: Rule, run: Concluded, history: Sequence[Concluded]) -> Told | None:
    """Return the condition that `rule` tells of a run; None when it tells nothing.

    `history` has the earlier runs of the job, or of its pull request, the newest first. Those that
    were cancelled say nothing about the code, and are passed over.
    """
    if run.outcome == "cancelled":
        return Told("cancelled") if "cancelled" in rule.on else None
    earlier = [each for each in history if each.outcome != "cancelled"]
    if run.outcome != "failure" and "recovered" in rule.on:
        failures = _in_a_row(earlier, "failure")
        if failures:
            return Told("recovered", len(failures))
    if run.outcome not in rule.on:
        return None
    if run.outcome == "success":
        return Told("success")
    same = _in_a_row(earlier, run.outcome)
    if same and not _again(rule, run, same[0]):
        return None
    return Told(run.outcome, len(same) + 1)


def _in_a_row(earlier: Sequence[Concluded], outcome: Outcome) -> list[Concluded]:
    return list(takewhile(lambda each: each.outcome == outcome, earlier))


def _again(rule: Rule, run: Concluded, before: Concluded) -> bool:
    """Whether a failure or warning that lasts is told once more; days are those of UTC."""
    if rule.repeat == "always":
        return True
    if run.wrong and before.wrong and run.wrong != before.wrong:
        return True
    return rule.repeat == "daily" and run.ended_at.date() != before.ended_at.date()


def without_runs(deployment: Deployment) -> Iterator[str]:
    """Yield a line for each rule that no run of the deployment can match."""
    kinds = {
        "notifications": deployment.notifications,
        "model_notifications": deployment.model_notifications,
    }
    for kind, rules in kinds.items():
        for rule in rules:
            if not any(matches(rule, r) for job in deployment.jobs.values() for r in _runs(job)):
                keys = "`jobs`, `environments`, `projects` or `pull_requests`"
                if isinstance(rule, OwnerRule):
                    keys = "`jobs`, `environments` or `projects`"
                yield (
                    f"{rule.place}: this rule of `{kind}` matches no run: no job that it names "
                    "is in an environment and project that it names, with runs that it takes; "
                    f"correct {keys}"
                )


def without_schedules(deployment: Deployment) -> Iterator[str]:
    """Yield a line for each rule on late schedules alone, where no job that it matches has one."""
    for rule in deployment.notifications:
        if {*rule.on} != {"late"} or rule.late.times is not None:
            continue
        jobs = [
            job for job in deployment.jobs.values() if any(matches(rule, r) for r in _runs(job))
        ]
        if jobs and not any(job.cron and matches(rule, _scheduled(job)) for job in jobs):
            yield (
                f"{rule.place}: this rule of `notifications` tells of late schedules alone, and no "
                "job that it matches has one; add `late.times`, or correct `jobs`, "
                "`environments`, `projects` or `pull_requests`"
            )


def _scheduled(job: Job) -> Subject:
    return subject(job, of_pull_request=False)


def _runs(job: Job) -> Iterator[Subject]:
    """Yield the subjects of all runs that a job can have."""
    for of_pull_request in (False, True):
        if job.builds_pull_requests or not of_pull_request:
            yield subject(job, of_pull_request=of_pull_request)


def subject(job: Job, *, of_pull_request: bool) -> Subject:
    """Return the names of a run of `job`."""
    environment = job.environment
    return Subject(
        job.name, job.identifier, environment.name, environment.project.name, of_pull_request
    )
