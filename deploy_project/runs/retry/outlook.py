"""The outlook of a retry, from the facts of the run alone: cheap enough for lists (RTY-3); pure."""

from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError
from deploy_project.runs.model import overrides
from deploy_project.runs.model.plan import steps
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.step_files import skipped
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.retry.refusal import Past, Reason, refusal, remaining

_RESULTS = ("previous/run_results.json", "target/run_results.json")


def may_be_retried(run: PastRun) -> bool:
    """Return whether the facts of a run are worth a look: it has failed, and nothing came since."""
    return run.status is Status.ERROR and run.is_latest


def why_not(run: PastRun, facts: RunFacts | None, deployment: Deployment) -> Reason | None:
    """Return dbt Cloud's reason why a run can't be retried from its failure; None when it can.

    A cancelled run has not failed (RTY-1), though a retry that is asked for goes on from it.

    `facts` are needed only where it `may_be_retried`.
    """
    if run.status is not Status.ERROR:
        return "RETRY_NOT_FAILED_RUN"
    if not run.is_latest:
        return "RETRY_NOT_LATEST_RUN"
    job = deployment.jobs.get(run.job)
    if job is None or facts is None:
        return "RETRY_NO_RUN_RESULTS"
    try:
        job = overrides.read(run.asked.overrides).applied(job)
    except ConfigError:  # of another version, or for what this one refuses
        return "RETRY_NO_RUN_RESULTS"
    chain = steps(job)
    known = {each.directory: each for each in facts.steps}
    records = [known.get(each.directory) or skipped(each) for each in chain]
    left = remaining(chain, records)
    files = {each.path for each in facts.artifacts}
    has_results = bool(left) and any(f"{left[0].directory}/{each}" in files for each in _RESULTS)
    refused = refusal(Past(run.id, run.status, chain, records, has_results, latest=run.id))
    return refused.reason if refused is not None else None
