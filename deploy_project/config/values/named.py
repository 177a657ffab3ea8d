"""Finds the jobs and environments that people name; pure."""

import difflib
from collections.abc import Collection, Iterable

from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.config.values.notifications import Channel
from deploy_project.errors import ConfigError


def named_job(deployment: Deployment, name: str) -> Job:
    """Return the job called `name`, the name of its Dagster job or its identifier alone.

    Raises `ConfigError` when there is none, or when several environments have one.
    """
    jobs = deployment.jobs
    if name in jobs:
        return jobs[name]
    found = [job for job in jobs.values() if job.identifier == name]
    if not found:
        raise _unknown("job", name, jobs, also=[job.identifier for job in jobs.values()])
    if len(found) > 1:
        names = ", ".join(job.name for job in found)
        raise ConfigError(f"several jobs are called {name!r}: write one of {names}")
    return found[0]


def named_environments(deployment: Deployment, names: Iterable[str]) -> list[Environment]:
    """Return the environments called `names`, or all; raise `ConfigError` for an unknown one."""
    environments = deployment.environments
    for name in names:
        if name not in environments:
            raise _unknown("environment", name, environments)
    return [environments[name] for name in dict.fromkeys(names)] or list(environments.values())


def named_project(deployment: Deployment, name: str) -> str:
    """Return `name` if a project is called so; raise `ConfigError` for an unknown one."""
    if name not in deployment.projects:
        raise _unknown("project", name, deployment.projects)
    return name


def named_channel(deployment: Deployment, name: str) -> Channel:
    """Return the channel called `name`; raise `ConfigError` for an unknown one."""
    if name not in deployment.channels:
        raise _unknown("channel", name, deployment.channels)
    return deployment.channels[name]


def _unknown(
    what: str, name: str, known: Collection[str], *, also: Collection[str] = ()
) -> ConfigError:
    close = difflib.get_close_matches(name, [*known, *also], n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(known) or "none"
    return ConfigError(f"there is no {what} {name!r}; {meant}known: {listed}")
