"""A run that has ended, as its process or the sensor of run records has found it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome.command_results import CommandResults
from deploy_project.runs.timing.model_timing import Timing


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended: its outcome, steps and timing, and the trouble it had."""

    run: Run
    outcome: Status
    """Success, Error or Cancelled."""
    source: Code | None
    created_at: datetime | None
    """The time when Dagster was asked for the run; the time in queue counts from here."""
    started_at: datetime
    ended_at: datetime
    steps: Sequence[StepRecord]
    timing: Timing
    results: Sequence[CommandResults] = ()
    problem: str = ""
    """The error of publishing, which has failed the run after its last step; empty for none."""
    unpublished: str = ""
    """The reason why it was not to publish anything; empty for none."""
    is_strangers: bool = False
    """Whether its code is not of its environment's branch."""
    docs: str | None = None
    """The place of the docs that this run has published."""
    reason: str = ""
    """The reason why it has ended, for when no step tells."""
    deactivated: str = ""
    """The reason why the job is deactivated, when this run's failure has done it."""
    facts: RunFacts | None = None
    """All of this as `run.json` has it, once that was made; everything tells these."""

    @property
    def why(self) -> str:
        """The message of the step that has ended it; a check-box that failed has not."""
        if self.outcome is Status.SUCCESS or self.problem:
            return self.problem
        ended = (
            step for step in reversed(self.steps) if step.status in (Status.ERROR, Status.CANCELLED)
        )
        return next((step.message for step in ended if step.message), self.reason)
