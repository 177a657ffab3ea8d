"""`deploy-project retry`: starts a run that goes on where another one has failed."""

import shlex
from argparse import Namespace
from collections.abc import Sequence

from deploy_project.cli.commands.run import start
from deploy_project.cli.context import loaded, past_runs
from deploy_project.config.environment import person
from deploy_project.config.values.named import named_job
from deploy_project.errors import LaunchError
from deploy_project.runs.requests import retries
from deploy_project.runs.requests.by_hand import refuse_off
from deploy_project.runs.retry import refusal
from deploy_project.runs.retry.refusal import Past
from deploy_project.runs.retry.remaining_nodes import selected_words


def retry_run(
    name: str, *, from_start: bool, same_commit: bool, select: Sequence[str], wait: bool
) -> int:
    """Start a run that retries the run `name`; with `wait`, return 0 or 1 as it ends.

    Raises `LaunchError` with dbt Cloud's reason when it has no failure to go on from.
    """
    found, deployment = loaded()
    if select:
        selected_words(shlex.join(select))  # refuses options
    with past_runs(found, deployment) as known:
        run = known.find(name)
        job = named_job(deployment, run.job)
        if not from_start:
            print(outlook(retries.past(known, run.id, job, deployment, found.state)))
        refuse_off(job)
        asked = retries.retry(
            *(known.instance, run.id),
            who=person(),
            from_start=from_start,
            same_commit=same_commit,
            select=select,
        )
    return start(job, asked, found, deployment, wait=wait)


def outlook(past: Past) -> str:
    """Return the steps of a retry in words; raise `LaunchError` when there can be none."""
    refused = refusal.refusal(past)
    if refused is not None and refused.reason != "RETRY_NOT_LATEST_RUN":
        raise LaunchError(f"{refused.reason}: {refused.sentence}")
    failed, *then = refusal.remaining(past.steps, past.records)
    again = refusal.repeated(past.steps, past.records)
    lines = [f"Doing step {step.index} again: {step.name}" for step in again]
    lines += [f"Going on with step {failed.index} of run {past.run_id}: {failed.name}"]
    lines += [f"  then step {step.index}: {step.name}" for step in then]
    if refused is not None:
        lines.append(f"Note: {refused.sentence}")
    return "\n".join(lines)


def act(given: Namespace) -> int:
    """Carry out `retry` as it was given on the command line; return the exit code."""
    if given.from_start and given.select:
        given.refuse("--select narrows the failed command, which --from-start runs whole")
    return retry_run(
        given.run,
        from_start=given.from_start,
        same_commit=given.same_commit,
        select=given.select,
        wait=given.wait,
    )
