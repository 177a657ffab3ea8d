"""One run of one job, read from its tags; its code, checkout, workspace and time limit."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from deploy_project.config import small_files
from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.config.values.variables import built_in, noted_in_artifacts
from deploy_project.dbt.project import duckdb_files
from deploy_project.dbt.project.schemas import pull_request_schema, schema_name
from deploy_project.errors import ConfigError, RemoteError
from deploy_project.git import known as known_heads
from deploy_project.git import remote
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.merges import merged
from deploy_project.git.mirror import contains, ensure_commit, is_full, is_here
from deploy_project.releases import pointer
from deploy_project.releases.connections import Connection
from deploy_project.releases.prepare import deployed_siblings
from deploy_project.releases.strangers import Stranger, refuse_unheld
from deploy_project.releases.workspace import (
    ProjectCopy,
    Workspace,
    project_copy,
    trusted_files,
    workspace,
)
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.code import Code, head, head_of
from deploy_project.runs.model.overrides import Overrides
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.store import scratch
from deploy_project.runs.store.artifacts import Artifacts


@dataclass(frozen=True)
class Run:
    """One run of one job; `commit`, `branch` and `pull_request` come from its tags."""

    id: str
    job: Job
    """The job as this run has it, with the `overrides`."""
    deployment: Deployment
    state: StateDirectory
    trigger: Trigger
    commit: str | None = None
    branch: str | None = None
    branch_override: str | None = None
    """The branch to build the head of, instead of the environment's; as asked for, unchecked."""
    pull_request: int | None = None
    upstream_run: str | None = None
    """The id of the run that has started this one by its end."""
    resumes: str | None = None
    """The id of the failed or cancelled run that this one goes on from (RTY-2)."""
    retry_select: str = ""
    """The selection that the resumed command is narrowed to, as dbt's `--select` takes it."""
    schema: str | None = None
    """The schema to build into instead of the environment's; as asked for, unchecked."""
    overrides: Overrides = overrides.NONE
    refused_overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The overrides that were asked for, where one of them is invalid; empty else."""
    who: str = ""
    """The name of whoever has asked for it; empty where nobody knows, or nobody did."""
    why_refused: str = ""
    """The reason why it can't be what it was asked to be; empty when it can."""

    @classmethod
    def of(
        cls,
        dagster_run: dg.DagsterRun,
        job: Job,
        deployment: Deployment,
        state: StateDirectory,
    ) -> "Run":
        """Return the run of `job`, as configured, that Dagster's run asks for.

        A run that is repeated, from its start or from its failure, takes the code afresh (RTY-4),
        from the branch that was asked for, save a pull request's run and one that is asked to stay
        on its commit.
        """
        asked = tags.current(dagster_run.tags)
        if dagster_run.parent_run_id:  # the command line's way of repeating sets no tag
            asked[tags.PARENT] = dagster_run.parent_run_id
        number = tags.pull_request(asked)
        stays = job.job_type == "ci" or number is not None or asked.get(tags.SAME_COMMIT) == "true"
        afresh = tags.PARENT in asked and not stays
        given, wrong, refused = overrides.NONE, "", dict[str, Any]()
        try:
            given = overrides.of_config(dagster_run.run_config)
        except ConfigError as error:  # its first step tells
            wrong, refused = str(error), overrides.asked_for(dagster_run.run_config)
        if number is None and asked.get(tags.PULL_REQUEST) and job.job_type != "ci":
            wrong = (
                f"the tag {tags.PULL_REQUEST!r} is {asked[tags.PULL_REQUEST]!r}, which is no "
                "pull request's number; correct it, or take it away"
            )
        return cls(
            id=dagster_run.run_id,
            job=given.applied(job),
            deployment=deployment,
            state=state,
            trigger=tags.trigger(asked, from_location=dagster_run.remote_job_origin is not None),
            commit=None if afresh else tags.commit(asked),
            branch=None if afresh else tags.branch(asked),
            branch_override=asked.get(tags.BRANCH_OVERRIDE),
            upstream_run=None if tags.PARENT in asked else asked.get(tags.UPSTREAM_RUN),
            pull_request=number,
            resumes=tags.resumed(asked),
            retry_select=asked.get(tags.RETRY_SELECT, ""),
            schema=asked.get(tags.SCHEMA_OVERRIDE),
            overrides=given,
            refused_overrides=refused,
            who=tags.who(asked),
            why_refused=wrong,
        )

    @property
    def configured(self) -> Job:
        """The job without the overrides of this run."""
        return self.deployment.jobs.get(self.job.name, self.job)

    @property
    def environment(self) -> Environment:
        """The environment it runs in."""
        return self.job.environment

    @property
    def work(self) -> Path:
        """Its scratch space on this machine."""
        return self.state.work(self.id)

    @property
    def artifacts(self) -> Artifacts:
        """The artifact root that it writes to."""
        return Artifacts.of(self.deployment, self.state)

    @property
    def is_rerun(self) -> bool:
        """Whether it repeats another run; it has all tags of that one."""
        return self.trigger.category == "rerun"

    @property
    def is_ci(self) -> bool:
        """Whether it must not touch production's assets and state (DESIGN 4)."""
        return self.job.job_type == "ci" or self.pull_request is not None

    @property
    def merges(self) -> bool:
        """Whether it builds the merge of its pull request into the base, not the head itself."""
        wanted = self.environment.project.pull_requests.build == "merge"
        return wanted and self.is_ci and self.pull_request is not None

    @property
    def why_unpublished(self) -> str:
        """The reason why its request keeps it from publishing anything; empty for none."""
        asked, usual = self.job, self.configured
        if self.is_ci:
            return "it is a pull request's"
        if self.schema is not None:
            return "it builds into another schema"
        if _target(asked) != _target(usual):
            return "it has another target"
        if asked.commands != usual.commands:
            return "it has other steps than its job"
        if _version(asked) != _version(usual):
            return "it has another version of dbt"
        return ""

    @property
    def schema_override(self) -> str | None:
        """The schema to build into: a pull request's (CI-3), or the one asked for; None for none.

        Raises `ConfigError` for a CI run without a pull request, and for an invalid schema name.
        """
        if not self.is_ci:
            return schema_name(self.schema) if self.schema is not None else None
        if self.pull_request is None:
            raise ConfigError(
                f"job {self.job.name!r} is a CI job and builds into the schema of a pull request; "
                f"start it with the tag {tags.PULL_REQUEST!r} set to the pull request's number"
            )
        return pull_request_schema(self.job.id, self.pull_request)


def configured_job(dagster_run: dg.DagsterRun, deployment: Deployment) -> Job | None:
    """Return the deployment job that Dagster's run is a run of, as configured; None for none."""
    return overrides.job_of(
        dagster_run.job_name, dagster_run.tags, dagster_run.run_config, deployment
    )


def _target(job: Job) -> str | None:
    return job.target_name or job.environment.target


def _version(job: Job) -> str | None:
    return job.dbt_version or job.environment.dbt_version


def begun_at(run: Run) -> datetime:
    """Return the time when the run began on this machine; the first call records it."""
    file = run.work / "begun"
    run.work.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        file.touch(exist_ok=False)  # empty: a full disk has room for that
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def seconds_left(run: Run) -> float | None:
    """Return the seconds left of the job's timeout; None without a timeout (JOB-6)."""
    limit = run.job.timeout_seconds
    if not limit:
        return None
    return max(0.0, limit - _elapsed(run))


_began: dict[Path, float] = {}
"""The time when each run of this process began, by a clock that nobody can set."""


def _elapsed(run: Run) -> float:
    now = time.monotonic()
    # A file's time may lie ahead of the clock, by a little or by another machine's.
    since = max(0.0, (datetime.now(UTC) - begun_at(run)).total_seconds())
    return now - _began.setdefault(run.work, now - since)


def known_source(run: Run) -> Code | None:
    """Return the code that the run has resolved already; None before its first step."""
    try:
        return Code(**json.loads((run.work / "source.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def source(run: Run) -> Code:
    """Return the code of the run, asking the remote only once (CMD-1: afresh for each run).

    A commit that the trigger fixed is taken as it is; a pull request's may have to be merged with
    the head of its base. Else it is the head of the branch that was asked for, or of the
    environment's: now, or the last known one of that while the remote is away and the project wants
    it (JOB-13).
    """
    known = known_source(run)
    if known is not None:
        return known
    if run.commit is not None:
        if not is_full(run.commit):
            raise ConfigError(
                f"the tag {tags.COMMIT!r} is {run.commit!r}, which is no full commit id; give all "
                "its 40 (or 64) digits of 0-9 and a-f, or no such tag to build the branch's head"
            )
        found = Code(run.commit, run.branch or "", is_head=False)
        if not run.is_ci and run.branch is None and not _judged_a_strangers(run, found):
            found = replace(found, branch=run.environment.branch or "")
        if run.merges:
            base = remote.head(run.environment)
            found = replace(found, base=base.commit, base_branch=base.branch)
    elif run.branch_override not in (None, run.environment.branch):
        found = head_of(run.branch_override, run.environment)
    else:
        cached = run.environment.project.git_repo_cache and not run.is_ci
        found = head(run.environment, run.state, may_be_known=cached)
    run.work.mkdir(parents=True, exist_ok=True)
    small_files.write_text(run.work / "source.json", json.dumps(found.__dict__))
    return found


def checkout(run: Run) -> Checkout:
    """Return the checkout of the run's commit, merged or not, making it when there is none.

    Raises `GitError`, which is a `ConflictError` when it can't be merged.
    """
    found = source(run)
    commit = _merged(run, found) if found.base else found.commit
    trusted = _base(run).root.name if is_of_a_stranger(run) else None
    return ensure_checkout(run.environment.project, run.state, commit, trusted=trusted)


def _merged(run: Run, found: Code) -> str:
    """Return the commit that merges the run's commit into its base, and record it."""
    project, file = run.environment.project, run.work / "merged"
    known = file.read_text(encoding="utf-8") if file.exists() else ""
    if known and is_here(project, run.state, known):
        return known
    made = merged(project, run.state, base=found.base, head=found.commit)
    small_files.write_text(file, made)
    return made


def ready(run: Run) -> Workspace:
    """Return the workspace of the run; safe to call in every step, also after a restart."""
    return workspace(_project_copy(run), run.state)


def connection(run: Run) -> Connection:
    """Return the connection of the run, without the need for an installed dbt."""
    return _project_copy(run).connection


def _project_copy(run: Run) -> ProjectCopy:
    given = built_in_variables(run)
    return project_copy(
        run.environment,
        run.job,
        checkout(run),
        run.state,
        own=run.work,
        built_in={**given, **noted_in_artifacts(given)},
        siblings=deployed_siblings(run.deployment, run.environment, run.state),
        schema_override=run.schema_override,
        stranger=_stranger(run),
    )


def is_of_a_stranger(run: Run) -> bool:
    """Whether nobody has taken the run's code into its environment's branch.

    So is that of a pull request, and a commit that is not in the branch's history. The first call
    records it. Raises `GitError` when the run's commit can't be had.
    """
    if run.pull_request is not None:
        return True
    if known_as_a_strangers(run) is None:
        found = source(run)  # which may have to judge it for itself
        if known_as_a_strangers(run) is None:
            _judged_a_strangers(run, found)
    return known_as_a_strangers(run) is not False


def _judged_a_strangers(run: Run, found: Code) -> bool:
    """Ask the remote, once for the run, whether its code is a stranger's, and record it."""
    is_strangers = not _is_in_history(run, found)
    run.work.mkdir(parents=True, exist_ok=True)
    small_files.write_text(run.work / "stranger", "yes" if is_strangers else "no")
    return is_strangers


def known_as_a_strangers(run: Run) -> bool | None:
    """Whether the run's code is a stranger's, asking nobody; None where that is not known yet."""
    if run.pull_request is not None:
        return True
    file = run.work / "stranger"
    return file.read_text(encoding="utf-8") != "no" if file.is_file() else None


def may_be_a_strangers(run: Run) -> bool:
    """Whether the run's code is a stranger's, or somebody has asked for code that can't be had."""
    known = known_as_a_strangers(run)
    by_somebody = run.trigger.category in ("api", "ui", "rerun")
    asked = run.commit is not None or run.branch_override is not None
    return known or (known is None and known_source(run) is None and by_somebody and asked)


def _is_in_history(run: Run, found: Code) -> bool:
    """Whether a run's code is in the history of its environment's branch, or was at its head.

    While the remote is away, its last known head decides.
    """
    environment, project = run.environment, run.environment.project
    now = pointer.deployed(run.state, environment.name)
    if found.is_head or found.used_repo_cache or (now is not None and now.commit == found.commit):
        return True
    mirror = ensure_commit(project, run.state, found.commit)
    try:
        newest = remote.head(environment).commit
    except RemoteError:
        last = known_heads.recall(environment, run.state)
        return last is not None and contains(mirror, last.commit, found.commit)
    return contains(ensure_commit(project, run.state, newest), newest, found.commit)


def why_unpublished(run: Run) -> str:
    """Return the reason why a run publishes nothing; empty when it does, if it succeeds."""
    if not run.is_ci and is_of_a_stranger(run):
        return "its code is not of its environment's branch"
    return run.why_unpublished


def _stranger(run: Run) -> Stranger | None:
    """Return the run's code as a stranger; None for trusted code."""
    if not is_of_a_stranger(run):
        return None
    job, environment = run.job, run.environment
    rules = environment.project.pull_requests
    refuse_unheld(rules)
    base = _base(run)
    given = built_in_variables(run)
    return Stranger(
        name=_name(run),
        rules=rules,
        trusted=trusted_files(environment, job, base, run.state, built_in=given),
        copies=_copies(run),
        base=base,
        package_mirrors=run.state.package_mirrors(environment.project.name),
    )


def _name(run: Run) -> str:
    if run.pull_request is not None:
        return f"pull-request-{run.job.id}-{run.pull_request}"
    return f"commit-{run.job.id}-{source(run).commit}"


def _copies(run: Run) -> Path:
    """Return the directory for a stranger's copies of DuckDB files.

    Those of a pull request stay until it is closed, others as long as a dead run's files.
    """
    if run.pull_request is not None:
        return run.state.pull_request(run.environment.name, run.job.id, run.pull_request)
    copies = run.state.work(_name(run))
    copies.mkdir(parents=True, exist_ok=True)
    scratch.hold(copies)
    return copies


def _base(run: Run) -> Checkout:
    """Return the checkout of the trusted commit: the deployed one, else the branch's head.

    The first call records it, so that it stays the same in all steps.
    """
    environment, file = run.environment, run.work / "base"
    if not file.exists():
        now = pointer.deployed(run.state, environment.name)
        found = now.commit if now is not None else remote.head(environment).commit
        run.work.mkdir(parents=True, exist_ok=True)
        small_files.write_text(file, found)
    commit = file.read_text(encoding="utf-8")
    return ensure_checkout(environment.project, run.state, commit)


def copy_database(run: Run, made: Workspace, say: Callable[[str], None]) -> None:
    """Copy production's DuckDB files for a pull request's run, once in each run.

    A run that goes on where another one has failed goes on in that one's copies.
    """
    record = run.work / "copied"
    if record.exists() or not made.connection.copies:
        return
    for copy in made.connection.copies:
        if run.resumes and copy.copy.exists():
            continue
        duckdb_files.refresh(copy, say, patience=seconds_left(run))
        if copy.is_trusted:
            say(f"Building in {copy.copy}, a copy of {copy.source}")
        else:
            say(
                f"Building in {copy.copy}, which begins empty: {copy.source} is named by the pull "
                "request alone, and so is not copied"
            )
    record.touch()


def built_in_variables(run: Run) -> Mapping[str, str]:
    """Return the `DBT_CLOUD_*` variables of the run (VAR-6 to VAR-8).

    Those of a pull request are set for builds that its hosting site has asked for, and for reruns
    of them.
    """
    hosting = run.environment.project.hosting
    of_pull_request = run.is_ci and run.trigger.category in ("ci", "rerun")
    number = run.pull_request if of_pull_request else None
    return built_in(
        account=run.deployment.account,
        environment=run.environment,
        job=run.job,
        run_number=tags.run_number(run.id),
        category=tags.reason_category(run.trigger, hosting.kind if hosting else None),
        reason=_reason(run),
        pull_request_id=number,
        commit=source(run).commit if number is not None else None,
    )


def _reason(run: Run) -> str:
    """Return the cause of the run, with the name of the person or token behind it."""
    return f"{run.trigger.cause} ({run.who})" if run.who else run.trigger.cause
