"""Names of ops, unique in the code location and different from the names of jobs."""

import re
from collections.abc import Collection

from deploy_project.config.values.deployment import Environment


def op_of_environment(environment: Environment, purpose: str) -> str:
    """Return the name of an op that serves one environment; no job has it.

    A job's name has `__` between its environment and its identifier.
    """
    name = environment.name.replace("-", "_")
    if "__" in f"{name}_":
        name = f"{re.sub('_+', '_', name).strip('_')}_{environment.id}"
    return f"{name}_{purpose}"


def op_of_job(job_name: str, part: str, *, jobs: Collection[str]) -> str:
    """Return the name of an op that is a part of one job; none of `jobs` has it.

    People may call a job `a__dbt_build` beside their job `a`. No part has `__` in it or `_` at its
    end, so that parts of different jobs have different names.
    """
    name = f"{job_name}__{part}"
    while name in jobs:
        name += "_"
    return name
