"""What `deploy-project check` says of each `env_var()` that asks for what dbt does not get."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from deploy_project.config.deployment import Deployment, Environment
from deploy_project.config.environment import variable
from deploy_project.config.passed import OURS, by_default
from deploy_project.config.purposes import withheld
from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.variables import RESERVED, variables
from deploy_project.dbt.env_vars import Asked, asked, in_project
from deploy_project.dbt.profiles import profile
from deploy_project.dbt.rendering import Rendering
from deploy_project.errors import DeployError
from deploy_project.git.checkouts import project_directory
from deploy_project.releases.given import inherited
from deploy_project.releases.pointer import deployed

SET_BY_EVERY_COMMAND = frozenset(
    {"DEPLOY_STATE", "DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH"}
)

Question = tuple[str, Asked]
"""The file or key that asks, and the variable that it asks for."""


def unanswered(
    deployment: Deployment, state: StateDirectory, heads: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return a line for each variable that dbt fails without, and one for each with a default.

    The files are those of the commit that `heads` names for an environment, else of the deployed
    one, where they are on this machine; deploy.yaml is looked at in any case.
    """
    purposes = {each.env: key for each, key in withheld(deployment.projects.values()) if each.env}
    problems: list[str] = []
    notices: list[str] = []
    for environment in deployment.environments.values():
        checkout = _checkout(environment, state, heads)
        given = _given(deployment, environment)
        missing = {
            question: needed
            for question, needed in _needed(_questions(environment, checkout)).items()
            if question[1] not in given and (question[1] in purposes or not by_default(question[1]))
        }
        for line, needed in _told(environment, missing, purposes):
            (problems if needed else notices).append(line)
    return problems, notices


def _given(deployment: Deployment, environment: Environment) -> Collection[str]:
    """Return the names that dbt gets whatever Dagster's environment is."""
    jobs = [job for job in deployment.jobs.values() if job.environment == environment]
    users = {name for job in (None, *jobs) for name in variables(environment, job)}
    passed = {*environment.project.pass_variables, *environment.pass_variables}
    return users | passed | RESERVED | SET_BY_EVERY_COMMAND


def _needed(questions: Iterable[Question]) -> dict[tuple[str, str], bool]:
    """Return whether dbt needs each variable, by who asks for it and its name."""
    found: dict[tuple[str, str], bool] = {}
    for where, each in questions:
        found[where, each.name] = each.needed or found.get((where, each.name), False)
    return found


def _told(
    environment: Environment, missing: Mapping[tuple[str, str], bool], purposes: Mapping[str, str]
) -> Iterator[tuple[str, bool]]:
    """Yield a line for each missing variable, and whether dbt needs it.

    A default of what begins with `DBT_` is what people mean by it, unless their shell has a value.
    """
    names = dict.fromkeys(name for _, name in missing)
    passable = [name for name in names if name not in purposes and not OURS.match(name)]
    wanted = ", ".join((*environment.pass_variables, *passable))
    for (where, name), needed in missing.items():
        if needed or not OURS.match(name) or variable(name) is not None:
            default = "" if needed else " and takes its default"
            yield (
                f"environments.{environment.name}: {where} asks for env_var({name!r}), which dbt "
                f"does not get{default}; {_remedy(name, wanted, purposes.get(name))}",
                needed,
            )


def _remedy(name: str, wanted: str, purpose: str | None) -> str:
    if purpose is not None:
        own = f"DBT_ENV_SECRET_{name.removeprefix('DBT_ENV_SECRET_')}"
        return (
            f"it holds the secret of {purpose}: add `variables: {{{own}: {{env: {name}}}}}`, and "
            f"ask for env_var({own!r})"
        )
    if name.startswith("DBT_ENV_SECRET"):
        return f"add `variables: {{{name}: {{env: …}}}}`, with the variable that holds it"
    if name.startswith("DBT_"):
        return f"add `variables: {{{name}: …}}`, with its value"
    if OURS.match(name):
        return f"add `variables: {{DBT_{name}: …}}`, and ask for env_var('DBT_{name}')"
    return f"add `pass_variables: [{wanted}]`"


def _checkout(
    environment: Environment, state: StateDirectory, heads: Mapping[str, str]
) -> Checkout | None:
    pointer = deployed(state, environment.name)
    commits = (heads.get(environment.name), pointer.commit if pointer else None)
    found = (state.checkout(environment.project.name, each) for each in commits if each)
    return next((each for each in found if each.tree.is_dir()), None)


def _questions(environment: Environment, checkout: Checkout | None) -> Iterator[Question]:
    """Yield what the files and deploy.yaml ask for; files that are wrong ask for nothing."""
    for key in ("connection", "extended_attributes"):
        yield from ((f"`{key}:`", each) for each in asked(_stated(environment, key)))
    if checkout is None:
        return
    commit = checkout.root.name[:12]
    with suppress(DeployError):  # a deployment of it tells more
        directory = project_directory(checkout, environment.project)
        for file, each in in_project(directory):
            yield f"{file} of commit {commit}", each
        if environment.connection is None:
            seen = {**inherited(environment), **_plain(environment)}
            output = profile(environment, directory, Rendering(seen), tree=checkout.tree).output
            own = {k: v for k, v in output.items() if k not in environment.extended_attributes}
            yield from ((f"profiles.yml of commit {commit}", each) for each in asked(own))


def _plain(environment: Environment) -> dict[str, str]:
    return {name: str(value) for name, value in variables(environment).items()}


def _stated(environment: Environment, key: str) -> Mapping[str, object]:
    extended = environment.extended_attributes
    if key == "extended_attributes":
        return extended
    return {k: v for k, v in (environment.connection or {}).items() if k not in extended}
