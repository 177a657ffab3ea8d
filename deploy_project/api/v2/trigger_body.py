"""The body of a trigger, dbt Cloud's `TriggerRunRequest`, and the permissions that it needs."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
)

from deploy_project.api.auth.permissions import Action
from deploy_project.api.objects.trigger import PULL_REQUESTS

_DIGITS = 16


def _whole(value: Any) -> Any:
    """Return a number for one that is written as text, as forms and Kestra do."""
    is_number = isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS
    return int(value) if is_number else value


Whole = Annotated[StrictInt, BeforeValidator(_whole)]
Number = Annotated[Whole, Field(ge=1, le=2**53)]


class TriggerBody(BaseModel):
    """The body of a trigger, dbt Cloud's `TriggerRunRequest`; null asks for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Any = None
    """It and the next one are in the path, and sent again by dbt-cloud-cli."""
    job_id: Any = None
    cause: Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=1)]
    git_sha: StrictStr | None = None
    git_branch: StrictStr | None = None
    azure_pull_request_id: Number | None = None
    github_pull_request_id: Number | None = None
    gitlab_merge_request_id: Number | None = None
    non_native_pull_request_id: Number | None = None
    schema_override: StrictStr | None = None
    dbt_version_override: StrictStr | None = None
    threads_override: Whole | None = None
    target_name_override: StrictStr | None = None
    generate_docs_override: StrictBool | None = None
    timeout_seconds_override: Whole | None = None
    steps_override: list[StrictStr] | None = None

    @property
    def pull_request(self) -> tuple[str, int | None]:
        """The site and the number of the pull request; the first one that is given counts."""
        for kind, name in PULL_REQUESTS.items():
            number: int | None = getattr(self, name)
            if number is not None:
                return kind, number
        return "", None

    @property
    def actions(self) -> list[Action]:
        """The permissions that it needs beside that of starting the job as it is."""
        code = (self.git_sha, self.git_branch, self.target_name_override)
        has_code = any(each is not None for each in code)
        return needed_actions(has_steps=bool(self.steps_override), has_code=has_code)

    @property
    def overrides(self) -> Mapping[str, Any]:
        """The overrides by the names that `overrides.read` has for them."""
        return {
            "steps": tuple(self.steps_override or ()),
            "threads": self.threads_override,
            "target_name": self.target_name_override,
            "dbt_version": self.dbt_version_override,
            "timeout_seconds": self.timeout_seconds_override,
            "generate_docs": self.generate_docs_override,
        }


def needed_actions(*, has_steps: bool, has_code: bool) -> list[Action]:
    """Return the permissions that other steps and other code than the job's need."""
    steps = [Action.OVERRIDE_STEPS] if has_steps else []
    return [*steps, *([Action.OVERRIDE_CODE] if has_code else [])]
