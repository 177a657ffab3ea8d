"""Accounts, projects, environments, repositories and users as dbt Cloud's API has them; pure.

Keys of what this deployment has none of are there, and null: clients look for them.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from deploy_project.api.front.known import Known
from deploy_project.api.objects.humanized import with_t
from deploy_project.config.values.deployment import (
    Environment,
    Job,
    Project,
    Secret,
    production,
)
from deploy_project.config.values.tokens import Token
from deploy_project.git.command import without_credentials

ACTIVE = 1
"""The `state` of all that there is; 2 is deleted."""
NO_LIMIT = 1_000_000
"""Stands for run slots without a limit: clients compare with the number."""
NEWEST = "latest"
"""dbt Cloud's release track that means the environment's own dbt here."""
MASK = "**********"

Object = dict[str, Any]


def times(known: Known) -> Object:
    """Return the times of all that the files configure."""
    since = with_t(known.since)
    return {"created_at": since, "updated_at": since}


def account_object(known: Known) -> Object:
    """Return the account; seats and plans are those of no bill."""
    account = known.account
    return {
        "id": account.id,
        "name": account.name,
        "plan": "enterprise",
        "run_slots": account.run_slots if account.run_slots is not None else NO_LIMIT,
        "developer_seats": NO_LIMIT,
        "it_seats": NO_LIMIT,
        "explorer_seats": NO_LIMIT,
        "analyst_seats": NO_LIMIT,
        "read_only_seats": NO_LIMIT,
        "locked": False,
        "lock_reason": None,
        "lock_cause": None,
        "unlocked_at": None,
        "pending_cancel": False,
        "billing_email_address": None,
        "pod_memory_request_mebibytes": 0,
        "develop_pod_memory_request_mebibytes": 0,
        "run_duration_limit_seconds": 0,
        "queue_limit": NO_LIMIT,
        "enterprise_login_slug": None,
        "business_critical": False,
        "starter_repo_url": None,
        "git_auth_level": "team",
        "identifier": f"act_{account.id}",
        "trial_end_date": None,
        "static_subdomain": None,
        "vanity_subdomain": None,
        "run_locked_until": None,
        "state": ACTIVE,
        "docs_job_id": None,
        "freshness_job_id": None,
        "copilot_locked_until": None,
        "agent_credit_locked": False,
        "account_migration_events": [],
        "groups": [],
        **times(known),
    }


def project_object(project: Project, known: Known, related: frozenset[str] = frozenset()) -> Object:
    """Return a project; its docs and freshness jobs are those of production that do so."""
    jobs = _production_jobs(project, known)
    docs = next((job for job in jobs if job.generate_docs), None)
    freshness = next((job for job in jobs if job.run_generate_sources), None)
    return {
        "id": project.id,
        "name": project.name,
        "account_id": known.account.id,
        "description": "",
        "connection_id": None,
        "repository_id": project.id,
        "semantic_layer_config_id": None,
        "state": ACTIVE,
        "dbt_project_subdirectory": project.subdirectory or None,
        "docs_job_id": docs.id if docs is not None else None,
        "freshness_job_id": freshness.id if freshness is not None else None,
        "type": 0,
        **times(known),
        "connection": None,
        "environments": [],
        "repository": repository_object(project, known) if "repository" in related else None,
        "group_permissions": [],
        "docs_job": None,
        "freshness_job": None,
        "fusion_readiness": None,
        "default_version": NEWEST,
    }


def environment_object(
    environment: Environment, known: Known, related: frozenset[str] = frozenset()
) -> Object:
    """Return an environment as v2 has it."""
    project = environment.project
    repository = repository_object(project, known) if "repository" in related else None
    return {
        **_environment(environment, known),
        "repository_id": project.id,
        "dbt_project_subdirectory": project.subdirectory or None,
        "created_by_id": None,
        "repository": repository,
        "connection": None,
        "jobs": [],
        "custom_environment_variables": (
            variables(environment.variables, environment, known)
            if "custom_environment_variables" in related
            else []
        ),
    }


def environment_v3_object(
    environment: Environment, known: Known, related: frozenset[str] = frozenset()
) -> Object:
    """Return an environment as v3 has it."""
    project = environment.project
    return {
        **_environment(environment, known),
        "is_deferrable": True,
        "enable_model_query_history": False,
        "enable_dbt_state": False,
        "project": project_object(project, known) if "project" in related else None,
        "repository": repository_object(project, known) if "repository" in related else None,
        "connection": None,
        "primary_profile_id": None,
        "credentials": None,
        "fusion_readiness": None,
    }


def _environment(environment: Environment, known: Known) -> Object:
    branch = environment.branch or environment.tag
    return {
        "id": environment.id,
        "account_id": known.account.id,
        "project_id": environment.project.id,
        "name": environment.name,
        "connection_id": None,
        "credentials_id": None,
        "extended_attributes_id": None,
        "custom_branch": branch,
        "use_custom_branch": branch is not None,
        "dbt_version": environment.dbt_version or NEWEST,
        "raw_dbt_version": environment.dbt_version or NEWEST,
        "supports_docs": True,
        "deployment_type": None if environment.type == "general" else environment.type,
        "type": "deployment",
        "state": ACTIVE,
        **times(known),
    }


_BACKENDS = {"github": "github", "gitlab": "gitlab"}


def repository_object(project: Project, known: Known) -> Object:
    """Return the repository of a project, which has its project's id."""
    hosting = project.hosting
    url = without_credentials(project.repository)
    name = hosting.repository if hosting is not None else ""
    return {
        "id": project.id,
        "account_id": known.account.id,
        "project_id": project.id,
        "full_name": name or url.rstrip("/").rpartition("/")[2].removesuffix(".git"),
        "remote_url": url if _is_remote(url) else None,
        "remote_backend": _BACKENDS.get(hosting.kind if hosting else "", "manual_config"),
        "git_clone_strategy": "deploy_token",
        "deploy_key_id": None,
        "repository_credentials_id": None,
        "github_installation_id": None,
        "github_webhook_id": None,
        "state": ACTIVE,
        "git_provider_id": None,
        "private_link_endpoint_id": None,
        "name": name or project.name,
        "web_url": hosting.url if hosting is not None else None,
        "github_repo": name if hosting is not None and hosting.kind == "github" else None,
        "git_provider": None,
        "gitlab": None,
        "is_private_link_enabled": False,
        **times(known),
        "deploy_key": None,
    }


def _is_remote(url: str) -> bool:
    """Whether a repository's address is no path of this machine."""
    return not url.startswith("file:") and ("://" in url or "@" in url)


def user_object(token: Token, known: Known) -> Object:
    """Return the user that stands for a token."""
    identifier, is_admin = number_of(token.name), "account_admin" in token.permissions
    off = (
        *("azure_active_directory_connected", "azure_active_directory_token_retrieval_failure"),
        *("email_connected", "email_verified", "enterprise_connected", "github_connected"),
        *("gitlab_connected", "is_staff", "sso_only_user", "github_token_retrieval_failure"),
        "gitlab_token_retrieval_failure",
    )
    none = (
        *("apitoken_last_used", "azure_active_directory_username"),
        *("enterprise_authentication_method", "github_username", "gitlab_username", "last_login"),
    )
    return {
        "id": identifier,
        "first_name": token.name,
        "last_name": "",
        "email": token.email,
        **dict.fromkeys(none, None),
        **dict.fromkeys(off, False),
        "is_active": True,
        "created_at": with_t(known.since),
        "permissions": [
            {
                "id": identifier,
                "account_id": known.account.id,
                "user_id": identifier,
                "license_type": "developer" if is_admin else "read_only",
                "state": ACTIVE,
                **times(known),
                "groups": [],
                "scim_managed": False,
            }
        ],
        "auth_provider_infos": {},
        "licenses": {},
    }


def number_of(name: str) -> int:
    """Return a number that stands for a name, the same at all times."""
    return zlib.crc32(name.encode())


def variables(
    found: Mapping[str, str | Secret],
    environment: Environment,
    known: Known,
    job: Job | None = None,
) -> Sequence[Object]:
    """Return the environment variables of an environment, or of a job of it; secrets are masked."""
    owner = job if job is not None else environment
    return [
        {
            "id": number_of(f"{owner.name} {name}"),
            "account_id": known.account.id,
            "project_id": environment.project.id,
            "name": name,
            "type": "job" if job is not None else "environment",
            "user_id": None,
            "environment_id": None if job is not None else environment.id,
            "job_definition_id": job.id if job is not None else None,
            "display_value": shown_value(name, value),
            "state": ACTIVE,
        }
        for name, value in found.items()
    ]


def shown_value(name: str, value: str | Secret) -> str:
    """Return the value of a variable as the API shows it; a mask for a secret one (VAR-4)."""
    is_secret = isinstance(value, Secret) or name.startswith("DBT_ENV_SECRET")
    return MASK if is_secret else str(value)


def _production_jobs(project: Project, known: Known) -> list[Job]:
    environment = production(known.deployment.environments_of(project))
    found = known.deployment.jobs_in(environment) if environment is not None else []
    return [each for each in found if known.sees(each)]
