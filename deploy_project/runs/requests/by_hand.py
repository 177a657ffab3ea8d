"""The request of a run by a person or a program: its cause, code, place and overrides."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.dbt.project.schemas import schema_name
from deploy_project.errors import ConfigError
from deploy_project.git import remote
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.requests.request import Request, requested


@dataclass(frozen=True)
class Words:
    """The names of a wish's parts in errors, as the asker writes them."""

    pull_request: str = "--pull-request"
    commit: str = "--commit"
    branch: str = "--branch"
    schema: str = "--schema"


@dataclass(frozen=True)
class Wish:
    """The wish for a run, beside its job."""

    cause: str | None = None
    commit: str | None = None
    """A full commit id, in lower case."""
    branch: str | None = None
    schema: str | None = None
    pull_request: int | None = None
    pull_request_kind: str = ""
    """The site that its number is of, as the API names it; empty for the project's own."""
    overrides: Overrides = overrides.NONE
    who: str = ""
    """The name of whoever asks."""
    is_loaded: bool = True
    """Whether Dagster has loaded the job as it is now."""
    words: Words = Words()
    """Those of the command line, unless others are given."""


def by_hand(job: Job, wish: Wish, deployment: Deployment) -> Request:
    """Return the request of a run of `job`.

    Raises `ConfigError` for a job that is off, and for wishes that don't go together; `GitError`
    when the branch is not on the remote.
    """
    refuse_off(job)
    slots = deployment.account.run_slots
    cause = wish.cause or tags.COMMAND_LINE
    asked = requested(
        *(job, "api", cause),
        asked=wish.overrides,
        run_slots=slots,
        is_loaded=wish.is_loaded,
    )
    who = {tags.WHO: wish.who[: tags.LONGEST_CAUSE]} if wish.who else {}
    return asked.with_tags(
        {**who, **place(job, wish, run_slots=slots), **code(job.environment, wish)}
    )


def refuse_off(job: Job) -> None:
    """Raise `ConfigError` for a job that nothing can start."""
    if job.why_off is not None:
        raise ConfigError(f"no run of job {job.identifier!r} was started. {job.why_off}")


def place(job: Job, wish: Wish, *, run_slots: int | None) -> dict[str, str]:
    """Return the tags for the schema that a run builds into; none for the environment's own.

    Raises `ConfigError` for an invalid schema name, and for a pull request without a CI job or
    without its code (CI-18).
    """
    number, words = wish.pull_request, wish.words
    if number is None:
        return {} if wish.schema is None else {tags.SCHEMA_OVERRIDE: schema_name(wish.schema)}
    if wish.schema is not None or (wish.commit is None and wish.branch is None):
        raise ConfigError(
            "a pull request's schema follows from its number, and its code has to be named: give "
            f"{words.pull_request} together with {words.commit} or {words.branch}, and without "
            f"{words.schema}"
        )
    if not job.builds_pull_requests:
        raise ConfigError(
            f"job {job.identifier!r} is not one of pull requests; give it `job_type: ci`, or leave "
            f"{words.pull_request} out"
        )
    kind = wish.pull_request_kind
    named = {tags.PULL_REQUEST_KIND: kind} if kind else {}
    return {**named, **tags.of_pull_request(job, number, run_slots=run_slots)}


def code(environment: Environment, wish: Wish) -> Mapping[str, str]:
    """Return the tags that fix the code of a run; none of them when nothing was asked for.

    Raises `GitError` when there is no such branch.
    """
    commit, branch = wish.commit, wish.branch
    if commit is None and branch is None:
        return {}
    found = commit or remote.branch_head(environment.project, branch or "").commit
    named = {tags.COMMIT_OVERRIDE: commit} if commit is not None else {}
    if branch is not None:
        named[tags.BRANCH_OVERRIDE] = branch
    of_pull_request = wish.pull_request is not None
    return {**tags.of_code(found, branch, of_pull_request=of_pull_request), **named}
