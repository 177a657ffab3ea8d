"""`deploy-project check`: every problem at once, else what the configuration says."""

from collections.abc import Iterable, Iterator

from deploy_project.cli.context import loaded
from deploy_project.cli.table import table
from deploy_project.cli.unanswered import unanswered
from deploy_project.cli.versions import unverified
from deploy_project.config.checks import missing_secrets
from deploy_project.config.deployment import Deployment, Environment, Job
from deploy_project.errors import ConfigError, DeployError
from deploy_project.git import remote
from deploy_project.git.command import without_credentials


def check(*, online: bool) -> int:
    """Print what is configured; raise `ConfigError` with a line for each problem."""
    found, deployment = loaded()
    print(summary(deployment))
    problems = missing_secrets(deployment)
    wrong, unknown = unverified(deployment, found.state)
    problems += wrong
    heads: dict[str, str] = {}
    if online:
        heads, unreachable = _ask(deployment.environments.values())
        problems += [*unknown, *unreachable]
    else:
        for each in unknown:
            print(f"\nNot verified: {each}")
    missing, notices = unanswered(deployment, found.state, heads)
    problems += missing
    for each in notices:
        print(f"\nNote: {each}")
    if problems:
        raise ConfigError(_told(problems))
    print("\nNo problems.")
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
        ]
    )


def triggers(job: Job) -> Iterator[str]:
    """Yield what starts `job` by itself; `by hand` when nothing does."""
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


def _ask(environments: Iterable[Environment]) -> tuple[dict[str, str], list[str]]:
    """Print the commit that each environment's remote is at; return them, and the problems."""
    heads: dict[str, str] = {}
    problems: list[str] = []
    print()
    for each in environments:
        try:
            head = remote.head(each)
            print(f"{each.name}: {head.branch} is at {head.commit}")
            heads[each.name] = head.commit
        except DeployError as error:
            problems.append(f"environments.{each.name}: {error}")
    return heads, problems


def _told(problems: list[str]) -> str:
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    return "\n".join([count, *problems])
