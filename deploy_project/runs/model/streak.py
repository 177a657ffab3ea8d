"""The count of a job's failed runs in a row, and its definition's fingerprint; pure (JOB-12)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from deploy_project.config.values.deployment import Job
from deploy_project.runs.model.status import Status


@dataclass(frozen=True)
class Attempt:
    """One run of a job, as far as it counts for the streak."""

    status: Status
    definition: str
    """The fingerprint of its job when it ran; empty for a run without that tag."""
    reactivates: bool = False
    """Whether somebody has started it while the job was deactivated."""
    is_of_other_code: bool = False
    """Whether its commit was not in the history of its environment's branch."""


def fingerprint(job: Job) -> str:
    """Return a hash that changes whenever the job, its environment or its project is reconfigured.

    Of secrets it has only the places, and nothing of keys that are dbt Cloud's alone and change
    nothing here. A newer version of this package may make another one.
    """
    effective = replace(job, cost_optimization_features=())
    return hashlib.sha256(repr(effective).encode()).hexdigest()[:12]


def failures(newest_first: Iterable[Attempt], *, definition: str, enough: int) -> int:
    """Return the number of failed runs since the last success, at most `enough`.

    Cancelled runs, those that have not ended and those of other code count for nothing. The count
    begins again where the job had another definition, and where somebody has reactivated it.
    """
    count = 0
    for run in newest_first:
        if run.is_of_other_code:
            if run.reactivates:
                break
            continue
        ended = run.status.has_ended
        if run.status is Status.SUCCESS or (ended and run.definition != definition):
            break
        count += run.status is Status.ERROR
        if run.reactivates or count == enough:
            break
    return count
