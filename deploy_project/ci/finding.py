"""Where the pull requests of a project are found."""

from collections.abc import Iterable, Mapping

from deploy_project.config.deployment import Environment, Job, Project
from deploy_project.config.state import StateDirectory
from deploy_project.git import remote
from deploy_project.git.pull_refs import PullRequestReferences
from deploy_project.git.pulls import PullRequests


def finder(
    project: Project, environments: Iterable[Environment], state: StateDirectory
) -> PullRequests:
    """Return the place that knows the open pull requests into the branches of `environments`."""
    bases = frozenset(each.ref for each in environments if each.tag is None)
    return PullRequestReferences(state, bases)


def ci_jobs(project: Project, jobs: Mapping[str, Job]) -> list[Job]:
    """Return the jobs that the project's pull requests start."""
    found = (job for job in jobs.values() if job.environment.project == project)
    return [job for job in found if job.on_pull_request]


def base_branches(environments: Iterable[Environment]) -> dict[str, str]:
    """Return the branch that each environment deploys; the remote tells its default branch.

    One that deploys a tag has none. Raises `RemoteError` when the remote can't be asked.
    """
    return {
        each.name: each.branch or remote.head(each).branch
        for each in environments
        if each.tag is None
    }
