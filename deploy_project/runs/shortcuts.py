"""What makes the process of a run shorter, before its first step and after its last one."""

import atexit
import gc

from deploy_project.config.deployment import Job
from deploy_project.dbt import children
from deploy_project.dbt.installation import beside


def start_dbt(job: Job) -> None:
    """Have dbt imported meanwhile, unless `job` is run by another dbt than the one beside us."""
    found = beside(job.dbt_version or job.environment.dbt_version)
    if found is not None:
        children.start_ahead(found.python)


def end_at_once() -> None:
    """Have this process end without looking for what it no longer needs: all of it goes anyway."""
    atexit.register(gc.freeze)
