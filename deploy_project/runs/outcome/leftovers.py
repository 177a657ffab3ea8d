"""The leftovers of a run that died before it could clean up: its steps and their files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from deploy_project.config import small_files
from deploy_project.dbt.processes.left_behind import make_plain
from deploy_project.errors import DbtError
from deploy_project.releases.given import given
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, to_json


def interrupted(
    records: Sequence[StepRecord],
    begun: Mapping[str, datetime],
    *,
    status: Status,
    message: str,
    ended_at: datetime,
) -> list[StepRecord]:
    """Return `records` with the steps ended that had `begun` (by key) and left no record."""
    return [
        replace(
            each,
            status=status,
            message=message,
            started_at=begun[each.key],
            finished_at=max(begun[each.key], ended_at),
        )
        if each.status is Status.SKIPPED and each.key in begun
        else each
        for each in records
    ]


def keep(run: Run, records: Sequence[StepRecord]) -> None:
    """Move the files of unfinished steps among the run's artifacts, without secrets.

    Raises `ConfigError` when a secret can't be read, `ArtifactError` when they can't be moved.
    """
    for each in records:
        directory = run.work / "steps" / each.directory
        if directory.is_dir():
            if (
                runs.known_as_a_strangers(run) is not False
            ):  # nobody has looked at what its command has left
                with suppress(DbtError):  # what was too much is gone
                    make_plain([directory])
            file = directory / "step.json"
            if not file.is_file():
                small_files.write_text(file, to_json(each))
            given(run.environment, run.job).scrubber.directory(directory)
            run.artifacts.publish_step(run.id, each.directory, directory)
