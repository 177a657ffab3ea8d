"""The recently merged pull requests of a project, from the hosting's API."""

from typing import Any, cast

from deploy_project.config.values.deployment import Project
from deploy_project.git.hosts.access import access
from deploy_project.git.hosts.host import Merged


def merged_pull_requests(project: Project) -> list[Merged]:
    """Return the pull requests that were merged lately: those on one page, for one request.

    The hosting must be `reachable`. Raises `RemoteError`, or `ConfigError` when there is no token.
    """
    way = access(project)
    question = way.host.merged_pulls(way.repository)
    query = {**question.query, question.size_name: question.size}
    entries: Any = way.api.get(question.path, tag="", **query).data

    if not isinstance(entries, list):
        what = f"{way.host.name} answers with something that is no list"
        raise way.refusal.error(what, "check `hosting.kind` and `hosting.api_url`")
    found = [way.parsed(way.host.merged, entry) for entry in cast(list[Any], entries)]
    return [each for each in found if each is not None]
