"""`deploy-project retry`: start a run that goes on where another one has failed."""

import shlex
from collections.abc import Sequence

from deploy_project.cli.context import loaded
from deploy_project.cli.names import named_job
from deploy_project.cli.run import start
from deploy_project.errors import LaunchError
from deploy_project.runs import history, retry, retrying
from deploy_project.runs.listing import selected_words
from deploy_project.runs.retry import Past


def retry_run(
    name: str, *, from_start: bool, same_commit: bool, select: Sequence[str], wait: bool
) -> int:
    """Start a run that retries the run `name`; with `wait`, return 0 or 1 as it ends.

    Raises `LaunchError` with dbt Cloud's reason when it has no failure to go on from.
    """
    found, deployment = loaded()
    if select:
        selected_words(shlex.join(select))  # refuses options
    with history.opened() as instance:
        run = history.find(instance, name)
        job = named_job(deployment, run.job)
        if not from_start:
            print(outlook(retrying.past(instance, run.id, job, deployment, found.state)))
        tags = retrying.retry_tags(
            *(instance, run.id), from_start=from_start, same_commit=same_commit, select=select
        )
    return start(job, tags, found, deployment, wait=wait)


def outlook(past: Past) -> str:
    """Return what the retry of a run will do; raise `LaunchError` when there can be none."""
    refused = retry.refusal(past)
    if refused is not None and refused.reason != "RETRY_NOT_LATEST_RUN":
        raise LaunchError(f"{refused.reason}: {refused.sentence}")
    failed, *then = retry.remaining(past.steps, past.records)
    again = retry.repeated(past.steps, past.records)
    lines = [f"Doing step {step.index} again: {step.name}" for step in again]
    lines += [f"Going on with step {failed.index} of run {past.run_id}: {failed.name}"]
    lines += [f"  then step {step.index}: {step.name}" for step in then]
    if refused is not None:
        lines.append(f"Note: {refused.sentence}")
    return "\n".join(lines)
