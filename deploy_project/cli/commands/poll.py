"""`deploy-project ci poll`: has sensors ask for pull requests at their next tick."""

from argparse import Namespace

from deploy_project.ci.pulls import bell
from deploy_project.cli.context import loaded
from deploy_project.errors import ConfigError


def poll(project: str | None) -> int:
    """Ring the bell of one project, or of all that have jobs for pull requests."""
    found, deployment = loaded()
    wanted = [each.name for each in bell.projects(deployment)] if project is None else [project]
    if not wanted:
        raise ConfigError("no job is started by pull requests: give one of them `job_type: ci`")
    for each in wanted:
        bell.ask_now(deployment, found.state, each)
        print(f"{each}: Dagster's daemon asks for its pull requests at the next tick")
    return 0


def act(given: Namespace) -> int:
    """Carry out `ci poll` as it was given on the command line; return the exit code."""
    return poll(given.project)
