"""Everything that a dbt command of one commit in one environment needs, on this machine."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy_project.config.deployment import Environment, Job, Secret
from deploy_project.config.environment import reveal, store_credentials
from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.variables import variables
from deploy_project.dbt import duckdb_files, flags, process
from deploy_project.dbt.commands import Listing
from deploy_project.dbt.duckdb_files import Copy
from deploy_project.dbt.events import Event
from deploy_project.dbt.installation import Installation, installation
from deploy_project.dbt.process import Exit, Invocation, Program
from deploy_project.dbt.profiles import Profile, profile, project_file
from deploy_project.dbt.secrets import Scrubber
from deploy_project.errors import ConfigError
from deploy_project.git.checkouts import project_directory


@dataclass(frozen=True)
class Workspace:
    """A checkout with its profile, its dbt and its variables."""

    environment: Environment
    checkout: Checkout
    project_directory: Path
    profile: Profile
    installation: Installation
    profiles_directory: Path
    variables: Mapping[str, str]
    scrubber: Scrubber
    parse_key: str
    flags: Mapping[str, object] = field(default_factory=dict[str, object])
    """dbt's flags, as dbt_project.yml or profiles.yml has them."""
    database_copy: Copy | None = None
    """What it builds in instead of the connection's own DuckDB file; the file may not exist yet."""

    @property
    def database_file(self) -> Path | None:
        """The DuckDB file that the profile names, if it names one."""
        return duckdb_files.database_file(
            self.profile.output, self.variables, self.project_directory
        )

    @property
    def parsed(self) -> Path:
        """Where this combination of settings keeps dbt's parse of the commit."""
        return self.checkout.parsed(self.parse_key)

    def run(
        self,
        arguments: tuple[str, ...],
        *,
        directory: Path,
        on_line: Callable[[str], None],
        on_event: Callable[[Event], None] = lambda _: None,
        state: Path | None = None,
        timeout_seconds: float | None = None,
        before: Listing | None = None,
        other: Program | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Exit:
        """Run one dbt command; `directory` receives `target/` and `dbt.log`.

        It is one of our own, with flags of our own, but where the `variables` say otherwise.
        What is wanted `before` is listed before the command begins, and heard as an event. An
        `other` program takes dbt's place, with the same surroundings and the same protection.
        """
        if variables is None:
            variables = flags.of_our_own(arguments, self.variables, self.flags)
        invocation = Invocation(
            arguments=arguments,
            python=other.python if other else self.installation.python,
            project_directory=self.project_directory,
            profiles_directory=self.profiles_directory,
            target_directory=directory / "target",
            debug_log=directory / "dbt.log",
            variables=variables,
            state=state,
            program=other.file if other else None,
            before=before,
        )
        return process.run(
            invocation,
            scrubber=self.scrubber,
            on_event=on_event,
            on_line=on_line,
            timeout_seconds=timeout_seconds,
        )


def secrets(environment: Environment, job: Job | None) -> dict[str, str]:
    """Return the values of all secrets by the name of who wants them; also the tokens.

    Raises `ConfigError` naming the first one that can't be read.
    """
    found = {
        name: reveal(value, wanted_by=f"environment {environment.name!r}: {name}")
        for name, value in variables(environment, job).items()
        if isinstance(value, Secret)
    }
    token = environment.project.token
    if token is not None:
        found["token"] = reveal(token, wanted_by=f"project {environment.project.name!r}: token")
    hosting = environment.project.hosting
    if hosting is not None and hosting.token is not None:
        with suppress(ConfigError):  # a run can do without it
            found["hosting"] = reveal(hosting.token, wanted_by="hosting")
    return {name: value.get_secret_value() for name, value in found.items()}


def scrubber(environment: Environment, job: Job | None) -> Scrubber:
    """Return what takes all secrets of a run out of its files; raises as `secrets` does.

    Those of the artifact store are among them: deploy.yaml does not name them, but dbt inherits
    them.
    """
    plain = variables(environment, job).items()
    masked = [
        value
        for name, value in plain
        if isinstance(value, str) and name.startswith("DBT_ENV_SECRET")
    ]
    return Scrubber([*secrets(environment, job).values(), *masked, *store_credentials()])


def workspace(
    environment: Environment,
    job: Job | None,
    checkout: Checkout,
    state: StateDirectory,
    *,
    profiles_directory: Path,
    built_in: Mapping[str, str],
    schema_override: str | None = None,
    copies: Path | None = None,
) -> Workspace:
    """Write the profile and return the workspace.

    With `copies`, a directory, a connection to a DuckDB file becomes one to a copy of it there.

    Raises `ConfigError` for a missing profile, target or secret, `DbtError` for a dbt that can't
    be had, `GitError` when the commit holds no dbt project where it should.
    """
    directory = project_directory(checkout, environment.project)
    made = profile(
        environment,
        directory,
        target_name=job.target_name if job else None,
        threads=job.threads if job else None,
        schema_override=schema_override,
    )
    hidden = secrets(environment, job)
    plain = {
        name: value
        for name, value in variables(environment, job).items()
        if not isinstance(value, Secret)
    }
    wanted_version = (job.dbt_version if job else None) or environment.dbt_version
    dbt = installation(wanted_version, made.adapter, state)
    shown = {name: value for name, value in hidden.items() if name != "token"}
    seen = {**plain, **shown, "DEPLOY_STATE": str(state.root), **built_in}
    copy = _copy(made, seen, directory, copies) if copies is not None else None
    if copy is not None:
        made = replace(made, output={**made.output, "path": str(copy.copy)})
    made.write(profiles_directory)
    return Workspace(
        environment=environment,
        checkout=checkout,
        project_directory=directory,
        profile=made,
        installation=dbt,
        profiles_directory=profiles_directory,
        variables=seen,
        scrubber=scrubber(environment, job),
        parse_key=_parse_key(environment, made, dbt, plain),
        flags=flags.project_flags(project_file(directory), made.config),
        database_copy=copy,
    )


def _copy(made: Profile, seen: Mapping[str, str], directory: Path, copies: Path) -> Copy | None:
    """Return the copy of the profile's file; its name stays, for that is the database's name."""
    file = duckdb_files.database_file(made.output, seen, directory)
    return None if file is None else Copy(file, copies / file.name)


def _parse_key(
    environment: Environment, made: Profile, dbt: Installation, plain: Mapping[str, str]
) -> str:
    """Return a name for what decides dbt's parse beside the files, without secrets in it."""
    output = {key: value for key, value in made.output.items() if key != "threads"}
    decisive = [made.name, made.target, output, dbt.dbt_version, dict(plain)]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode())
    return f"{environment.name}-{digest.hexdigest()[:16]}"
