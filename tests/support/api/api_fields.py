"""The fields and types of dbt Cloud's objects, as its specification and captures have them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SPACED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00")
"""A time of a run or a step."""
WITH_T = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
"""A time of anything else."""
CLOCK = re.compile(r"\d{2,}:\d\d:\d\d")
_TYPES: Mapping[str, type] = {
    "int": int,
    "text": str,
    "bool": bool,
    "list": list,
    "object": dict,
}


@dataclass(frozen=True)
class Fields:
    """The fields of an object by their type; those of `null` may be null."""

    types: Mapping[str, str]
    null: str = ""
    time: re.Pattern[str] = WITH_T

    def faults(self, found: Mapping[str, Any]) -> Iterator[str]:
        """Yield the faults of an object: a key that is missing, a value of another type."""
        nullable = self.null.split()
        for kind, names in self.types.items():
            for name in names.split():
                if name not in found:
                    yield f"{name} is missing"
                    continue
                value = found[name]
                if value is None and name not in nullable:
                    yield f"{name} is null"
                elif value is not None and not self._is(kind, value):
                    yield f"{name} is no {kind}: {value!r}"

    def _is(self, kind: str, value: Any) -> bool:
        shapes = {"time": self.time, "clock": CLOCK}
        if kind in shapes:
            return isinstance(value, str) and shapes[kind].fullmatch(value) is not None
        return type(value) is _TYPES[kind]


RUN = Fields(
    {
        "int": "id trigger_id account_id environment_id project_id job_definition_id status "
        "deferring_run_id retrying_run_id job_id",
        "text": "dbt_version git_branch git_sha status_message owner_thread_id "
        "executed_by_thread_id artifact_s3_path status_humanized duration_humanized "
        "queued_duration_humanized "
        "run_duration_humanized created_at_humanized finished_at_humanized "
        "retry_not_supported_reason href",
        "bool": "artifacts_saved has_docs_generated has_sources_generated notifications_sent "
        "in_progress is_complete is_success is_error is_cancelled can_retry is_running "
        "used_repo_cache",
        "clock": "duration queued_duration run_duration",
        "list": "blocked_by run_steps",
        "time": "created_at updated_at dequeued_at started_at finished_at last_checked_at "
        "last_heartbeat_at should_start_at",
        "object": "trigger job environment deprecation audit",
    },
    null="deferring_run_id retrying_run_id git_branch git_sha status_message owner_thread_id "
    "executed_by_thread_id artifact_s3_path retry_not_supported_reason used_repo_cache dequeued_at "
    "started_at finished_at last_heartbeat_at should_start_at trigger job environment audit",
    time=SPACED,
)
TRIGGER = Fields(
    {
        "text": "cause git_branch git_sha schema_override dbt_version_override "
        "target_name_override cause_category",
        "int": "job_definition_id azure_pull_request_id github_pull_request_id "
        "gitlab_merge_request_id non_native_pull_request_id threads_override "
        "timeout_seconds_override",
        "bool": "generate_docs_override",
        "list": "steps_override",
    },
    null="git_branch git_sha schema_override dbt_version_override target_name_override "
    "azure_pull_request_id github_pull_request_id gitlab_merge_request_id "
    "non_native_pull_request_id threads_override timeout_seconds_override "
    "generate_docs_override steps_override",
)
NOTIFICATION = Fields(
    {
        "int": "id account_id user_id type state",
        "text": "external_email slack_channel_id slack_channel_name",
        "list": "on_cancel on_failure on_success on_warning",
        "object": "user",
        "time": "created_at updated_at",
    },
    null="external_email slack_channel_id slack_channel_name",
)
CAUSES = frozenset(
    {"api", "ci", "scheduled", "ui", "rerun", "job completion", "merge"}
    | {"exposures generated", "adaptive", "ingest"}
)
STEP = Fields(
    {
        "int": "id run_id account_id index status",
        "text": "name logs debug_logs log_path debug_log_path truncated_debug_logs status_color "
        "status_humanized duration_humanized",
        "clock": "duration",
        "time": "started_at finished_at created_at updated_at",
        "object": "run_step_command run_step_invocation",
    },
    null="log_path debug_log_path started_at finished_at run_step_command run_step_invocation",
    time=SPACED,
)
JOB = Fields(
    {
        "int": "id account_id project_id environment_id deferring_environment_id "
        "deferring_job_definition_id run_failure_count state",
        "text": "name dbt_version description job_type lifecycle_webhooks_url raw_dbt_version "
        "compare_changes_flags cron_humanized next_run_humanized",
        "list": "execute_steps cost_optimization_features",
        "object": "execution settings triggers account project environment schedule "
        "job_completion_trigger_condition fusion_readiness most_recent_run "
        "most_recent_completed_run",
        "bool": "generate_docs is_deferrable lifecycle_webhooks run_compare_changes "
        "run_generate_sources run_lint errors_on_lint_failure triggers_on_draft_pr "
        "generate_sources deactivated",
        "time": "created_at updated_at next_run",
    },
    null="deferring_environment_id deferring_job_definition_id dbt_version raw_dbt_version "
    "lifecycle_webhooks_url account project environment job_completion_trigger_condition "
    "fusion_readiness next_run next_run_humanized most_recent_run most_recent_completed_run",
)
ACCOUNT = Fields(
    {
        "int": "id run_slots developer_seats it_seats explorer_seats analyst_seats read_only_seats "
        "pod_memory_request_mebibytes develop_pod_memory_request_mebibytes "
        "run_duration_limit_seconds queue_limit state docs_job_id freshness_job_id",
        "text": "name plan lock_reason lock_cause billing_email_address enterprise_login_slug "
        "starter_repo_url git_auth_level identifier static_subdomain vanity_subdomain",
        "bool": "locked pending_cancel business_critical agent_credit_locked",
        "time": "unlocked_at trial_end_date run_locked_until copilot_locked_until created_at "
        "updated_at",
        "list": "account_migration_events groups",
    },
    null="docs_job_id freshness_job_id lock_reason lock_cause billing_email_address "
    "enterprise_login_slug starter_repo_url static_subdomain vanity_subdomain unlocked_at "
    "trial_end_date run_locked_until copilot_locked_until",
)
PROJECT = Fields(
    {
        "int": "id account_id connection_id repository_id semantic_layer_config_id state "
        "docs_job_id freshness_job_id type",
        "text": "name description dbt_project_subdirectory default_version",
        "time": "created_at updated_at",
        "object": "connection repository docs_job freshness_job fusion_readiness",
        "list": "environments group_permissions",
    },
    null="connection_id semantic_layer_config_id docs_job_id freshness_job_id "
    "dbt_project_subdirectory connection repository docs_job freshness_job fusion_readiness",
)
_ENVIRONMENT = {
    "bool": "use_custom_branch supports_docs",
    "time": "created_at updated_at",
}
_OPEN = "connection_id credentials_id extended_attributes_id custom_branch deployment_type"
ENVIRONMENT = Fields(
    {
        **_ENVIRONMENT,
        "int": "id account_id project_id connection_id credentials_id repository_id "
        "extended_attributes_id created_by_id state",
        "text": "name custom_branch dbt_project_subdirectory dbt_version raw_dbt_version "
        "deployment_type type",
        "object": "repository connection",
        "list": "jobs custom_environment_variables",
    },
    null=f"{_OPEN} created_by_id dbt_project_subdirectory repository connection",
)
ENVIRONMENT_V3 = Fields(
    {
        "int": "id account_id project_id credentials_id connection_id extended_attributes_id state "
        "primary_profile_id",
        "text": "name dbt_version raw_dbt_version type custom_branch deployment_type",
        "bool": "use_custom_branch supports_docs is_deferrable enable_model_query_history "
        "enable_dbt_state",
        "time": "created_at updated_at",
        "object": "project credentials fusion_readiness",
    },
    null=f"{_OPEN} primary_profile_id project credentials fusion_readiness",
)
REPOSITORY = Fields(
    {
        "int": "id account_id project_id deploy_key_id repository_credentials_id "
        "github_installation_id github_webhook_id state git_provider_id",
        "text": "full_name remote_backend git_clone_strategy private_link_endpoint_id",
        "time": "created_at updated_at",
        "object": "deploy_key",
    },
    null="deploy_key_id repository_credentials_id github_installation_id github_webhook_id "
    "git_provider_id private_link_endpoint_id deploy_key",
)
_CONNECTED = (
    "azure_active_directory_connected azure_active_directory_token_retrieval_failure "
    "email_connected email_verified enterprise_connected github_connected gitlab_connected"
)
USER = Fields(
    {
        "int": "id",
        "text": "first_name last_name email azure_active_directory_username "
        "enterprise_authentication_method github_username gitlab_username",
        "time": "apitoken_last_used last_login created_at",
        "bool": f"{_CONNECTED} is_active is_staff sso_only_user github_token_retrieval_failure "
        "gitlab_token_retrieval_failure",
        "list": "permissions",
        "object": "auth_provider_infos licenses",
    },
    null="azure_active_directory_username enterprise_authentication_method github_username "
    "gitlab_username apitoken_last_used last_login",
)
STATUS = Fields({"int": "code", "bool": "is_success", "text": "user_message developer_message"})
EXTRA = Fields({"object": "filters pagination", "text": "order_by"})
PAGINATION = Fields({"int": "count total_count"})
