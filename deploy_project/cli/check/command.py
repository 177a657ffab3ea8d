"""`deploy-project check`: prints the configuration as tables, and every problem at once."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from deploy_project.cli.check.configuration import missing_secrets
from deploy_project.cli.check.notes import notes, unusable_translators
from deploy_project.cli.check.other_projects import other_projects
from deploy_project.cli.check.queue_rules import older_queue_rules
from deploy_project.cli.check.tokens import doubtful_tokens
from deploy_project.cli.check.unanswered import unanswered
from deploy_project.cli.check.versions import unverified
from deploy_project.cli.context import loaded
from deploy_project.cli.table import table
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.errors import ConfigError, DeployError
from deploy_project.git import remote
from deploy_project.git.command import without_credentials
from deploy_project.notify.over_api.store import Store
from deploy_project.notify.rules import without_runs, without_schedules
from deploy_project.notify.webhooks.subscription import without_jobs
from deploy_project.releases.prepare import connects_by, files_of


def check(*, online: bool) -> int:
    """Print the configuration as tables; raise `ConfigError` with a line for each problem."""
    found, deployment = loaded()
    print(summary(deployment))
    warnings = [*deployment.warnings, *without_runs(deployment), *without_jobs(deployment)]
    warnings += without_schedules(deployment)
    warnings += Store(found.state).doubtful(deployment)
    warnings += doubtful_tokens(deployment, now=datetime.now(UTC))
    warnings += filter(None, [older_queue_rules()])
    if warnings:
        print("\n".join(["", *(f"Warning: {each}" for each in warnings)]))
    for each in deployment.environments.values():
        told = [f"Note: {each.name}: {note}" for note in notes(deployment, each, found.state)]
        if told:
            print("", *told, sep="\n")
    problems = [*missing_secrets(deployment), *unusable_translators(deployment)]
    wrong, unknown = unverified(deployment, found.state)
    problems += wrong
    heads: dict[str, str] = {}
    if online:
        heads, unreachable = _ask(deployment, found.state)
        problems += [*unknown, *unreachable]
    else:
        for each in unknown:
            print(f"\nNot verified: {each}")
    for line in _files(deployment, found.state, heads):
        print(line)
    missing, notices = unanswered(deployment, found.state, heads)
    problems += missing
    for each in [*notices, *other_projects(deployment, found.state, heads)]:
        print(f"\nNote: {each}")
    if problems:
        raise ConfigError(_told(problems))
    print(f"\nNo problems{_counted(warnings)}.")
    return 0


def summary(deployment: Deployment) -> str:
    """Return the projects, environments and jobs as tables."""
    projects = [
        [each.name, without_credentials(each.repository), each.subdirectory or "."]
        for each in deployment.projects.values()
    ]
    environments = [
        [each.name, each.project.name, each.type, _ref(each), _target(each), each.dbt_version or ""]
        for each in deployment.environments.values()
    ]
    jobs = [
        [each.name, each.job_type, ", ".join(triggers(each)), _schedule(each)]
        for each in deployment.jobs.values()
    ]
    return "\n\n".join(
        [
            str(deployment.source),
            table(["project", "repository", "directory"], projects),
            table(["environment", "project", "type", "deploys", "target", "dbt"], environments),
            table(["job", "type", "triggers", "schedule"], jobs) if jobs else "No jobs.",
            *_made_over_api(deployment),
        ]
    )


def _made_over_api(deployment: Deployment) -> Iterator[str]:
    """Yield a line on the jobs that are in no file in git, if there are any."""
    found = {
        job.identifier: job.written.file
        for job in deployment.jobs.values()
        if job.written is not None and job.written.over_api
    }
    for file in dict.fromkeys(found.values()):
        yield f"Made over the API, and kept in {file}: {', '.join(found)}."


def triggers(job: Job) -> Iterator[str]:
    """Yield the active triggers of `job`; `by hand` when it has none, `off` when it is off."""
    if job.why_off is not None:
        yield "off"
        return
    active = {
        "schedule": job.scheduled,
        "merge": job.on_merge,
        "pull request": job.on_pull_request,
    }
    found = [name for name, on in active.items() if on]
    if job.completion is not None:
        found.append(f"after {job.completion}")
    yield from found or ["by hand"]


def _schedule(job: Job) -> str:
    if not job.cron:
        return ""
    return f"{' | '.join(job.cron)} ({job.timezone}{'' if job.scheduled else ', off'})"


def _ref(environment: Environment) -> str:
    if environment.tag is not None:
        return f"tag {environment.tag}"
    return environment.branch or "the default branch"


def _target(environment: Environment) -> str:
    return environment.target or (environment.name if environment.connection else "default")


def _ask(deployment: Deployment, state: StateDirectory) -> tuple[dict[str, str], list[str]]:
    """Print the head of each environment's branch, and its connection there.

    Returns these commits, and the problems, those of one environment with its name before them.
    Raises `ConfigError` when the state directory, which fetched files go to, can't be written.
    """
    heads: dict[str, str] = {}
    problems: list[str] = []
    print()
    state.prepare()
    for each in deployment.environments.values():
        try:
            head = remote.head(each)
            print(f"{each.name}: {head.branch} is at {head.commit}")
            heads[each.name] = head.commit
            by = connects_by(deployment, each, head.commit, state)
            print(f"{each.name}: profile {by.name!r}, target {by.target!r}, adapter {by.adapter}")
        except DeployError as error:
            problems.append(f"environments.{each.name}: {error}")
    return heads, problems


def _files(
    deployment: Deployment, state: StateDirectory, heads: Mapping[str, str]
) -> Iterator[str]:
    """Yield a line for each warehouse file of an environment, as far as it is known here."""
    for each in deployment.environments.values():
        with suppress(DeployError):  # a deployment, or `--online`, tells what is wrong
            told = files_of(deployment, each, heads.get(each.name), state)
            yield from (f"\n{each.name}: {line}" for line in told)


def _counted(warnings: Sequence[str]) -> str:
    """Return the number of warnings, to be put after "No problems"."""
    if not warnings:
        return ""
    return f", {len(warnings)} warning{'' if len(warnings) == 1 else 's'}"


def _told(problems: list[str]) -> str:
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    return "\n".join([count, *problems])


def act(given: Namespace) -> int:
    """Carry out `check` as it was given on the command line; return the exit code."""
    return check(online=given.online)
