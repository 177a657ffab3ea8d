"""The facts of ended runs and of those before them, read for rules and messages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deploy_project.config.environment import store_credentials
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import ArtifactError, ConfigError, DeployError
from deploy_project.git.hosting import commit_url
from deploy_project.git.mirror import between
from deploy_project.notify.composing.messages import Known, concluded, message, owner_message
from deploy_project.notify.message import Message
from deploy_project.notify.owners import Owners, Part
from deploy_project.notify.rules import Concluded, Outcome, Subject, Told, subject
from deploy_project.releases import pointer
from deploy_project.releases.given import given, revealed
from deploy_project.runs.model.run_facts import CodeFacts, RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Between, Wanted

ENDED = frozenset({Status.SUCCESS, Status.ERROR, Status.CANCELLED})
_HISTORY = 50
"""So many runs of a job before one are looked at."""
_COMMITS = 11
_PAGE = 1_000
_SAME_END = timedelta(seconds=1)
"""Dagster may have the end of a run a moment before or after another's of the same job."""


@dataclass
class Reading:
    """The reads for the messages of one tick; each history is read once."""

    deployment: Deployment
    state: StateDirectory
    runs: Runs
    _past: dict[tuple[str, int | None], list[PastRun]] = field(
        default_factory=dict[tuple[str, int | None], list[PastRun]], init=False
    )
    _medians: dict[str, float | None] = field(default_factory=dict[str, float | None], init=False)
    _scrubbers: dict[str, Scrubber] = field(default_factory=dict[str, Scrubber], init=False)
    _owners: dict[str, Owners] = field(default_factory=dict[str, Owners], init=False)

    def look_back(self, ended: Sequence[PastRun]) -> None:
        """Read the history of all jobs that `ended` has runs of, and their medians."""
        self._medians |= dict.fromkeys({each.job for each in ended})
        self._medians |= self.runs.median_seconds(list(self._medians)) if ended else {}
        groups: dict[tuple[str, int | None], int] = {}
        for each in ended:
            key = (each.job, each.pull_request)
            groups[key] = groups.get(key, 0) + 1
        for key, count in groups.items():
            self._past[key] = self._before(*key, until=None, limit=_HISTORY + count)

    def facts(self, run: PastRun, *, is_late: bool) -> RunFacts | None:
        """Return the facts of a run; None for those that are to be waited for."""
        try:
            facts = self.runs.facts(run.id)
        except ArtifactError:
            facts = None
        return without_facts(run) if facts is None and is_late else self.shown(facts)

    def shown(self, facts: RunFacts | None) -> RunFacts | None:
        """Return the facts without rows where the environment does not show them any more."""
        if facts is None or not facts.rows:
            return facts
        environment = self.deployment.environments.get(facts.environment)
        is_shown = environment is not None and environment.show_rows
        return facts if is_shown else replace(facts, rows={})

    def history(self, run: PastRun) -> list[PastRun]:
        """Return the runs of a job, or of its pull request, before `run`; the newest first."""
        key, until = (run.job, run.pull_request), (run.ended_at or run.created_at, run.id)
        past = self._past.get(key)
        if past is None:
            past = self._before(*key, until=until[0] + _SAME_END, limit=_HISTORY)
        return [each for each in past if (each.ended_at or each.created_at, each.id) < until]

    def _before(
        self, job: str, pull_request: int | None, *, until: datetime | None, limit: int
    ) -> list[PastRun]:
        wanted = Wanted(
            jobs={job},
            statuses=ENDED,
            pull_request=pull_request,
            finished=Between(None, until),
        )
        found = self.runs.page(wanted, limit=limit, order="finished").runs
        return [
            each
            for each in found
            if each.pull_request == pull_request and (pull_request or not each.unpublished)
        ]

    def concluded(self, past: Sequence[PastRun], *, needs_reason: bool) -> list[Concluded]:
        """Return the ends of earlier runs, the last one with its reasons when they are needed."""
        found = [end_of(each) for each in past]
        last = next((i for i, each in enumerate(found) if each.outcome != "cancelled"), None)
        if needs_reason and last is not None:
            facts = self.facts(past[last], is_late=False)
            if facts is not None:
                found[last] = concluded(facts)
        return found

    def subject(self, facts: RunFacts) -> Subject:
        """Return the names of a run for the globs of rules; its job may be gone."""
        job = self.deployment.jobs.get(facts.job)
        of_pull_request = facts.pull_request is not None
        if job is not None:
            return subject(job, of_pull_request=of_pull_request)
        identifier = facts.job.partition("__")[2]
        return Subject(facts.job, identifier, facts.environment, facts.project, of_pull_request)

    def message(self, facts: RunFacts, told: Told, past: Sequence[PastRun]) -> Message:
        """Return the message on the end of a run, without secrets."""
        job = self.deployment.jobs.get(facts.job)
        return message(facts, told, self._known(facts, job, past)).scrubbed(self._scrub(job))

    def owner_message(self, part: Part, past: Sequence[PastRun], *, goes_on: bool) -> Message:
        """Return the message to an owner on its part of a run, without secrets."""
        job = self.deployment.jobs.get(part.facts.job)
        known = self._known(part.facts, job, past)
        return owner_message(part, known, goes_on=goes_on).scrubbed(self._scrub(job))

    def owners(self, environment: str) -> Owners:
        """Return the owners in the deployed manifest of an environment; none where that is gone.

        No other manifest is asked: whoever can open a pull request could name anybody.
        """
        if environment not in self._owners:
            self._owners[environment] = Owners(self._deployed_manifest(environment))
        return self._owners[environment]

    def _deployed_manifest(self, environment: str) -> Mapping[str, Any]:
        of = self.deployment.environments.get(environment)
        at = pointer.deployed(self.state, environment)
        if of is None or at is None:
            return {}
        try:
            return pointer.shown_manifest(self.state, of, at)
        except DeployError:
            return {}

    def last(self, past: Sequence[PastRun]) -> RunFacts | None:
        """Return the facts of the last of earlier runs that was not cancelled; None without any."""
        last = next((each for each in past if each.status is not Status.CANCELLED), None)
        return None if last is None else self.facts(last, is_late=False)

    def _known(self, facts: RunFacts, job: Job | None, past: Sequence[PastRun]) -> Known:
        if facts.job not in self._medians:
            self._medians[facts.job] = self.runs.median_seconds({facts.job}).get(facts.job)
        # The first success of a job is the only one that its own median is made of.
        has_succeeded = any(each.status is Status.SUCCESS for each in past)
        return Known(
            job_title=job.title if job is not None else "",
            run_page=self.deployment.run_page(facts.run_id),
            commit_page=self._commit_page(facts),
            median_seconds=self._medians[facts.job] if has_succeeded else None,
            commits=self._commits(facts, past),
        )

    def _commit_page(self, facts: RunFacts) -> str:
        project = self.deployment.projects.get(facts.project)
        if facts.code is None or project is None:
            return ""
        return commit_url(project.hosting, facts.code.commit)

    def _commits(self, facts: RunFacts, past: Sequence[PastRun]) -> list[tuple[str, str, str]]:
        """Return the commits since the last success; none where that, or one of both, is gone."""
        project = self.deployment.projects.get(facts.project)
        success = next((each for each in past if each.status is Status.SUCCESS), None)
        if facts.code is None or project is None or success is None:
            return []
        earlier, later = success.commit, facts.code.commit
        found = between(project, self.state, earlier=earlier, later=later, limit=_COMMITS)
        return [(commit, each.subject, each.author) for commit, each in found]

    def _scrub(self, job: Job | None) -> Callable[[str], str]:
        """Return the scrubbing of all secrets that a run of a job may have seen."""
        name = job.name if job is not None else ""
        if name not in self._scrubbers:
            self._scrubbers[name] = self._scrubber(job)
        return self._scrubbers[name].text

    def _scrubber(self, job: Job | None) -> Scrubber:
        if job is not None:
            try:
                return given(job.environment, job).scrubber
            except ConfigError:  # a secret is missing; what can be read is hidden
                return Scrubber([*revealed(job.environment.withheld), *store_credentials()])
        secrets = {s for each in self.deployment.environments.values() for s in each.withheld}
        return Scrubber([*revealed(secrets), *store_credentials()])


def end_of(run: PastRun) -> Concluded:
    """Return the end of a run as lists show it."""
    kinds: dict[Status, Outcome] = {Status.SUCCESS: "success", Status.CANCELLED: "cancelled"}
    outcome = kinds.get(run.status, "failure")
    if outcome == "success" and run.has_warnings:
        outcome = "warning"
    return Concluded(outcome, run.ended_at or run.created_at)


def ended_since(runs: Runs, since: datetime) -> Iterator[tuple[PastRun, datetime]]:
    """Yield the runs that have ended since then, and their ends, in this order."""
    wanted = Wanted(statuses=ENDED, finished=Between(since, None))
    offset, total = 0, 1
    while offset < total:
        page = runs.page(wanted, limit=_PAGE, offset=offset, order="finished", ascending=True)
        yield from ((each, each.ended_at) for each in page.runs if each.ended_at is not None)
        offset, total = offset + _PAGE, page.total


def without_facts(run: PastRun) -> RunFacts:
    """Return the few facts that Dagster's record has of a run."""
    at = run.ended_at or run.created_at
    failed = tuple(filter(None, run.failed_steps.split(", ")))
    return RunFacts(
        run_id=run.id,
        number=run.number,
        job=run.job,
        job_id=run.job_id or 0,
        environment=run.environment,
        project=run.project,
        status=run.status,
        reason="" if run.status is Status.SUCCESS else "No facts of this run were kept.",
        trigger=run.trigger.category,
        cause=run.trigger.cause,
        who=run.who,
        created_at=run.created_at,
        started_at=run.started_at or at,
        finished_at=at,
        code=CodeFacts(run.commit, run.branch) if run.commit else None,
        pull_request=run.pull_request,
        failed_steps=failed,
    )
