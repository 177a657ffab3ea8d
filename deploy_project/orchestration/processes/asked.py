"""The request of a run, handed down by its launcher, to choose its dbt before importing Dagster."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from deploy_project.config.values.deployment import Deployment, Job

VARIABLE = "DEPLOY_RUN_REQUEST"
"""The variable with the tags and the configuration of the run that a process executes."""
LARGEST = 1 << 16
"""The characters that it may have: systems limit variables, and such a run begins without."""


class Asked(Protocol):
    """The request of a run, as Dagster has it."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        ...

    @property
    def run_config(self) -> Mapping[str, Any]:
        """Its configuration."""
        ...


def told(run: Asked) -> str:
    """Return the request of a run as text, for `job_of`."""
    return json.dumps({"tags": dict(run.tags), "run_config": run.run_config})


def variables(run: Asked) -> dict[str, str]:
    """Return the variable for the process of a run; none for a run of very long steps."""
    text = told(run)
    return {VARIABLE: text} if len(text) <= LARGEST else {}


def job_of(job_name: str, request: str | None, deployment: "Deployment") -> "Job | None":
    """Return the deployment's job that a run of Dagster's job is one of, with its overrides.

    `request` is what `told` has returned, if it is known. None where that does not suffice to
    tell, and for a run that will be refused.
    """
    # The launcher imports this module, in processes that know nothing of the deployment.
    from deploy_project.errors import ConfigError
    from deploy_project.runs.model import overrides

    found: Any = json.loads(request) if request else {}
    run_config, tags = found.get("run_config", {}), found.get("tags", {})
    job = overrides.job_of(job_name, tags, run_config, deployment)
    if job is None:
        return None
    with suppress(ConfigError):  # its first step tells
        return overrides.of_config(run_config).applied(job)
    return None
