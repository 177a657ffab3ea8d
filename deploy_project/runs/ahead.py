"""What the process of a run does while Dagster is still getting ready for it."""

from deploy_project.config.deployment import Job
from deploy_project.dbt import children
from deploy_project.dbt.installation import beside


def start_dbt(job: Job) -> None:
    """Have dbt imported meanwhile, unless `job` is run by another dbt than the one beside us."""
    found = beside(job.dbt_version or job.environment.dbt_version)
    if found is not None:
        children.start_ahead(found.python)
