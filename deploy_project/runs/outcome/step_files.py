"""The records of a run's steps, read from the work directory or the artifact root."""

from dataclasses import replace
from datetime import UTC, datetime

from upath import UPath

from deploy_project.errors import ArtifactError
from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, from_json


def places(run: Run, step: Step) -> tuple[UPath, UPath]:
    """Return the places of a step's files: work directory until kept, then artifact root."""
    return (
        UPath(run.work / "steps" / step.directory),
        run.artifacts.run(run.id) / step.directory,
    )


def recorded(run: Run, step: Step) -> StepRecord | None:
    """Return the record of one step; None when there is none (yet).

    Raises `ArtifactError` when the artifact root can't be asked.
    """
    for place in places(run, step):
        file = place / "step.json"
        with run.artifacts.explained(f"reading {file}"):
            content = file.read_text(encoding="utf-8") if file.exists() else None
        if content is not None:
            return _parsed(content, file, step)
    return None


def recorded_steps(run: Run, *, is_from_elsewhere: bool = False) -> list[StepRecord]:
    """Return the record of every step of the job; those that never began are `Skipped`.

    The records of a run on another machine are only at the artifact root: raises `ArtifactError`
    then when that can't be asked.
    """
    found = recorded if is_from_elsewhere else _reachable
    return [found(run, step) or skipped(step) for step in steps(run.job)]


def _reachable(run: Run, step: Step) -> StepRecord | None:
    try:
        return recorded(run, step)
    except ArtifactError:  # steps that have begun have their record on this machine
        return None


def _parsed(content: str, file: UPath, step: Step) -> StepRecord:
    try:
        return from_json(content, where=str(file))
    except ArtifactError:
        message = f"{file} is cut off: the disk was full, or the machine has stopped"
        return replace(skipped(step), status=Status.ERROR, message=message)


def skipped(step: Step) -> StepRecord:
    """Return the record of a step that never began."""
    now = datetime.now(UTC)
    return StepRecord(step.index, step.key, step.name, step.kind, Status.SKIPPED, now, now)
