"""The environment variables of a dbt run: the user's, and the built-in `DBT_CLOUD_…` ones."""

from collections.abc import Mapping
from typing import Literal

from deploy_project.config.values.deployment import Account, Environment, Job, Secret

ReasonCategory = Literal[
    "scheduled", "github_pull_request", "gitlab_merge_request", "azure_pull_request", "other"
]

RESERVED = frozenset(
    {
        "DBT_ENV",
        "DBT_CLOUD_ENVIRONMENT_NAME",
        "DBT_CLOUD_ENVIRONMENT_TYPE",
        "DBT_CLOUD_INVOCATION_CONTEXT",
        "DBT_CLOUD_PROJECT_ID",
        "DBT_CLOUD_JOB_ID",
        "DBT_CLOUD_RUN_ID",
        "DBT_CLOUD_ENVIRONMENT_ID",
        "DBT_CLOUD_ACCOUNT_ID",
        "DBT_CLOUD_RUN_REASON_CATEGORY",
        "DBT_CLOUD_RUN_REASON",
        "DBT_CLOUD_PR_ID",
        "DBT_CLOUD_GIT_SHA",
        "DBT_CLOUD_GIT_BRANCH",
    }
)
_NOTED = (
    *("DBT_CLOUD_ACCOUNT_ID", "DBT_CLOUD_PROJECT_ID", "DBT_CLOUD_ENVIRONMENT_ID"),
    *("DBT_CLOUD_JOB_ID", "DBT_CLOUD_RUN_ID"),
    *("DBT_CLOUD_RUN_REASON_CATEGORY", "DBT_CLOUD_RUN_REASON"),
)
_TYPES = {"production": "prod", "staging": "staging", "general": ""}


def variables(environment: Environment, job: Job | None = None) -> dict[str, str | Secret]:
    """Return the user's variables: the job's over the environment's over the project's.

    Names that dbt Cloud keeps for itself are left out, also where a run does not set them.
    https://docs.getdbt.com/docs/build/environment-variables
    """
    merged = {**environment.project.variables, **environment.variables}
    if job is not None:
        merged |= job.variables
    return {name: value for name, value in merged.items() if name not in RESERVED}


def built_in(
    *,
    account: Account,
    environment: Environment,
    job: Job | None,
    run_number: int,
    category: ReasonCategory,
    reason: str,
    pull_request_id: int | None = None,
    commit: str | None = None,
) -> dict[str, str]:
    """Return the variables that every run sets; they go over all of the user's.

    `DBT_CLOUD_PR_ID` and `DBT_CLOUD_GIT_SHA` (`commit`, the head of the pull request) are set
    for builds of pull requests only. `DBT_CLOUD_JOB_ID` is 0 where there is no job: a project that
    wants it without a default could not be parsed when it is deployed.
    https://docs.getdbt.com/docs/build/environment-variables#special-environment-variables
    """
    values = {
        "DBT_ENV": "prod",
        "DBT_CLOUD_ENVIRONMENT_NAME": environment.name,
        "DBT_CLOUD_ENVIRONMENT_TYPE": _TYPES[environment.type],
        "DBT_CLOUD_INVOCATION_CONTEXT": _context(environment, job),
        "DBT_CLOUD_PROJECT_ID": str(environment.project.id),
        "DBT_CLOUD_JOB_ID": str(job.id if job is not None else 0),
        "DBT_CLOUD_RUN_ID": str(run_number),
        "DBT_CLOUD_ENVIRONMENT_ID": str(environment.id),
        "DBT_CLOUD_ACCOUNT_ID": str(account.id),
        "DBT_CLOUD_RUN_REASON_CATEGORY": category,
        "DBT_CLOUD_RUN_REASON": reason,
    }
    if pull_request_id is not None:
        values["DBT_CLOUD_PR_ID"] = str(pull_request_id)
        if commit is not None:
            values["DBT_CLOUD_GIT_SHA"] = commit
    return values


def noted_in_artifacts(built_in: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that dbt copies to `metadata.env` of its artifacts, to name the run.

    Clients of dbt Cloud, dagster-dbt's sensor for one, find the run of an artifact there. dbt notes
    the variables that begin with `DBT_ENV_CUSTOM_ENV_`, without that.
    """
    return {f"DBT_ENV_CUSTOM_ENV_{name}": built_in[name] for name in _NOTED}


def _context(environment: Environment, job: Job | None) -> str:
    if job is not None and job.job_type == "ci":
        return "ci"
    return "staging" if environment.type == "staging" else "prod"
