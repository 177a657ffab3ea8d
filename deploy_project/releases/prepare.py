"""The deploy of a commit to an environment: prepare it, move the pointer, evict checkouts."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.config.values.variables import built_in
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.artifacts.manifest import Manifest, cycle, read_manifest
from deploy_project.dbt.project.profiles import Profile
from deploy_project.errors import ConfigError, DbtError
from deploy_project.git.checkouts import ensure_checkout, evict, hold
from deploy_project.releases import parses, pointer
from deploy_project.releases.packages.installing import ensure_packages
from deploy_project.releases.pointer import Pointer
from deploy_project.releases.questions.selections import asked, ensure_told
from deploy_project.releases.warehouses import rescue
from deploy_project.releases.workspace import (
    Workspace,
    committed_profile,
    project_copy,
    warehouse_files,
    workspace,
)

CHECKOUTS_KEPT = 20
CHECKOUT_AGE = timedelta(days=8)
"""dbt Cloud keeps a cached clone for eight days (JOB-13)."""


def prepare(
    deployment: Deployment,
    environment: Environment,
    commit: str,
    state: StateDirectory,
    *,
    on_line: Callable[[str], None],
) -> Pointer:
    """Check `commit` out, install its packages, parse it, and return a pointer to it.

    Nothing that is deployed changes. Raises `GitError`, `ConfigError` or `DbtError` with the
    tool's own words, `ArtifactError` when the disk is full or can't be written.
    """
    with state.explained(f"preparing commit {commit[:12]} for {environment.name!r}"):
        return _prepared(deployment, environment, commit, state, on_line)


def _prepared(
    deployment: Deployment,
    environment: Environment,
    commit: str,
    state: StateDirectory,
    on_line: Callable[[str], None],
) -> Pointer:
    with outside_of_a_run(deployment, environment, None, commit, state, reason="Deployed") as (
        ready,
        scratch,
    ):
        ensure_packages(ready, scratch, on_line)
        manifest = parses.kept(ready.parsed) or _parse(ready, scratch, on_line)
        if circle := cycle(manifest):
            names = " --> ".join(circle)
            raise _refused(ready, f"nodes refer to each other in a circle: {names}; break it")
        ensure_told(ready, asked(deployment.jobs_in(environment)), scratch, on_line)
        return Pointer(commit, ready.parse_key)


@contextmanager
def outside_of_a_run(
    deployment: Deployment,
    environment: Environment,
    job: Job | None,
    commit: str,
    state: StateDirectory,
    *,
    reason: str,
) -> Generator[tuple[Workspace, Path]]:
    """Yield the workspace of `commit` for `job`, and scratch space that is deleted afterwards.

    `reason` becomes the variable `DBT_CLOUD_RUN_REASON` of dbt. Raises `GitError`,
    `ConfigError` or `DbtError`.
    """
    checkout = ensure_checkout(environment.project, state, commit)
    state.all_work.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=state.all_work, prefix="deploy-"))
    try:
        with hold(checkout):
            copy = project_copy(
                environment,
                job,
                checkout,
                state,
                own=scratch,
                siblings=deployed_siblings(deployment, environment, state),
                built_in=_built_in(deployment, environment, job, reason),
            )
            yield workspace(copy, state), scratch
    except ConfigError as error:  # the copy of the repository is gone when people read this
        raise ConfigError(str(error).replace(f"{scratch / 'tree'}/", "")) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def connects_by(
    deployment: Deployment, environment: Environment, commit: str, state: StateDirectory
) -> Profile:
    """Return the profile that a run of `commit` would connect with; fetch the commit if need be.

    Nothing is installed, and no file of a warehouse is touched. Raises `GitError` for a repository
    without a dbt project, `ConfigError` for one without the profile or the target.
    """
    with state.explained(f"fetching commit {commit[:12]} for {environment.name!r}"):
        checkout = ensure_checkout(environment.project, state, commit)
        given = _built_in(deployment, environment, None, "Checked")
        return committed_profile(environment, checkout, state, built_in=given)


def files_of(
    deployment: Deployment, environment: Environment, commit: str | None, state: StateDirectory
) -> list[str]:
    """Return a sentence about each file of an environment's warehouse, and make nothing.

    `commit` is the one to look at, else the deployed one, where its files are on this machine.
    Raises `ConfigError` or `GitError` where that can't be told.
    """
    now = pointer.deployed(state, environment.name)
    commits = [each for each in (commit, now.commit if now else None) if each]
    checkouts = (state.checkout(environment.project.name, each) for each in commits)
    checkout = next((each for each in checkouts if each.tree.is_dir()), None)
    given = _built_in(deployment, environment, None, "Checked")
    return warehouse_files(environment, checkout, state, built_in=given)


def _built_in(
    deployment: Deployment, environment: Environment, job: Job | None, reason: str
) -> Mapping[str, str]:
    return built_in(
        account=deployment.account,
        environment=environment,
        job=job,
        run_number=0,
        category="other",
        reason=reason,
    )


def _parse(ready: Workspace, scratch: Path, on_line: Callable[[str], None]) -> Manifest:
    """Have dbt parse the commit, keep that, and return the manifest."""
    said: list[str] = []
    target = scratch / "target"
    start = parses.begin(ready, target)
    ended = ready.run(("parse",), directory=scratch, on_line=said.append)
    if ended.code != 0 and start.commit:
        on_line(start.failed)
        start.drop(target)
        said.clear()
        ended = ready.run(("parse",), directory=scratch, on_line=said.append)
    if ended.code != 0 or not parses.keep(target, ready.parsed, ready.scrubber, start):
        raise _refused(ready, f"`dbt parse` failed (exit {ended.code}): {last_words(said)}")
    return read_manifest(ready.parsed / "manifest.json")


def _refused(ready: Workspace, why: str) -> DbtError:
    environment = ready.environment
    return DbtError(
        f"commit {ready.checkout.root.name[:12]} of project {environment.project.name!r} can't be "
        f"deployed to {environment.name!r}; {why}"
    )


def deploy(
    deployment: Deployment, environment: Environment, ready: Pointer, state: StateDirectory
) -> None:
    """Move the pointer of `environment` to `ready`, and evict checkouts that nobody needs."""
    with state.explained(f"deploying commit {ready.commit[:12]} to {environment.name!r}"):
        pointer.move(state, environment.name, ready)
    evict_unneeded(deployment, environment, state)


def deployed_siblings(
    deployment: Deployment, environment: Environment, state: StateDirectory
) -> list[str]:
    """Return the names of the project's other environments that have a deployed commit."""
    return [
        each.name
        for each in deployment.environments_of(environment.project)
        if each.name != environment.name
        if pointer.deployed(state, each.name) is not None
    ]


def evict_unneeded(deployment: Deployment, environment: Environment, state: StateDirectory) -> None:
    """Remove old checkouts of the project, except those that are deployed or in use."""
    siblings = deployment.environments_of(environment.project)
    pointers = (pointer.deployed(state, each.name) for each in siblings)
    evict(
        environment.project,
        state,
        keep={each.commit for each in pointers if each is not None},
        older_than=CHECKOUT_AGE,
        at_most=CHECKOUTS_KEPT,
        before=lambda checkout: _rescue(environment, state, checkout),
    )


def _rescue(environment: Environment, state: StateDirectory, checkout: Checkout) -> None:
    for line in rescue(environment.project, state, checkout):
        print(line, file=sys.stderr)
