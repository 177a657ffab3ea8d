"""The variables and secrets that dbt is given, and the scrubbers that hide all secrets."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from deploy_project.config.environment import for_dbt, reveal, store_credentials
from deploy_project.config.values.deployment import Deployment, Environment, Job, Secret
from deploy_project.config.values.passed import (
    credentials,
    for_strangers,
    may_be_productions,
)
from deploy_project.config.values.purposes import withheld
from deploy_project.config.values.variables import variables
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import ConfigError

_SHORTEST = 8
_GIT_CONFIGURATION = "GIT_CONFIG_"


@dataclass(frozen=True)
class Given:
    """The variables of dbt's processes, and scrubbers for the secrets that no text may show."""

    inherited: Mapping[str, str]
    """Those of our own environment."""
    variables: Mapping[str, str]
    """The user's, from deploy.yaml and the jobs files."""
    known: Scrubber
    """Hides the secrets among both."""
    scrubber: Scrubber
    """Hides these, and those with another purpose: git's, the hosting site's, a store's."""
    left_out: tuple[str, ...] = ()
    """The names of variables of clouds and warehouses that a stranger's dbt is not given."""


def given(
    environment: Environment, job: Job | None, *, named_to_stranger: Collection[str] | None = None
) -> Given:
    """Return the variables and scrubbers of dbt's processes in `environment`.

    For a stranger's code, `named_to_stranger` are the variables that trusted code names.
    Raises `ConfigError` when a variable's secret, or the project's token, can't be read; a run can
    do without the other secrets.
    """
    project = environment.project
    if project.token is not None:
        reveal(project.token, wanted_by=f"project {project.name!r}: token")
    everything = ours = inherited(environment)
    if named_to_stranger is not None:
        ours = for_strangers(everything, named_to_stranger)
    wanted = variables(environment, job)
    plain = {name: value for name, value in wanted.items() if isinstance(value, str)}
    secret = {
        name: reveal(value, wanted_by=f"environment {environment.name!r}: {name}")
        for name, value in wanted.items()
        if isinstance(value, Secret)
    }
    own = {name: value.get_secret_value() for name, value in secret.items()}
    masked = [value for name, value in plain.items() if name.startswith("DBT_ENV_SECRET")]
    known = [*own.values(), *masked, *credentials(ours)]
    return Given(
        inherited=ours,
        variables={**plain, **own},
        known=Scrubber(known),
        scrubber=Scrubber(
            [
                *(*known, *credentials(everything)),
                *(*revealed(environment.withheld), *store_credentials()),
            ]
        ),
        left_out=tuple(
            name for name in sorted(everything.keys() - ours.keys()) if may_be_productions(name)
        ),
    )


def inherited(environment: Environment) -> dict[str, str]:
    """Return the variables of our own environment that dbt gets in `environment`.

    A variable that passes by default does not when a withheld secret is in its value. Where that is
    one of git's configuration, all of it stays out, for git refuses half of one.
    """
    added = {*environment.project.pass_variables, *environment.pass_variables}
    names = {each.env for each in environment.withheld if each.env is not None}
    found = for_dbt(added, withheld=names)
    others = Scrubber([each for each in revealed(environment.withheld) if len(each) >= _SHORTEST])
    telling = {name for name, value in found.items() if others.text(value) != value} - added
    if any(name.startswith(_GIT_CONFIGURATION) for name in telling):
        telling |= {name for name in found if name.startswith(_GIT_CONFIGURATION)}
    return {name: value for name, value in found.items() if name not in telling}


def revealed(secrets: Iterable[Secret]) -> list[str]:
    """Return the values of those `secrets` that can be read."""
    found: list[str] = []
    for each in secrets:
        with suppress(ConfigError):
            found.append(reveal(each, wanted_by="").get_secret_value())
    return found


def scrubber(deployment: Deployment) -> Scrubber:
    """Return a scrubber of all secrets that this process can read, in all environments.

    A step that goes on has scrubbed its console, but its debug log of the usual spellings alone.
    """
    withheld_ones = withheld(deployment.projects.values(), deployment.channels.values())
    named = [each for each, _ in withheld_ones]
    plain: list[str] = []
    environments = deployment.environments.values()
    stated = [variables(each) for each in environments]
    stated += [variables(each.environment, each) for each in deployment.jobs.values()]
    for name, value in (pair for each in stated for pair in each.items()):
        if isinstance(value, Secret):
            named.append(value)
        elif name.startswith("DBT_ENV_SECRET"):
            plain.append(value)
    passed = [value for each in environments for value in credentials(inherited(each))]
    return Scrubber({*revealed({*named}), *plain, *passed, *store_credentials()})
