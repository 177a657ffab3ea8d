"""The places to ask for a project's pull requests, and the jobs and environments they concern."""

from collections.abc import Callable, Iterable

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project
from deploy_project.git import remote
from deploy_project.git.hosts.finder import pull_requests
from deploy_project.git.pull_refs import PullRequestReferences
from deploy_project.git.pulls import PullRequests

Finders = Callable[[Project], PullRequests]
"""Gives the place that knows a project's pull requests."""


def finders(deployment: Deployment, state: StateDirectory) -> Finders:
    """Return a function that gives the place to ask for the pull requests of a project."""

    def ask(project: Project) -> PullRequests:
        environments = ci_environments(project, deployment)
        return finder(project, environments or deployment.environments_of(project), state)

    return ask


def finder(
    project: Project, environments: Iterable[Environment], state: StateDirectory
) -> PullRequests:
    """Return the place that knows the open pull requests into the branches of `environments`.

    That is the hosting's API when it has a token, unless references are asked for.
    """
    api = pull_requests(project) if project.pull_requests.refs is None else None
    bases = frozenset(each.ref for each in environments if each.tag is None)
    return api or PullRequestReferences(state, bases)


def ci_jobs(project: Project, deployment: Deployment) -> list[Job]:
    """Return the jobs that the project's pull requests start."""
    return [job for job in deployment.jobs_of(project) if job.on_pull_request]


def ci_environments(project: Project, deployment: Deployment) -> list[Environment]:
    """Return the environments that the project's pull requests build in."""
    jobs = (job for job in deployment.jobs_of(project) if job.builds_pull_requests)
    return list({job.environment.name: job.environment for job in jobs}.values())


def base_branches(environments: Iterable[Environment]) -> dict[str, str]:
    """Return the branch that each environment deploys; the remote tells its default branch.

    One that deploys a tag has none. Raises `RemoteError` when the remote can't be asked.
    """
    return {
        each.name: each.branch or remote.head(each).branch
        for each in environments
        if each.tag is None
    }
