"""`deploy-project deploy`: moves the deployed pointers by hand."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from deploy_project.cli.check.notes import notes
from deploy_project.cli.context import loaded
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.config.values.named import named_environments
from deploy_project.errors import ConfigError, DeployError, LaunchError
from deploy_project.git import remote
from deploy_project.git.mirror import full_commit
from deploy_project.releases import pointer, prepare


def deploy(names: Sequence[str], *, commit: str | None) -> int:
    """Deploy the heads of the environments' branches, or `commit`; return the exit code.

    One environment's failure does not stop the others.
    """
    found, deployment = loaded()
    environments = named_environments(deployment, names)
    wanted = full_commit(commit) if commit is not None else None
    found.state.prepare()
    failed = [each for each in environments if not _deployed(deployment, each, found.state, wanted)]
    if len(failed) < len(environments):
        _reload(deployment)
    return 1 if failed else 0


def _deployed(
    deployment: Deployment, environment: Environment, state: StateDirectory, commit: str | None
) -> bool:
    """Deploy to one environment, say how it went, and return whether it went well."""
    try:
        print(f"{environment.name}: {_deploy(deployment, environment, state, commit)}", flush=True)
        for note in notes(deployment, environment, state):
            print(f"  Note: {note}", flush=True)
    except DeployError as error:
        print(f"{environment.name}: not deployed: {error}", file=sys.stderr)
        return False
    return True


def _deploy(
    deployment: Deployment, environment: Environment, state: StateDirectory, commit: str | None
) -> str:
    if commit is None:
        head = remote.head(environment)
        wanted, what = head.commit, f"{head.commit} of {head.branch}"
    else:
        wanted = what = commit
    before = pointer.deployed(state, environment.name)
    ready = prepare.prepare(
        deployment, environment, wanted, state, on_line=lambda line: print(f"  {line}", flush=True)
    )
    prepare.deploy(deployment, environment, ready, state)
    if before == ready:
        return f"still at {what}"
    return f"deployed {what}" + (f", was at {before.commit}" if before else "")


def _reload(deployment: Deployment) -> None:
    """Have Dagster load the definitions again; one that can't be asked does when it starts."""
    from deploy_project.runs.instance.launching import Dagster  # with Dagster: a second to import

    try:
        Dagster.of(deployment).reload()
        print(f"Dagster at {deployment.dagster_url} has loaded the definitions again.")
    except (ConfigError, LaunchError) as error:
        print(f"Note: the definitions were not loaded again. {error}")


def act(given: Namespace) -> int:
    """Carry out `deploy` as it was given on the command line; return the exit code."""
    if given.commit is not None and len(given.environments) != 1:
        given.refuse("--commit needs exactly one ENV")
    return deploy(given.environments, commit=given.commit)
