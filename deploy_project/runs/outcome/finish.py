"""The end of a run: its publications, its deployment, and its record as an asset (DESIGN 5)."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import dagster as dg
from upath import UPath

from deploy_project.config.values.deployment import Deployment, Job, Project, record_key
from deploy_project.errors import ArtifactError, DeployError
from deploy_project.processes import deadlines
from deploy_project.releases import pointer
from deploy_project.releases.pointer import Pointer
from deploy_project.releases.prepare import deploy, evict_unneeded, prepare
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome.command_results import command_results, timing_of
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.outcome.overview import Shown, overview, warnings
from deploy_project.runs.outcome.step_files import recorded_steps
from deploy_project.runs.store import scratch
from deploy_project.runs.store.artifacts import Publication

LAST_RUN = "last_run"
"""The name of the check on each asset with records: whether the last run is good."""
_OF_VERDICT = ("reason", "warnings", "run")
DOCS = ("index.html", "manifest.json", "catalog.json")
STATE = ("manifest.json", "run_results.json", "sources.json")


def finish(run: Run, outcome: Status, created_at: datetime | None) -> FinishedRun:
    """Publish the run's state and docs, reclaim its scratch space, and return the finished run.

    `outcome` is `Success`, `Error` or `Cancelled`; a run that can't publish has failed.
    """
    try:
        return _finished(run, outcome, created_at)
    finally:
        scratch.free(run.work)
        scratch.reclaim(run.state.all_work)


def _finished(run: Run, outcome: Status, created_at: datetime | None) -> FinishedRun:
    records = recorded_steps(run)
    docs, problem = None, ""
    why_not = _why_unpublished(run)
    if outcome is Status.SUCCESS and not why_not:
        try:
            with run.artifacts.explained("publishing"):
                docs = publish(run, records)
        except ArtifactError as error:
            outcome, problem = Status.ERROR, str(error)
    results = command_results(run, records)
    finished = FinishedRun(
        run=run,
        outcome=outcome,
        source=runs.known_source(run),
        created_at=created_at,
        started_at=_began(run),
        ended_at=datetime.now(UTC),
        steps=records,
        timing=timing_of(results),
        results=results,
        problem=problem,
        unpublished=why_not,
        is_strangers=bool(runs.known_as_a_strangers(run)),
        docs=str(docs) if docs is not None else None,
    )
    if why_not or not deploy_if_new(run, outcome):  # else that has evicted already
        with suppress(OSError):  # it may be a machine for pull requests, where nothing is deployed
            evict_unneeded(run.deployment, run.environment, run.state)
    return finished


def _why_unpublished(run: Run) -> str:
    if runs.known_source(run) is None:
        return "it has no commit"
    try:
        return runs.why_unpublished(run)
    except DeployError as error:  # its steps have told
        return str(error)


def _began(run: Run) -> datetime:
    try:
        return runs.begun_at(run)
    except OSError:  # the disk had no room even for that; the step has told
        return datetime.now(UTC)


def _last(run: Run, records: Sequence[StepRecord], name: str, *kinds: str) -> UPath | None:
    """Return the newest artifact `name` that a step of one of `kinds` has left.

    A step that was left out has its artifacts in the run that has done it.
    """
    for record in reversed(records):
        file = _place(run, record) / "target" / name
        if record.kind in kinds and _has_succeeded(record) and file.exists():
            return file
    return None


def _place(run: Run, record: StepRecord) -> UPath:
    return run.artifacts.run(record.done_by or run.id) / record.directory


def _has_succeeded(record: StepRecord) -> bool:
    return record.status is Status.SUCCESS or (bool(record.done_by) and record.exit_code == 0)


def publish(run: Run, records: Sequence[StepRecord]) -> UPath | None:
    """Publish the run's state and docs, all or nothing; return the page of the docs, if any."""
    _check_that_all_is_kept(run, records)
    docs = docs_of(run, records)
    run.artifacts.publish(run.id, [*state_of(run, records), *docs])
    return docs[0].owner / "docs" / run.id / "index.html" if docs else None


def _check_that_all_is_kept(run: Run, records: Sequence[StepRecord]) -> None:
    place = run.artifacts.run(run.id)
    ended = (record for record in records if record.status is Status.SUCCESS)
    gone = [r.directory for r in ended if not (place / r.directory / "step.json").exists()]
    if gone:
        raise ArtifactError(
            f"publishing failed: {', '.join(gone)} of {place} were kept there and are gone; "
            "check that the artifact root is still the same disk"
        )


def state_of(run: Run, records: Sequence[StepRecord]) -> list[Publication]:
    """Return the publications of the run's state, to compare and defer to (CI-5, CI-6)."""
    sources = ("freshness", "command")
    chosen = [
        (_last(run, records, name, *(sources if name == "sources.json" else ("command",))), name)
        for name in STATE
    ]
    files = [(file, name) for file, name in chosen if file is not None]
    if not any(name == "manifest.json" for _, name in files):
        return []
    owners = run.artifacts.environment(run.environment.name), run.artifacts.job(run.job.name)
    return [Publication(owner, "state", files) for owner in owners]


def docs_of(run: Run, records: Sequence[StepRecord]) -> list[Publication]:
    """Return the publication of the docs; none unless their step has succeeded, too (ART-4)."""
    step = next((r for r in reversed(records) if r.arguments[:2] == ("docs", "generate")), None)
    if step is None or not _has_succeeded(step):
        return []
    target = _place(run, step) / "target"
    owner = run.artifacts.environment(run.environment.name)
    files = [(target / name, name) for name in DOCS if (target / name).exists()]
    return [Publication(owner, "docs", files)]


def deploy_if_new(run: Run, outcome: Status) -> bool:
    """Deploy the run's commit to the definitions when it is newer than theirs; return whether.

    That is so for the first run of an environment, and for a successful run of the branch's head.
    A commit that can't be parsed stays out; the run itself has told why. Nothing is deployed for
    a run that was cancelled, or that could not get the files itself; and the preparation has to
    end in the run's time.
    """
    found, now = runs.known_source(run), pointer.deployed(run.state, run.environment.name)
    if outcome is Status.CANCELLED or found is None or not _has_files(run, found):
        return False
    if now is not None and not _is_due(run, found, now, outcome):
        return False
    try:
        with deadlines.within(runs.seconds_left(run)):
            made = prepare(
                run.deployment, run.environment, found.commit, run.state, on_line=lambda _: None
            )
        deploy(run.deployment, run.environment, made, run.state)
    except DeployError as error:
        print(f"Commit {found.commit} was not deployed: {error}", file=sys.stderr)
        return False
    return True


def _has_files(run: Run, found: Code) -> bool:
    return run.state.checkout(run.environment.project.name, found.commit).tree.is_dir()


def _is_due(run: Run, found: Code, now: Pointer, outcome: Status) -> bool:
    if now.commit == found.commit:  # unless its files were deleted
        return not pointer.is_whole(run.state, run.environment.project, now)
    return found.is_head and outcome is Status.SUCCESS


def record_asset(job: Job, *, of_pull_requests: bool) -> dg.AssetKey:
    """Return the key of the asset with the records of the runs of `job`."""
    key = record_key(job.environment.name, job.identifier, of_pull_requests=of_pull_requests)
    return dg.AssetKey(key)


def records(deployment: Deployment) -> Iterator[tuple[Job, bool]]:
    """Yield the job of each asset with records, and whether those are of pull requests' runs."""
    for job in deployment.jobs.values():
        if job.job_type != "ci":
            yield job, False
        if job.builds_pull_requests:
            yield job, True


def record_assets(deployment: Deployment) -> frozenset[dg.AssetKey]:
    """Return the assets that the records of all runs go to."""
    found = records(deployment)
    return frozenset(record_asset(job, of_pull_requests=each) for job, each in found)


def pull_requests_of(project: Project) -> dg.DynamicPartitionsDefinition:
    """Return the partitions for a project's pull requests: their numbers."""
    return dg.DynamicPartitionsDefinition(name=f"{project.name}_pull_requests")


def record(facts: RunFacts, shown: Shown) -> dg.AssetMaterialization:
    """Return the materialization that is the run's record."""
    warned = warnings(facts, shown.untold)
    told = f" ({', '.join(warned)})" if warned else ""
    first = next(iter((facts.reason or facts.cause).splitlines()), "")
    return dg.AssetMaterialization(
        record_asset(shown.run.job, of_pull_requests=shown.run.is_ci),
        partition=str(facts.pull_request) if facts.pull_request is not None else None,
        description=f"{facts.status}{told}: {first}",
        metadata=overview(facts, shown),
    )


def verdict(recorded: dg.AssetMaterialization) -> dg.AssetCheckEvaluation:
    """Return the evaluation of the check `LAST_RUN` that a run's record asks for.

    A failed run is an error, one that was cancelled or has succeeded with warnings is a warning.
    """
    found = {name: str(each.value) for name, each in recorded.metadata.items()}
    status = found.get("status", "")
    return dg.AssetCheckEvaluation(
        asset_key=recorded.asset_key,
        check_name=LAST_RUN,
        passed=status == Status.SUCCESS and not found.get("warnings"),
        severity=(
            dg.AssetCheckSeverity.ERROR if status == Status.ERROR else dg.AssetCheckSeverity.WARN
        ),
        description=recorded.description,
        metadata={name: each for name, each in recorded.metadata.items() if name in _OF_VERDICT},
    )
