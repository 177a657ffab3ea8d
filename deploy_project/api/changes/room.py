"""The room in the file of the API's jobs: no project takes all of it; pure."""

from collections.abc import Mapping
from typing import Any

from deploy_project.config.values.deployment import Deployment
from deploy_project.config.writing.quoted_yaml import quoted_yaml

Entries = dict[str, dict[str, Any]]
"""The entries of the jobs file by identifier, in their order."""


def has_room(
    deployment: Deployment,
    identifier: str,
    *,
    before: Entries,
    after: Entries,
    most: int,
) -> bool:
    """Whether a change of the job `identifier` may be written to a file of `most` bytes.

    The jobs of a project grow only as long as they take no more than what is left free: whoever
    floods one project leaves room to all others. A change that makes nothing larger may always be.
    """
    total = _size(after)
    if total <= _size(before):
        return True
    own = _size(_of_project(deployment, after, _project(deployment, after[identifier])))
    share = most if len(deployment.projects) == 1 else most - total
    return total <= most and own <= share


def _of_project(deployment: Deployment, entries: Entries, project: str) -> Entries:
    return {name: each for name, each in entries.items() if _project(deployment, each) == project}


def _project(deployment: Deployment, entry: Mapping[str, Any]) -> str:
    found = (
        each.project.name
        for each in deployment.environments.values()
        if each.id == entry.get("environment_id")
    )
    return next(found, "")


def _size(entries: Entries) -> int:
    return len(quoted_yaml({"jobs": entries}).encode("utf-8", "surrogatepass"))
