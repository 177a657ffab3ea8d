"""The steps of a run with their logs, as answers have them."""

from functools import cached_property
from typing import Any

from deploy_project.api.front.front import Front
from deploy_project.api.objects.step import StepLogs, step_object
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.releases.given import scrubber
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.outcome.steps_so_far import ShownStep, steps_so_far
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.store.logs import CONSOLE, DEBUG, log_of_step

MOST_BYTES = 16 << 20
"""The bytes of all logs of one kind in one answer: they are in memory at once."""
TAIL_BYTES, TAIL_LINES = 500_000, 1_000
"""dbt Cloud's limits of a log that is truncated (RUN-4)."""


def shown_steps(
    front: Front,
    run: PastRun,
    facts: RunFacts | None,
    included: frozenset[str],
    *,
    only: int | None = None,
) -> list[Any]:
    """Return the objects of a run's steps as far as it has come, with their logs.

    Of one step alone, where `only` has its index.
    """
    reader = _Logs(front, run, whole="debug_logs" in included)
    return [
        step_object(
            each,
            run_number=run.number,
            account_id=front.deployment.account.id,
            logs=reader.of(each),
        )
        for each in steps_so_far(
            front.runs, run, facts, front.deployment, front.state, front.artifacts
        )
        if only in (None, each.index)
    ]


class _Logs:
    """The logs of one run's steps, within the limits of one answer."""

    def __init__(self, front: Front, run: PastRun, *, whole: bool) -> None:
        self._front, self._run, self._whole = front, run, whole
        self._left = {CONSOLE: MOST_BYTES, DEBUG: MOST_BYTES}
        self._artifacts = front.artifacts

    @cached_property
    def _scrubber(self) -> Scrubber:
        return scrubber(self._front.deployment)

    def of(self, step: ShownStep) -> StepLogs:
        if step.started_at is None:
            return StepLogs()
        console = self._log(step, CONSOLE, whole=True)
        debug = self._log(step, DEBUG, whole=self._whole)
        return StepLogs(
            console=console,
            debug=debug if self._whole else "",
            truncated_debug=debug if not self._whole else "",
        )

    def _log(self, step: ShownStep, file: str, *, whole: bool) -> str:
        most = self._left[file] if whole else min(TAIL_BYTES, self._left[file])
        text = log_of_step(
            self._run.id,
            step.directory,
            file,
            self._front.state,
            self._artifacts,
            most=most,
            lines=None if whole else TAIL_LINES,
            shown=lambda text: self._scrubber.text(text),
        )
        self._left[file] = max(0, self._left[file] - len(text))
        return text
