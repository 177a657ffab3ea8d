"""The execution of one step: its log, artifacts and record are kept even when it fails."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from deploy_project.config import small_files
from deploy_project.errors import ArtifactError, DeployError
from deploy_project.processes import deadlines
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.plan import Kind, Step, invoked
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, to_json
from deploy_project.runs.model.step_context import Console, Listener, Progress, StepContext
from deploy_project.runs.retry import resumption
from deploy_project.runs.steps.actions import ACTIONS, Action
from deploy_project.runs.store import scratch
from deploy_project.runs.timing.model_timing import duration_text


def perform(
    run: Run,
    step: Step,
    *,
    of: int,
    listener: Listener,
    notes: Sequence[str] = (),
    refused: DeployError | None = None,
    actions: Mapping[Kind, Action] = ACTIONS,
) -> StepRecord:
    """Carry out `step`, the `step.index`th of `of`, and return its record.

    The console begins with `notes`. A run that may not be is `refused`: the step fails with that.
    A failure is in the record, not raised. Interrupts and bugs are raised, after the record and
    dbt's files are kept. Raises `ArtifactError` when they can't be.
    """
    earlier = resumption.inherited(run, step)
    if earlier is not None:
        print(f"=== Step {step.index} of {of}: {earlier.name}\n{earlier.message}", flush=True)
        return earlier
    directory = run.work / "steps" / step.directory
    directory.mkdir(parents=True, exist_ok=True)
    scratch.hold(run.work)
    with (directory / "console.log").open("a", encoding="utf-8") as stream:
        context = StepContext(run, step, directory, Console(stream), Progress(), listener)
        context.console.say(f"=== Step {step.index} of {of}: {step.name}")
        for note in notes:
            context.console.say(note)
        started, status, message = datetime.now(UTC), Status.CANCELLED, ""
        try:
            with run.state.explained(step.name), deadlines.within(runs.seconds_left(run)):
                if refused is not None:
                    raise refused
                actions[step.kind](context)
            status = Status.SUCCESS
        except DeployError as error:
            # The run's copy of the repository is gone when people read this.
            told = str(error).replace(f"{run.work / 'tree'}/", "")
            message = context.progress.scrubber.text(told)
            context.console.say(message)
            status = Status.ERROR
            if runs.seconds_left(run) == 0:
                status, message = Status.CANCELLED, timed_out(run.job.timeout_seconds)
                context.console.say(message)
        except Exception as error:
            status, message = Status.ERROR, f"{type(error).__name__}: {error}"
            raise
        finally:
            record = _record(context, started, status, message)
            context.console.say(f"=== {status} after {duration_text(record.seconds)}")
            stream.flush()
            _keep(context, record)
    return record


def timed_out(limit: int) -> str:
    """Return dbt Cloud's message for a run that took longer than `limit` seconds (JOB-6)."""
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    unit, length = next(each for each in units if limit % each[1] == 0)
    count = limit // length
    return (
        f"This run timed out after running for {count} {unit}{'' if count == 1 else 's'}, "
        f"which exceeded the configured timeout of {limit} seconds."
    )


def _record(context: StepContext, started: datetime, status: Status, message: str) -> StepRecord:
    step, progress = context.step, context.progress
    return StepRecord(
        index=step.index,
        key=step.key,
        name=invoked(progress.command) if progress.command else step.name,
        kind=step.kind,
        status=status,
        started_at=started,
        finished_at=datetime.now(UTC),
        arguments=step.arguments,
        exit_code=progress.exit_code,
        message=progress.scrubber.text(message),
        counts=dict(progress.counts),
        facts=progress.facts,
        dbt_version=progress.dbt_version,
        invocation_id=progress.invocation_id,
        overview=progress.scrubber.text(progress.overview),
        deferred_to=progress.deferred_to,
    )


def _keep(context: StepContext, record: StepRecord) -> None:
    file = context.directory / "step.json"
    try:
        with context.run.state.explained(f"keeping step {record.directory!r}"):
            small_files.write_text(file, to_json(record))
            context.progress.scrubber.directory(context.directory)
        context.run.artifacts.publish_step(context.run.id, record.directory, context.directory)
    except ArtifactError as error:
        record = replace(record, status=Status.ERROR, message=str(error))
        with suppress(OSError):  # it says something else, and a full disk needs its room
            file.unlink(missing_ok=True)
        raise
    finally:  # the run record finds it here, also when the store can't be read any more
        with suppress(OSError):
            file.parent.mkdir(exist_ok=True)
            small_files.write_text(file, to_json(record))
