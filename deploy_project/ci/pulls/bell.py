"""The bell of each project: a request to ask its remote and its site at the sensors' next ticks.

A webhook's receiver, a command or a script rings it. It says that there may be news, without
telling them: the sensor asks the site itself, and decides as it always does.
"""

import uuid

from deploy_project.ci.pulls.finders import ci_jobs
from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Project
from deploy_project.errors import ConfigError

_LONGEST = 100


def ask_now(deployment: Deployment, state: StateDirectory, project: str) -> None:
    """Ring the bell of `project`: the sensor asks for its pull requests anew at the next tick.

    Ring as often as there is news: a ring that is not heard yet stands for all of them. Dagster's
    daemon must see the same state directory. Raises `ConfigError` for a project without CI jobs,
    and `ArtifactError` when the state directory can't be written.
    """
    known = sorted(each.name for each in projects(deployment))
    if project not in known:
        names = ", ".join(map(repr, known)) or "none"
        raise ConfigError(
            f"project {project!r} has no job that pull requests start; those that have: {names}"
        )
    ring(state, project)


def ring(state: StateDirectory, project: str) -> None:
    """Ring the bell of `project`, for the sensors of merges and of pull requests.

    Raises `ArtifactError` when the state directory can't be written.
    """
    file = state.bell(project)
    with state.explained(f"ringing the bell of project {project!r}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        small_files.write_text(file, uuid.uuid4().hex)


def projects(deployment: Deployment) -> list[Project]:
    """Return the projects with jobs that pull requests start."""
    return [each for each in deployment.projects.values() if ci_jobs(each, deployment)]


def last_ring(state: StateDirectory, project: str) -> str:
    """Return the id of the last ring; empty when there was none."""
    try:
        return state.bell(project).read_text(encoding="utf-8")[:_LONGEST]
    except (OSError, ValueError):
        return ""
