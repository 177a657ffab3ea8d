"""The request of a run: its Dagster job, tags and configuration; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from deploy_project.config.values.deployment import Job
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.model.tags import Category


@dataclass(frozen=True)
class Request:
    """One run that is asked for, as Dagster takes it."""

    job_name: str
    """The Dagster job: the deployment job's own, or the one for runs of any steps."""
    tags: Mapping[str, str]
    run_config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def with_tags(self, more: Mapping[str, str]) -> "Request":
        """Return the request with more tags; they win over those that it has."""
        return replace(self, tags={**self.tags, **more})

    def for_dagster(self, *, key: str | None = None) -> dg.RunRequest:
        """Return it for a sensor or schedule; Dagster starts a `key` only once."""
        return dg.RunRequest(
            run_key=key,
            run_config=dict(self.run_config),
            tags=dict(self.tags),
            job_name=self.job_name,
        )


def requested(
    job: Job,
    category: Category,
    cause: str,
    *,
    asked: Overrides = overrides.NONE,
    run_slots: int | None = None,
    is_loaded: bool = True,
) -> Request:
    """Return the request of a run of `job`, with the overrides that are `asked`.

    Other steps than the job's own are run by the environment's further job, under the tags of this
    one: its place in the queue too, for which `run_slots` are the account's. So is a job that
    Dagster has not loaded yet as it is now, where `is_loaded` says so.
    """
    why = {tags.TRIGGER: category, tags.CAUSE: cause[: tags.LONGEST_CAUSE]}
    if asked.changes_steps or not is_loaded:
        return Request(
            overrides.job_name(job.environment.name),
            {**tags.of_job(job, run_slots=run_slots), **why},
            overrides.config_of_steps(job, asked),
        )
    return Request(job.name, why, overrides.config_of_job(asked))
