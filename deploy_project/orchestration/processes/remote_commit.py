"""Prepares deployed commits for a run by hand on a machine without the code server's files."""

from collections.abc import Callable, Collection, Mapping

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.releases import pointer
from deploy_project.releases.pointer import Pointer
from deploy_project.releases.prepare import prepare


def restored(
    deployment: Deployment,
    state: StateDirectory,
    pointers: Mapping[str, str],
    selected: Callable[[], Collection[dg.AssetKey]],
) -> dict[str, str]:
    """Prepare the deployed commits of the assets `selected`, where their files are not here.

    Returns `pointers`, updated for the prepared commits; nothing is deployed. Raises a
    `DeployError` when a commit can't be had. Only for the process of a run: it asks the remote,
    and dbt.
    """
    missing = {
        name: at
        for name, text in pointers.items()
        if (at := Pointer.parse(text)) is not None and not _is_here(deployment, state, name, at)
    }
    wanted = {key.path[0] for key in selected()} if missing else set[str]()
    made = {
        name: prepare(deployment, deployment.environments[name], at.commit, state, on_line=print)
        for name, at in missing.items()
        if name in wanted
    }
    return {**pointers, **{name: str(each) for name, each in made.items()}}


def _is_here(deployment: Deployment, state: StateDirectory, name: str, at: Pointer) -> bool:
    environment = deployment.environments.get(name)
    if environment is None:  # it has been taken out of the configuration
        return True
    return pointer.is_whole(state, environment.project, at)
