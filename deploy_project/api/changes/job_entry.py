"""The entry of a jobs file that a body of dbt Cloud's API describes; pure (DESIGN 18)."""

import re
import secrets
from collections.abc import Collection, Mapping
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, StringConstraints

from deploy_project.api.objects.cron_forms import cron_line
from deploy_project.config.files.model import (
    LARGEST_COUNT,
    LARGEST_ID,
    LONGEST_NAME,
    MOST_COMMANDS,
    MOST_THREADS,
)
from deploy_project.config.resolve.drafts import RESERVED, identifier_in

Entry = dict[str, Any]
"""A job of the jobs file, by the file's keys; as JSON has it."""
DELETED = 2
_LONGEST_TITLE = 255
_NUMBERS = 2**31 - 1
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
_COMMANDS = {
    "ci": "dbt build --select state:modified+",
    "merge": "dbt build --select state:modified+",
}
_ORDER = (
    *("id", "name", "description", "environment_id", "job_type", "dbt_version", "settings"),
    *("execution", "execute_steps", "run_generate_sources", "generate_docs", "run_lint"),
    *("errors_on_lint_failure", "run_compare_changes", "compare_changes_flags"),
    *("cost_optimization_features", "schedule", "triggers", "triggers_on_draft_pr"),
    *("job_completion_trigger_condition", "deferring_environment_id"),
    *("deferring_job_definition_id", "custom_environment_variables", "created_at", "updated_at"),
)
_PARTS = ("settings", "execution", "triggers")
"""Keys whose own keys may be sent one by one."""

Number = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Text = Annotated[
    StrictStr, StringConstraints(max_length=_LONGEST_TITLE, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Ignored = Annotated[Any, Field(default=None, exclude=True)]


class _Body(BaseModel):
    """An object of a body: unknown keys are refused, and null stands for the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingsBody(_Body):
    """Threads and target name."""

    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] | None = None
    target_name: StrictStr | None = None


class ExecutionBody(_Body):
    """Limits of a run."""

    timeout_seconds: Annotated[int, Field(ge=0, le=LARGEST_COUNT)] | None = None


class TriggersBody(_Body):
    """The events that start the job."""

    github_webhook: StrictBool | None = None
    git_provider_webhook: StrictBool | None = None
    schedule: StrictBool | None = None
    on_merge: StrictBool | None = None


class DateBody(_Body):
    """The days of a schedule."""

    type: StrictStr
    days: list[int] | None = None
    cron: StrictStr | None = None


class TimeBody(_Body):
    """The hours of a schedule."""

    type: StrictStr
    hours: list[int] | None = None
    interval: int | None = None


class ScheduleBody(_Body):
    """A schedule in one of dbt Cloud's forms, or as a cron line."""

    cron: StrictStr | None = None
    date: DateBody | None = None
    time: TimeBody | None = None


class ConditionBody(_Body):
    """The parent job and its ends that start this one."""

    job_id: Number
    project_id: Number | None = None
    statuses: list[int] | None = None


class CompletionBody(_Body):
    """Start when another job has ended."""

    condition: ConditionBody


class JobBody(_Body):
    """The body of a new or changed job; no key is required to change one.

    What dbt Cloud's API shows and nobody sets is taken, so that a job can be sent as it was read.
    """

    id: Number | None = None
    account_id: Number | None = None
    project_id: Number | None = None
    environment_id: Number | None = None
    name: Annotated[Text, StringConstraints(min_length=1)] | None = None
    description: Annotated[StrictStr, Field(max_length=_LONGEST_TITLE)] | None = None
    state: int | None = None
    job_type: StrictStr | None = None
    dbt_version: StrictStr | None = None
    settings: SettingsBody | None = None
    execution: ExecutionBody | None = None
    execute_steps: Annotated[list[StrictStr], Field(max_length=MOST_COMMANDS)] | None = None
    run_generate_sources: StrictBool | None = None
    generate_docs: StrictBool | None = None
    run_lint: StrictBool | None = None
    errors_on_lint_failure: StrictBool | None = None
    run_compare_changes: StrictBool | None = None
    compare_changes_flags: StrictStr | None = None
    cost_optimization_features: list[StrictStr] | None = None
    schedule: ScheduleBody | None = None
    triggers: TriggersBody | None = None
    triggers_on_draft_pr: StrictBool | None = None
    job_completion_trigger_condition: CompletionBody | None = None
    deferring_environment_id: Number | None = None
    deferring_job_definition_id: Number | None = None

    account: Ignored
    created_at: Ignored
    cron_humanized: Ignored
    custom_environment_variables: Ignored
    deactivated: Ignored
    deactivation_reason: Ignored
    environment: Ignored
    force_node_selection: Ignored
    fusion_readiness: Ignored
    generate_sources: Ignored
    integration_id: Ignored
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


def changed(before: Mapping[str, Any], body: JobBody) -> Entry:
    """Return a job's entry with the keys that `body` has, and all that a new job needs.

    Null takes a key out. Raises `FormError` for a schedule without times.
    """
    entry = {**_NEW, **before}
    for key, value in body.model_dump(exclude_unset=True).items():
        entry[key] = _value(key, value, before)
    entry = {key: value for key, value in entry.items() if value is not None}
    entry.setdefault("job_type", _job_type(entry["triggers"]))
    entry.setdefault("execute_steps", [_COMMANDS.get(entry["job_type"], "dbt build")])
    return {key: entry[key] for key in _ORDER if key in entry}


_NEW: Mapping[str, Any] = {
    "description": "",
    "settings": {"threads": 4, "target_name": "default"},
    "execution": {"timeout_seconds": 0},
    "run_generate_sources": False,
    "generate_docs": False,
    "triggers": {
        "github_webhook": False,
        "git_provider_webhook": False,
        "schedule": False,
        "on_merge": False,
    },
}
"""The values of dbt Cloud's own form for a new job."""


def _value(key: str, value: Any, before: Mapping[str, Any]) -> Any:
    if value is None:
        return _NEW.get(key)
    if key in _PARTS:
        stated = {name: each for name, each in value.items() if each is not None}
        return {**_NEW[key], **before.get(key, {}), **stated}
    if key == "schedule":
        stated = {name: _stated(each) for name, each in value.items() if each is not None}
        return {**stated, "cron": cron_line(stated)}
    if key == "job_completion_trigger_condition":
        return {"condition": _stated(value["condition"])}
    return value


def _stated(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    entries = cast(Mapping[str, Any], value).items()
    return {name: each for name, each in entries if each is not None}


def _job_type(triggers: Mapping[str, bool]) -> str:
    if triggers["github_webhook"] or triggers["git_provider_webhook"]:
        return "ci"
    if triggers["on_merge"]:
        return "merge"
    return "scheduled" if triggers["schedule"] else "other"


def new_identifier(name: str, taken: Collection[str]) -> str:
    """Return the identifier of a new job: the one in its name, as `[[daily]]`, else made of it.

    It is none of those `taken`; of two that differ in `-` and `_`, Dagster sees one.
    """
    made = _NOT_IN_NAMES.sub("_", name).strip("_").lower()
    stem = (identifier_in(name) or made)[: LONGEST_NAME - 10] or "job"
    used = {same(each) for each in (*taken, *RESERVED)}
    found, count = identifier_in(name) or stem, 1
    while same(found) in used:
        count += 1
        found = f"{stem}_{count}"
    return found


def same(identifier: str) -> str:
    """Return the text that is the same for all identifiers that are one in Dagster."""
    return identifier.replace("-", "_")


def new_id(taken: Collection[int]) -> int:
    """Return the number of a new job, none of those `taken`.

    It follows from nothing: who knows its own must not learn of names that others have.
    """
    while (found := secrets.randbelow(_NUMBERS) + 1) in taken:
        pass
    return found
