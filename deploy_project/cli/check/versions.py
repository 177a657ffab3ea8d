"""`deploy-project check`: verifies the dbt versions that environments and jobs want."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.dbt.lint import sqlfluff
from deploy_project.dbt.processes.installation import verify
from deploy_project.errors import DbtError, LintError, VersionError


@dataclass(frozen=True)
class WantedVersion:
    """A version of dbt, and the adapter as far as deploy.yaml names it."""

    version: str | None
    adapter: str | None


def wanted(deployment: Deployment) -> Mapping[WantedVersion, list[str]]:
    """Return the keys that want each version; an adapter in a `profiles.yml` is not known."""
    found: dict[WantedVersion, list[str]] = {}
    for name, environment in deployment.environments.items():
        each = WantedVersion(environment.dbt_version, _adapter(environment))
        found.setdefault(each, []).append(f"environments.{name}")
    for job in deployment.jobs.values():
        if job.dbt_version is not None:
            each = WantedVersion(job.dbt_version, _adapter(job.environment))
            found.setdefault(each, []).append(f"jobs.{job.identifier}")
    return found


def _adapter(environment: Environment) -> str | None:
    named = {**(environment.connection or {}), **environment.extended_attributes}.get("type")
    return str(named) if named else None


def unverified(deployment: Deployment, state: StateDirectory) -> tuple[list[str], list[str]]:
    """Return a line for each version that can't be had, and for each that can't be verified now.

    Nothing is installed; the package index is asked for versions that are not installed yet.
    """
    wrong: list[str] = []
    unknown: list[str] = []
    linted = _linted(deployment)
    for each, places in wanted(deployment).items():
        try:
            verify(each.version, each.adapter, state)
            if each in linted and each.adapter is not None:
                sqlfluff.verify(each.version, each.adapter, state)
        except (DbtError, LintError) as error:
            told = f"{', '.join(places)}: {error}"
            is_known = not isinstance(error, DbtError) or each.version is None
            is_known = is_known or isinstance(error, VersionError)
            (wrong if is_known else unknown).append(told)
    return wrong, unknown


def _linted(deployment: Deployment) -> frozenset[WantedVersion]:
    """Return the versions that SQLFluff is wanted with, by jobs that lint."""
    jobs = (job for job in deployment.jobs.values() if job.run_lint)
    return frozenset(
        WantedVersion(job.dbt_version or job.environment.dbt_version, _adapter(job.environment))
        for job in jobs
    )
