"""`deploy-project cancel`: cancels a run that waits or is in progress."""

from argparse import Namespace

from deploy_project.cli.context import loaded, past_runs
from deploy_project.runs.instance.launching import Dagster


def cancel(name: str) -> int:
    """Cancel the run that `name` names; one that has ended stays as it is (Q-8)."""
    found, deployment = loaded()
    with past_runs(found, deployment) as known:
        run = known.find(name)
        if run.status.has_ended:
            print(f"Run {run.id} had ended before: {run.status}")
            return 0
        Dagster.of(deployment, known.instance).cancel(run.id)
    print(f"Cancelling run {run.id} of {run.job}; `deploy-project logs {run.id[:8]}` shows its end")
    return 0


def act(given: Namespace) -> int:
    """Carry out `cancel` as it was given on the command line; return the exit code."""
    return cancel(given.run)
