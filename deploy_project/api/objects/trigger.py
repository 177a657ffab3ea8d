"""The trigger of a run as dbt Cloud's API has it: cause, code, pull request, overrides; pure."""

from collections.abc import Mapping
from typing import Any

from deploy_project.config.values.deployment import HostingKind, Project
from deploy_project.runs.reads.past_run import PastRun

PULL_REQUESTS: Mapping[str, str] = {
    "github": "github_pull_request_id",
    "gitlab": "gitlab_merge_request_id",
    "azure": "azure_pull_request_id",
    "non_native": "non_native_pull_request_id",
}
"""The field of a pull request's number, by the site that it is of."""
_SITES: Mapping[HostingKind, str] = {"github": "github", "gitlab": "gitlab", "gitea": "non_native"}
_FIXED = ("ci", "merge")
"""The triggers that choose the commit themselves."""


def trigger_object(run: PastRun, job_id: int | None, project: Project | None) -> Any:
    """Return the trigger of a run: every override that it was asked for, and its cause."""
    asked, overrides = run.asked, run.asked.overrides
    of_pull_request = run.pull_request is not None
    chosen = run.trigger.category in _FIXED or of_pull_request
    return {
        "id": run.number,
        "cause": run.trigger.cause,
        "job_definition_id": job_id,
        "git_branch": (asked.branch or (run.branch if of_pull_request else "")) or None,
        "git_sha": (asked.commit or (run.commit if chosen else "")) or None,
        **_pull_request(run, project),
        "schema_override": asked.schema or None,
        "dbt_version_override": overrides.get("dbt_version"),
        "threads_override": overrides.get("threads"),
        "target_name_override": overrides.get("target_name"),
        "generate_docs_override": overrides.get("generate_docs"),
        "timeout_seconds_override": overrides.get("timeout_seconds"),
        "steps_override": overrides.get("steps"),
        "cause_category": run.trigger.category,
    }


def _pull_request(run: PastRun, project: Project | None) -> Mapping[str, int | None]:
    """Return the number of the pull request in the field of its site, and None in the others."""
    hosting = project.hosting if project is not None else None
    site = run.asked.pull_request_kind or (_SITES[hosting.kind] if hosting else "non_native")
    return {
        field: run.pull_request if kind == site else None for kind, field in PULL_REQUESTS.items()
    }
