"""Which jobs the end of a run starts; pure (TRG-5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploy_project.config.deployment import Job

STATUSES = {10: "succeeded", 20: "failed", 30: "was cancelled"}


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    run_id: str
    job: str
    """The `name` of its `Job`."""
    status: int
    """10 is success, 20 error, 30 cancelled."""


@dataclass(frozen=True)
class Start:
    """Start `job` because a run of its parent has ended."""

    job: str
    parent: Ended

    @property
    def key(self) -> str:
        """Names this start and no other, so that it happens once however often it is decided."""
        return f"{self.job}:{self.parent.run_id}"

    @property
    def cause(self) -> str:
        """Why, in words."""
        how = STATUSES[self.parent.status]
        return f"Job {self.parent.job} {how} in run {self.parent.run_id}"


def starts(jobs: Iterable[Job], ended: Iterable[Ended]) -> Iterator[Start]:
    """Yield what the ends of runs start, in the order in which they have ended."""
    waiting = [job for job in jobs if job.completion is not None]
    for run in ended:
        for job in waiting:
            wanted = job.completion
            assert wanted is not None
            if wanted.job == run.job and run.status in wanted.statuses:
                yield Start(job.name, run)
