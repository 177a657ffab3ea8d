"""`deploy-project check`: finds `env_var()` calls for variables that dbt does not get."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from deploy_project.config.environment import variable
from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.config.values.passed import OURS, by_default
from deploy_project.config.values.purposes import withheld
from deploy_project.config.values.variables import RESERVED, built_in, variables
from deploy_project.dbt.project.env_vars import EnvVarCall, asked, in_project
from deploy_project.dbt.project.profiles import profile, yaml_mapping
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import DeployError
from deploy_project.git.checkouts import project_directory
from deploy_project.releases.given import inherited
from deploy_project.releases.pointer import deployed

SET_BY_EVERY_COMMAND = frozenset(
    {"DEPLOY_STATE", "DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH"}
)

Question = tuple[str, EnvVarCall]
"""The file or key that asks, and the variable that it asks for."""


def unanswered(
    deployment: Deployment, state: StateDirectory, heads: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return a line for each variable that dbt fails without, and one for each with a default.

    The files are those of the commit that `heads` names for an environment, else of the deployed
    one, where they are on this machine; deploy.yaml is looked at in any case.
    """
    secrets = withheld(deployment.projects.values(), deployment.receivers)
    purposes = {each.env: key for each, key in secrets if each.env}
    problems: list[str] = []
    notices: list[str] = []
    for environment in deployment.environments.values():
        checkout = known_checkout(environment, state, heads)
        questions = [*_in_deploy_yaml(environment)]
        if checkout is not None:
            rendering = _rendering(deployment, environment, state)
            questions += _in_files(environment, checkout, rendering)
        given = _given(deployment, environment)
        missing = {
            question: needed
            for question, needed in _needed(questions).items()
            if question[1] not in given and (question[1] in purposes or not by_default(question[1]))
        }
        for line, needed in _told(environment, missing, purposes):
            (problems if needed else notices).append(line)
    return problems, notices


def known_checkout(
    environment: Environment, state: StateDirectory, heads: Mapping[str, str]
) -> Checkout | None:
    """Return the files of the commit that `heads` names for an environment, else of the deployed.

    None where they are not on this machine.
    """
    pointer = deployed(state, environment.name)
    commits = (heads.get(environment.name), pointer.commit if pointer else None)
    found = (state.checkout(environment.project.name, each) for each in commits if each)
    return next((each for each in found if each.tree.is_dir()), None)


def _given(deployment: Deployment, environment: Environment) -> Collection[str]:
    """Return the names of variables that the configuration, or each command, gives to dbt."""
    jobs = [job for job in deployment.jobs.values() if job.environment == environment]
    users = {name for job in (None, *jobs) for name in variables(environment, job)}
    passed = {*environment.project.pass_variables, *environment.pass_variables}
    return users | passed | RESERVED | SET_BY_EVERY_COMMAND


def _needed(questions: Iterable[Question]) -> dict[tuple[str, str], bool]:
    """Return whether dbt needs each variable, by the file that asks for it and its name."""
    found: dict[tuple[str, str], bool] = {}
    for where, each in questions:
        found[where, each.name] = each.needed or found.get((where, each.name), False)
    return found


def _told(
    environment: Environment, missing: Mapping[tuple[str, str], bool], purposes: Mapping[str, str]
) -> Iterator[tuple[str, bool]]:
    """Yield a line for each missing variable, and whether dbt needs it.

    The default of a variable of ours, such as `DBT_…`, is meant to be taken, unless the shell has
    a value.
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


def _in_deploy_yaml(environment: Environment) -> Iterator[Question]:
    extended = environment.extended_attributes
    connection = environment.connection or {}
    kept = {key: value for key, value in connection.items() if key not in extended}
    yield from (("`connection:`", each) for each in asked(kept))
    yield from (("`extended_attributes:`", each) for each in asked(extended))


def _in_files(environment: Environment, checkout: Checkout, rendering: Rendering) -> list[Question]:
    """Return the questions of a checkout's files; a faulty file has none: a deployment tells."""
    commit = checkout.root.name[:12]
    found: list[Question] = []
    with suppress(DeployError):
        directory = project_directory(checkout, environment.project)
        found += ((f"{file} of commit {commit}", each) for file, each in in_project(directory))
        if environment.connection is None:
            connected = _in_profiles(environment, checkout, directory, rendering)
            found += ((f"profiles.yml of commit {commit}", each) for each in connected)
    return found


def _in_profiles(
    environment: Environment, checkout: Checkout, directory: Path, rendering: Rendering
) -> Iterator[EnvVarCall]:
    """Yield the calls in the target's name, unless deploy.yaml names it, and in the target."""
    file = directory / (environment.profiles_directory or "") / "profiles.yml"
    if environment.target is None:
        for each in yaml_mapping(file, "").values():
            if isinstance(each, dict):
                yield from asked(cast(dict[str, Any], each).get("target"))
    made = profile(environment, directory, rendering, tree=checkout.tree)
    extended = environment.extended_attributes
    yield from asked({key: value for key, value in made.output.items() if key not in extended})


def _rendering(
    deployment: Deployment, environment: Environment, state: StateDirectory
) -> Rendering:
    """Return the values that names of profiles and targets may ask for; no secret is needed."""
    users = variables(environment).items()
    return Rendering(
        {
            **inherited(environment),
            **{name: value for name, value in users if isinstance(value, str)},
            "DEPLOY_STATE": str(state.root),
            **built_in(
                account=deployment.account,
                environment=environment,
                job=None,
                run_number=0,
                category="other",
                reason="Checked",
            ),
        }
    )
