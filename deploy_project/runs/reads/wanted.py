"""The filter of a read of runs: by job, state, code, time and more; pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun


@dataclass(frozen=True)
class Between:
    """A range of time; both ends belong to it, and None is open."""

    first: datetime | None = None
    last: datetime | None = None

    def has(self, moment: datetime | None) -> bool:
        """Whether `moment` is in it; a missing one only where both ends are open."""
        if moment is None:
            return self.first is None and self.last is None
        return (self.first is None or self.first <= moment) and (
            self.last is None or moment <= self.last
        )


ANY_TIME = Between()


@dataclass(frozen=True)
class Wanted:
    """Runs of deployment jobs that have all of this; None stands for any."""

    jobs: Collection[str] | None = None
    """Other jobs of Dagster may be among them, too."""
    job_ids: Collection[int] | None = None
    projects: Collection[str] | None = None
    environments: Collection[str] | None = None
    statuses: Collection[Status] | None = None
    triggers: Collection[str] | None = None
    numbers: Collection[int] | None = None
    dbt_versions: Collection[str] | None = None
    commit: str | None = None
    """A full id."""
    branch: str | None = None
    pull_request: int | None = None
    deferred_to: str | None = None
    """The id of the run whose state they have deferred to."""
    has_warnings: bool | None = None
    has_docs: bool | None = None
    has_sources: bool | None = None
    repeats: str | None = None
    """The id of the run that they are reruns of."""
    created: Between = ANY_TIME
    finished: Between = ANY_TIME

    @property
    def needs_facts(self) -> bool:
        """Whether Dagster's record does not suffice to tell."""
        asked = (self.dbt_versions, self.deferred_to, self.has_docs, self.has_sources)
        return any(each is not None for each in (*asked, self.has_warnings))

    @property
    def may_have_ended(self) -> bool:
        """Whether runs that have ended can be among them."""
        return self.statuses is None or any(each.has_ended for each in self.statuses)

    def takes(self, run: PastRun) -> bool:
        """Whether `run` is one of them."""
        several: tuple[tuple[Collection[object] | None, object], ...] = (
            (self.jobs, run.job),
            (self.job_ids, run.job_id),
            (self.projects, run.project),
            (self.environments, run.environment),
            (self.statuses, run.status),
            (self.triggers, run.trigger.category),
            (self.numbers, run.number),
            (self.dbt_versions, run.dbt_version),
        )
        one: tuple[tuple[object, object], ...] = (
            (self.commit, run.commit),
            (self.branch, run.branch),
            (self.pull_request, run.pull_request),
            (self.deferred_to, run.deferred_to),
            (self.has_warnings, run.has_warnings),
            (self.has_docs, run.has_docs),
            (self.has_sources, run.has_sources),
            (self.repeats, run.repeats),
        )
        return (
            (run.is_ours or self.jobs is not None)
            and all(wanted is None or value in wanted for wanted, value in several)
            and all(wanted is None or value == wanted for wanted, value in one)
            and self.created.has(run.created_at)
            and self.finished.has(run.ended_at)
        )


EVERY = Wanted()
