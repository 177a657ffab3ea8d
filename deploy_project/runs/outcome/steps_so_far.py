"""The steps of a run as far as it has come, ended or not."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.run import Run, configured_job
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, from_json, step_directory
from deploy_project.runs.outcome.step_files import recorded
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store.artifacts import Artifacts

_STOPPED = (Status.ERROR, Status.CANCELLED)


@dataclass(frozen=True)
class ShownStep:
    """One step as it stands now; without times while it is to come, or when it never began."""

    index: int
    name: str
    status: Status
    created_at: datetime
    directory: str
    """Its directory among the run's artifacts."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    command: str = ""
    """The command of dbt, such as `dbt build`; empty for steps without."""

    @property
    def seconds(self) -> float:
        """The seconds that it has taken so far."""
        if self.started_at is None:
            return 0.0
        return ((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds()


def steps_so_far(
    known: Runs,
    run: PastRun,
    facts: RunFacts | None,
    deployment: Deployment,
    state: StateDirectory,
    artifacts: Artifacts,
) -> list[ShownStep]:
    """Return the steps of `run`, from its `facts` or else from its plan and their records.

    A run that waits has none yet. Those that a retry leaves out are not among them.
    """
    if run.is_queued:
        return []
    if facts is not None:
        return ended(facts.steps, run)
    found = known.instance.get_run_by_id(run.id)
    job = configured_job(found, deployment) if found is not None else None
    if found is None or job is None:
        return ended(_kept(artifacts, run.id), run)
    made = Run.of(found, job, deployment, state)
    chain = steps(made.job)
    records: dict[int, StepRecord] = {}
    for step in chain:
        with suppress(ArtifactError):
            record = recorded(made, step)
            if record is not None:
                records[step.index] = record
    return planned(chain, records, run)


def ended(records: Sequence[StepRecord], run: PastRun) -> list[ShownStep]:
    """Return steps that have their records; pure."""
    return [_ended(each, run) for each in records if not each.done_by]


def planned(chain: Sequence[Step], records: dict[int, StepRecord], run: PastRun) -> list[ShownStep]:
    """Return the steps of a run by its plan, those that have ended by their records; pure.

    Nothing else tells of the step in progress: it is the first that has none.
    """
    shown: list[ShownStep] = []
    before = run.started_at or run.created_at
    has_failed = any(
        records[each.index].status in _STOPPED and each.breaks_the_run
        for each in chain
        if each.index in records
    )
    status, following = _without_records(run, has_failed=has_failed)
    for step in chain:
        record = records.get(step.index)
        if record is not None:
            before = record.finished_at
            if not record.done_by:
                shown.append(_ended(record, run))
            continue
        shown.append(
            ShownStep(
                index=step.index,
                name=step.name,
                status=status,
                created_at=run.created_at,
                directory=step.directory,
                started_at=before if status is not following else None,
                finished_at=run.ended_at if status in _STOPPED else None,
                command=_command(step.arguments),
            )
        )
        status = following
    return shown


def _without_records(run: PastRun, *, has_failed: bool) -> tuple[Status, Status]:
    """Return the status of the first step without a record, and that of those after it.

    The first is the one in progress, or the one that was when the run was killed.
    """
    if run.status.has_ended:
        was_killed = run.status in _STOPPED and run.started_at is not None and not has_failed
        return run.status if was_killed else Status.SKIPPED, Status.SKIPPED
    is_running = run.status in (Status.RUNNING, Status.CANCELLING)
    return Status.RUNNING if is_running else Status.QUEUED, Status.QUEUED


def _ended(record: StepRecord, run: PastRun) -> ShownStep:
    ran = record.status is not Status.SKIPPED
    return ShownStep(
        index=record.index,
        name=record.name,
        status=record.status,
        created_at=record.started_at if ran else run.created_at,
        directory=step_directory(record.index, record.key),
        started_at=record.started_at if ran else None,
        finished_at=record.finished_at if ran else None,
        command=_command(record.arguments),
    )


def _command(arguments: Sequence[str]) -> str:
    return " ".join(("dbt", *arguments)) if arguments else ""


def _kept(artifacts: Artifacts, run_id: str) -> list[StepRecord]:
    """Return the records among the artifacts of a run without a job."""
    found: list[StepRecord] = []
    with suppress(ArtifactError), artifacts.explained(f"reading the steps of run {run_id}"):
        for each in sorted(artifacts.run(run_id).iterdir(), key=lambda place: place.name):
            file = each / "step.json"
            if file.is_file():
                found.append(from_json(file.read_text(encoding="utf-8"), where=str(file)))
    return found
