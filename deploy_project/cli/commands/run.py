"""`deploy-project run`: starts a run of a job, and waits for it if asked to."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from deploy_project.cli.commands.logs import scrubber
from deploy_project.cli.context import loaded
from deploy_project.cli.names import full_commit, named_job
from deploy_project.config.environment import Settings
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.dbt.project.schemas import schema_name
from deploy_project.errors import ConfigError, LaunchError
from deploy_project.git import remote
from deploy_project.runs.instance.launching import Dagster
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.store.artifacts import Artifacts
from deploy_project.runs.store.logs import Tail

_INTERRUPTED = 130


@dataclass(frozen=True)
class RunOptions:
    """Options of a run beside its job: its cause, code, schema and pull request."""

    cause: str | None = None
    commit: str | None = None
    branch: str | None = None
    schema: str | None = None
    pull_request: int | None = None


def run(name: str, wish: RunOptions, *, wait: bool) -> int:
    """Start a run of the job `name`; with `wait`, return 0 or 1 as it ends."""
    found, deployment = loaded()
    job = named_job(deployment, name)
    asked = {
        tags.TRIGGER: "api",
        tags.CAUSE: (wish.cause or tags.COMMAND_LINE)[: tags.LONGEST_CAUSE],
        **place(job, wish, run_slots=deployment.account.run_slots),
        **code(job.environment, commit=wish.commit, branch=wish.branch),
    }
    return start(job, asked, found, deployment, wait=wait)


def place(job: Job, wish: RunOptions, *, run_slots: int | None) -> dict[str, str]:
    """Return the tags for the schema that a run builds into; none for the environment's own.

    Raises `ConfigError` for an invalid schema name, and for a pull request without a CI job or
    without its code (CI-18).
    """
    number = wish.pull_request
    if number is None:
        return {} if wish.schema is None else {tags.SCHEMA_OVERRIDE: schema_name(wish.schema)}
    if wish.schema is not None or (wish.commit is None and wish.branch is None):
        raise ConfigError(
            "a pull request's schema follows from its number, and its code has to be named: give "
            "--pull-request together with --commit or --branch, and without --schema"
        )
    if not job.builds_pull_requests:
        raise ConfigError(
            f"job {job.identifier!r} is not one of pull requests; give it `job_type: ci`, or leave "
            "--pull-request out"
        )
    return tags.of_pull_request(job, number, run_slots=run_slots)


def start(
    job: Job, asked: Mapping[str, str], found: Settings, deployment: Deployment, *, wait: bool
) -> int:
    """Start a run of `job` with the tags `asked`; with `wait`, return 0 or 1 as it ends.

    Raises `ConfigError` for a job that is off.
    """
    if job.why_off is not None:
        raise ConfigError(f"no run of job {job.identifier!r} was started. {job.why_off}")
    dagster = Dagster.of(deployment)
    run_id = dagster.launch(job.name, asked)
    started = f"Started {job.name} as run {run_id}\n{deployment.run_page(run_id)}"
    if not wait:
        print(started)
        return 0
    artifacts, hidden = Artifacts.of(deployment, found.state), scrubber(deployment)
    tail = Tail(run_id, found.state, artifacts, shown=hidden.text)
    return _wait(dagster, run_id, tail, started)


def code(environment: Environment, *, commit: str | None, branch: str | None) -> dict[str, str]:
    """Return the tags that fix the code of a run; none of them when nothing was asked for."""
    named = {tags.BRANCH: branch, tags.BRANCH_OVERRIDE: branch} if branch is not None else {}
    if commit is not None:
        return {tags.COMMIT: full_commit(commit), **named}
    if branch is None:
        return {}
    return {tags.COMMIT: remote.branch_head(environment.project, branch).commit, **named}


def _wait(dagster: Dagster, run_id: str, tail: Tail, started: str) -> int:
    try:
        print(started, flush=True)  # from now on Ctrl-C is meant for the run
        return 0 if _follow(dagster, run_id, tail) is Status.SUCCESS else 1
    except KeyboardInterrupt:
        print("Cancelling the run; press Ctrl-C again to leave it to itself", flush=True)
        _follow(dagster, run_id, tail, cancelling=True)
        return _INTERRUPTED


def _follow(
    dagster: Dagster, run_id: str, tail: Tail, *, cancelling: bool = False
) -> Status | None:
    """Print the log of the run and each new status until it ends; return its last status."""
    last = None
    for status in dagster.statuses(run_id):
        for text in tail.new():
            print(text, end="", flush=True)
        if status != last:
            print(f"--- {status}", flush=True)
            last = status
        if cancelling and not (status.has_ended or status is Status.CANCELLING):
            with suppress(LaunchError):  # a run that is just starting can't be cancelled yet
                dagster.cancel(run_id)
    return last


def act(given: Namespace) -> int:
    """Carry out `run` as it was given on the command line; return the exit code."""
    wish = RunOptions(given.cause, given.commit, given.branch, given.schema, given.pull_request)
    return run(given.job, wish, wait=given.wait)
