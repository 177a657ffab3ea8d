"""Jobs that no trigger starts: they are off, or have failed again and again (JOB-12)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import dagster as dg

from deploy_project.config.values.deployment import Job
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.streak import Attempt, failures, fingerprint
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.reads.dagster_runs import tagged

BANNER = (
    "Job has been deactivated due to repeated run failures. To reactivate, verify the job is "
    "configured properly and run manually or reenable any trigger"
)
_FIRST_PAGE = 5  # most jobs have succeeded lately
_PAGE = 100


def deactivated(instance: dg.DagsterInstance, job: Job) -> str | None:
    """Return why nothing but people may start `job` now; None when triggers may, too."""
    return _message(job, _attempts(instance, job))


def held_back(instance: dg.DagsterInstance, job: Job) -> str | None:
    """Return why triggers must not start `job` now; None when they may."""
    return job.why_off or deactivated(instance, job)


def startable(
    instance: dg.DagsterInstance, jobs: Mapping[str, Job], wanted: Sequence[dg.RunRequest]
) -> tuple[list[dg.RunRequest], list[str]]:
    """Return the requests for jobs that triggers may start, and why the others are not made."""
    why = {name: held_back(instance, jobs[name]) for name in {r.job_name or "" for r in wanted}}
    requests = [each for each in wanted if why[each.job_name or ""] is None]
    return requests, [f"{name}: {reason}" for name, reason in sorted(why.items()) if reason]


def deactivated_by(instance: dg.DagsterInstance, job: Job, run: dg.DagsterRun) -> str | None:
    """Return why triggers will not start `job` again after `run`, which has failed."""
    if _is_of_other_code(run):
        return None
    own = Attempt(Status.ERROR, fingerprint(job), _reactivates(run))
    return _message(job, chain([own], _attempts(instance, job, before=run.run_id)))


def reactivates(
    instance: dg.DagsterInstance, job: Job, run: dg.DagsterRun, trigger: Trigger
) -> bool:
    """Whether `run`, which is starting, makes a deactivated job an active one again."""
    by_somebody = trigger.category in ("ui", "api", "rerun") and tags.RETRY_NUMBER not in run.tags
    return by_somebody and deactivated(instance, job) is not None


def _message(job: Job, attempts: Iterator[Attempt]) -> str | None:
    limit = job.deactivate_after
    if not limit or failures(attempts, definition=fingerprint(job), enough=limit) < limit:
        return None
    return (
        f"{BANNER}. Its last {limit} runs have failed. Change the job or its environment in the "
        f"configuration, or run it by hand: `deploy-project run {job.name}`."
    )


def _attempts(
    instance: dg.DagsterInstance, job: Job, *, before: str | None = None
) -> Iterator[Attempt]:
    """Yield the runs of `job`, the newest first; those `before` a run when it is given."""
    cursor, limit = before, _FIRST_PAGE
    while True:
        found = tagged(instance, {tags.JOB: job.name}, limit=limit, cursor=cursor)
        for run in (record.dagster_run for record in found):
            definition = tags.current(run.tags).get(tags.DEFINITION, "")
            yield Attempt(
                Status.of(run.status), definition, _reactivates(run), _is_of_other_code(run)
            )
        if len(found) < limit:
            return
        cursor, limit = found[-1].dagster_run.run_id, _PAGE


def _is_of_other_code(run: dg.DagsterRun) -> bool:
    """Whether a commit has run that is not in the history of its environment's branch.

    CI jobs have pull requests as their code, and count them.
    """
    found = tags.current(run.tags)
    return found.get(tags.STRANGER) == "true" and tags.pull_request(found) is None


def _reactivates(run: dg.DagsterRun) -> bool:
    return tags.current(run.tags).get(tags.REACTIVATES) == run.run_id
