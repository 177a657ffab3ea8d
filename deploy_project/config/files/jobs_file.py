"""The keys of a jobs file: those of dbt-jobs-as-code 1.22, and ours."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from deploy_project.config.files.deploy_file import VALUE_SCHEMA
from deploy_project.config.files.model import (
    LARGEST_COUNT,
    LARGEST_ID,
    LONGEST_NAME,
    MOST_COMMANDS,
    MOST_THREADS,
    NAME,
    TARGET,
    Strict,
    null_is_absent,
)
from deploy_project.config.values.deployment import JobType


def _no_boolean(value: Any) -> Any:
    # pydantic takes true for 1; the text can't be parsed, so that the error is about a number.
    return str(value) if isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _name_only(value: Any) -> Any:
    # The API's `environment` is the whole object; ours is a name.
    return None if isinstance(value, dict) else value


def _or_empty(value: Any) -> Any:
    return value or {}


_NUMBER: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^\\d+$"}]}
# What pydantic takes for a boolean.
_WORDS = "^([Tt]rue|[Ff]alse|[Yy]es|[Nn]o|[Oo]n|[Oo]ff|[YyNnTtFf01])$"
_FLAG: dict[str, Any] = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": _WORDS}]}
_CRON: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
}
_VARIABLE: dict[str, Any] = {
    "type": "object",
    "patternProperties": {"^DBT_": {"anyOf": [*VALUE_SCHEMA["anyOf"], {"type": "null"}]}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}

Number = Annotated[int, BeforeValidator(_no_boolean), Field(le=LARGEST_ID), WithJsonSchema(_NUMBER)]
Flag = Annotated[bool, WithJsonSchema(_FLAG)]
Ignored = Annotated[Any, Field(default=None, deprecated=True)]
Identifier = Annotated[str, StringConstraints(pattern=NAME, max_length=LONGEST_NAME)]


class _Lenient(Strict):
    """A model of a jobs file: its numbers and booleans may be text, as templates leave them."""

    model_config = ConfigDict(strict=False)


class Execution(_Lenient):
    """Limits of a run."""

    timeout_seconds: Annotated[Number, Field(ge=0, le=LARGEST_COUNT)] = 0


class Triggers(_Lenient):
    """The events that start the job."""

    github_webhook: Flag = False
    git_provider_webhook: Flag = False
    schedule: Flag = False
    on_merge: Flag = False
    custom_branch_only: Ignored


class JobSettings(_Lenient):
    """Settings of dbt: threads and target name."""

    threads: Annotated[Number, Field(ge=1, le=MOST_THREADS)] = 4
    target_name: Annotated[
        str | None, StringConstraints(pattern=TARGET, max_length=LONGEST_NAME)
    ] = None


class Schedule(_Lenient):
    """The times at which the job starts, as cron lines."""

    cron: Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(_CRON)]
    timezone: str | None = Field(default=None, description="Ours; UTC on dbt Cloud.")
    date: Ignored
    time: Ignored


Statuses = Annotated[list[Literal[10, 20, 30]], Field(default=[10, 20, 30])]


def _names_one(schema: dict[str, Any]) -> None:
    null_is_absent(schema)
    schema["oneOf"] = [{"required": [key]} for key in ("job_id", "job", "asset")]


def _has_one(schema: dict[str, Any]) -> None:
    null_is_absent(schema)
    schema.update(minProperties=1, maxProperties=1)


class Condition(_Lenient):
    """The parent job: its end starts this one."""

    job_id: Number
    project_id: Number | None = None
    statuses: Statuses


class ParentEntry(_Lenient):
    """Ours: a parent job or asset; its end, or its materialization, starts this job."""

    model_config = ConfigDict(json_schema_extra=_names_one)

    job_id: Number | None = None
    project_id: Number | None = None
    job: str | None = Field(default=None, description="Its identifier, or its name in Dagster.")
    location: str | None = Field(default=None, description="The job's code location, if another.")
    asset: str | None = Field(default=None, description="An asset key, such as `raw/orders`.")
    statuses: Statuses


class CompletionTrigger(_Lenient):
    """Start when another job has ended."""

    model_config = ConfigDict(json_schema_extra=_has_one)

    condition: Condition | None = None
    any_of: list[ParentEntry] | None = Field(
        default=None, alias="any", description="Ours: start when one of them has ended."
    )
    all_of: list[ParentEntry] | None = Field(
        default=None, alias="all", description="Ours: start when each of them has ended."
    )


class ReadOnly(_Lenient):
    """Read-only fields of dbt Cloud's API that exports may carry: accepted, and ignored."""

    account: Ignored
    created_at: Ignored
    cron_humanized: Ignored
    deactivation_reason: Ignored
    force_node_selection: Ignored
    fusion_readiness: Ignored
    generate_sources: Ignored
    is_deferrable: Ignored
    is_fusion_ready_override: Ignored
    is_system: Ignored
    lifecycle_webhooks: Ignored
    lifecycle_webhooks_url: Ignored
    most_recent_completed_run: Ignored
    most_recent_run: Ignored
    next_run: Ignored
    next_run_humanized: Ignored
    project: Ignored
    raw_dbt_version: Ignored
    run_failure_count: Ignored
    updated_at: Ignored


class JobEntry(ReadOnly):
    """One deployment job."""

    environment: Annotated[
        str | None,
        BeforeValidator(_name_only),
        WithJsonSchema({"type": ["string", "object"]}),
        Field(description="Ours: the name of an environment of deploy.yaml, instead of ids."),
    ] = None
    deferring_environment: str | None = Field(default=None, description="Ours: its name.")
    deferring_job: str | None = Field(default=None, description="Ours: its identifier.")

    id: Number | None = None
    linked_id: Number | None = None
    identifier: str | None = None
    account_id: Number | None = None
    project_id: Number | None = None
    environment_id: Number | None = None
    name: str | None = None
    description: str = ""
    job_type: Annotated[str, WithJsonSchema({"enum": list(get_args(JobType))})] = "scheduled"
    state: Number = 1
    deactivated: Flag = False
    dbt_version: str | None = None
    settings: JobSettings | None = None
    execution: Execution = Execution()
    execute_steps: Annotated[list[str], Field(max_length=MOST_COMMANDS)] | None = None
    run_generate_sources: Flag = False
    generate_docs: Flag = False
    run_lint: Flag = False
    errors_on_lint_failure: Flag = True
    run_compare_changes: Flag = False
    compare_changes_flags: str = "--select state:modified"
    cost_optimization_features: list[str] = Field(default_factory=list)
    schedule: Schedule | None = None
    triggers: Triggers = Field(default_factory=lambda: Triggers.model_validate({}))
    triggers_on_draft_pr: Flag = False
    job_completion_trigger_condition: CompletionTrigger | None = None
    deferring_environment_id: Number | None = None
    deferring_job_definition_id: Number | None = None
    self_deferring: Flag = False
    custom_environment_variables: Annotated[
        list[Any], WithJsonSchema({"type": "array", "items": _VARIABLE})
    ] = Field(default_factory=list)


class JobsFile(_Lenient):
    """One jobs file; other keys of the top level, such as `anchors`, are the author's own."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=null_is_absent)

    account_id: Number | None = None
    jobs: Annotated[dict[Identifier, JobEntry], BeforeValidator(_or_empty)] = Field(
        default_factory=dict
    )
