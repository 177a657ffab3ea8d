"""The workspace of dbt commands: a commit's files, profile, variables and dbt installation."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Environment, Job, Secret
from deploy_project.config.values.variables import variables
from deploy_project.dbt.arguments import flags
from deploy_project.dbt.arguments.commands import ListCommand
from deploy_project.dbt.artifacts.events import Event
from deploy_project.dbt.processes import process
from deploy_project.dbt.processes.installation import Installation, installation
from deploy_project.dbt.processes.left_behind import make_plain
from deploy_project.dbt.processes.process import Exit, Invocation, Program
from deploy_project.dbt.processes.sandbox import Sandbox
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.dbt.project.paths import refuse_leaving
from deploy_project.dbt.project.profiles import Profile, profile, project_file
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError, GitError
from deploy_project.git.checkouts import hold, project_directory
from deploy_project.releases.connections import Connection, connected, described
from deploy_project.releases.given import Given, given
from deploy_project.releases.strangers import Stranger, Trusted, trusted
from deploy_project.releases.trees import own_tree
from deploy_project.releases.warehouses import Warehouse


@dataclass(frozen=True)
class ProjectCopy:
    """A copy of a commit's dbt project, with the profile and variables to build it.

    All that dbt writes is in `own`, the directory of a run or of another user of dbt.
    """

    environment: Environment
    job: Job | None
    checkout: Checkout
    own: Path
    project_directory: Path
    profile: Profile
    connection: Connection
    given: Given
    variables: Mapping[str, str]
    """The user's own, and those that every run sets."""
    rendering: Rendering
    """The values for Jinja of `dbt_project.yml` and the packages files."""
    stranger: Stranger | None
    """The pull request that the commit is of, if it is one's."""

    @property
    def tree(self) -> Path:
        """The files of the commit: a copy that dbt may change."""
        return self.own / "tree"

    @property
    def profiles_directory(self) -> Path:
        """The directory of the one profile there is."""
        return self.own / "profiles"

    @property
    def scrubber(self) -> Scrubber:
        """The scrubber of all secrets, for every text that is shown or kept."""
        return self.given.scrubber


@dataclass(frozen=True)
class Workspace(ProjectCopy):
    """A copy of a project, and the dbt that goes with it."""

    installation: Installation
    flags: Mapping[str, object]
    """dbt's flags, as dbt_project.yml or profiles.yml has them."""
    parse_key: str

    @property
    def parsed(self) -> Path:
        """The directory of dbt's parse of the commit under this combination of settings."""
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
        before: ListCommand | None = None,
        other: Program | None = None,
        variables: Mapping[str, str] | None = None,
        added: Mapping[str, str] | None = None,
        reads: tuple[Path, ...] = (),
    ) -> Exit:
        """Run one dbt command; `directory` receives `target/` and `dbt.log`.

        It is one of our own, with flags of our own, but where the `variables` say otherwise.
        The listing `before` the command is heard as an event. An `other` program takes dbt's
        place, with the same surroundings and the same protection. `added` are variables beside
        dbt's own, `reads` files and directories that a sandbox is to let it read.
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
            temporary=self.own / "tmp",
            inherited=self.given.inherited,
            variables={**variables, **(added or {})},
            secrets=self.given.known.secrets,
            state=state,
            program=other.file if other else None,
            before=before,
            sandbox=self._sandbox(reads),
        )
        try:
            return process.run(
                invocation,
                scrubber=self.scrubber,
                on_event=on_event,
                on_line=on_line,
                timeout_seconds=timeout_seconds,
            )
        finally:
            if self.stranger is not None:
                read = (invocation.target_directory, invocation.debug_log, self.tree)
                make_plain(read, unread=(invocation.temporary, self.stranger.copies))

    def _sandbox(self, reads: tuple[Path, ...]) -> Sandbox | None:
        if self.stranger is None:
            return None
        writes = (self.tree, self.stranger.copies)
        return self.stranger.sandbox(self.given, reads=reads, writes=writes)


def project_copy(
    environment: Environment,
    job: Job | None,
    checkout: Checkout,
    state: StateDirectory,
    *,
    own: Path,
    built_in: Mapping[str, str],
    siblings: Collection[str],
    schema_override: str | None = None,
    stranger: Stranger | None = None,
) -> ProjectCopy:
    """Copy the commit's files into `own` unless they are there; return the copy of the project.

    `siblings` are the project's other deployed environments. For a `stranger`, a connection to
    files of a DuckDB warehouse becomes one to copies of them.

    Raises `ConfigError` for a missing profile, target or secret and for a path that leads out of
    the repository, `GitError` when the commit holds no dbt project where it should.
    """
    project = environment.project
    with hold(checkout):
        project_directory(checkout, project)
        tree = own_tree(
            checkout, own / "tree", without=PurePosixPath(project.subdirectory) / "target"
        )
    directory = tree / project.subdirectory
    named = stranger.trusted.variables if stranger else None
    found = given(environment, job, named_to_stranger=named)
    seen = _seen(found, state, built_in)
    rendering = Rendering({**found.inherited, **seen})
    made = profile(
        environment,
        directory,
        rendering,
        tree=tree,
        target_name=job.target_name if job else None,
        threads=job.threads if job else None,
        schema_override=schema_override,
    )
    rendering = replace(rendering, target=made.shown)
    refuse_leaving(directory, tree, rendering)
    connection = connected(
        made.output,
        rendering,
        Warehouse(project, environment.name, siblings, state),
        checkout,
        project=directory,
        profiles=made.directory,
        stranger=stranger,
    )
    return ProjectCopy(
        environment=environment,
        job=job,
        checkout=checkout,
        own=own,
        project_directory=directory,
        profile=replace(made, output=connection.output),
        connection=connection,
        given=found,
        variables=seen,
        rendering=rendering,
        stranger=stranger,
    )


def workspace(copy: ProjectCopy, state: StateDirectory) -> Workspace:
    """Return the workspace of a copy, and write its profile.

    Raises `DbtError` for a dbt that can't be had.
    """
    environment, job = copy.environment, copy.job
    wanted_version = (job.dbt_version if job else None) or environment.dbt_version
    dbt = installation(wanted_version, copy.profile.adapter, state)
    copy.profile.write(copy.profiles_directory)
    return Workspace(
        **{each.name: getattr(copy, each.name) for each in fields(copy)},
        installation=dbt,
        flags=flags.project_flags(project_file(copy.project_directory), copy.profile.config),
        parse_key=_parse_key(copy, dbt, state),
    )


def committed_profile(
    environment: Environment,
    checkout: Checkout,
    state: StateDirectory,
    *,
    built_in: Mapping[str, str],
) -> Profile:
    """Return the profile of a commit as its own files have it, without a copy of them.

    Raises as `project_copy` does, save for paths that lead out of the repository.
    """
    with hold(checkout):
        directory = project_directory(checkout, environment.project)
        rendering = _rendering(environment, state, built_in)
        try:
            return profile(environment, directory, rendering, tree=checkout.tree)
        except ConfigError as error:  # people know the repository, not where it is checked out
            raise ConfigError(str(error).replace(f"{checkout.tree}/", "")) from error


def trusted_files(
    environment: Environment,
    job: Job,
    checkout: Checkout | None,
    state: StateDirectory,
    *,
    built_in: Mapping[str, str],
) -> Trusted:
    """Return the files and variables that trusted code lets a pull request of `job` have.

    That is `connection:` of deploy.yaml, or the profile of `checkout`, which is not the pull
    request's. Without either, or with one that can't be read, none.
    """
    rendering = _rendering(environment, state, built_in)
    warehouse = Warehouse(environment.project, environment.name, (), state)
    output = environment.connection
    if output is not None:
        output = {**output, **environment.extended_attributes}
    elif checkout is not None:
        with suppress(ConfigError, GitError), hold(checkout):
            directory = project_directory(checkout, environment.project)
            target = job.target_name
            made = profile(
                environment, directory, rendering, tree=checkout.tree, target_name=target
            )
            output = made.output
    is_ours = environment.connection is not None
    passed = {*environment.project.pass_variables, *environment.pass_variables}
    return trusted(output or {}, rendering, warehouse, is_ours=is_ours, passed=passed)


def warehouse_files(
    environment: Environment,
    checkout: Checkout | None,
    state: StateDirectory,
    *,
    built_in: Mapping[str, str],
) -> list[str]:
    """Return a sentence about each file of the warehouse that a relative path means.

    Without a `checkout`, only `connection:` of deploy.yaml can tell. Raises as `committed_profile`.
    """
    output, project = environment.connection, None
    if checkout is not None:
        output = committed_profile(environment, checkout, state, built_in=built_in).output
        project = checkout.tree / environment.project.subdirectory
    warehouse = Warehouse(environment.project, environment.name, (), state)
    rendering = _rendering(environment, state, built_in)
    return described(output or {}, rendering, warehouse, project)


def _rendering(
    environment: Environment, state: StateDirectory, built_in: Mapping[str, str]
) -> Rendering:
    found = given(environment, None)
    return Rendering({**found.inherited, **_seen(found, state, built_in)})


def _seen(found: Given, state: StateDirectory, built_in: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that dbt gets beside those it inherits."""
    return {**found.variables, "DEPLOY_STATE": str(state.root), **built_in}


def _parse_key(copy: ProjectCopy, dbt: Installation, state: StateDirectory) -> str:
    """Return the key of all settings that decide dbt's parse; no secret can be read from it."""
    made, wanted = copy.profile, variables(copy.environment, copy.job).items()
    plain = {name: value for name, value in wanted if not isinstance(value, Secret)}
    output = {key: value for key, value in made.output.items() if key != "threads"}
    decisive = [made.name, made.target, output, dbt.dbt_version, plain]
    if copy.stranger is not None:
        decisive.append(copy.stranger.name)
    text = json.dumps(decisive, sort_keys=True, default=str).replace(str(state.root), "{state}")
    digest = hashlib.sha256(text.encode())
    return f"{copy.environment.name}-{digest.hexdigest()[:16]}"
