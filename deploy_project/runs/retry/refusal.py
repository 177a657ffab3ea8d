"""The steps that a retry from failure skips and repeats, or its refusal; pure (RTY-3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.version import InvalidVersion, Version

from deploy_project.config.values.subcommands import subcommand
from deploy_project.dbt.arguments.commands import changes_files
from deploy_project.runs.model.plan import Step
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord

Reason = Literal[
    "RETRY_UNSUPPORTED_CMD",
    "RETRY_UNSUPPORTED_VERSION",
    "RETRY_NOT_LATEST_RUN",
    "RETRY_NOT_FAILED_RUN",
    "RETRY_NO_RUN_RESULTS",
]
IMPLICIT = frozenset({"clone", "profile", "deps"})
_COMMANDS = frozenset({"build", "clone", "compile", "run", "run-operation", "seed", "snapshot"})
_OLDEST = Version("1.6")


@dataclass(frozen=True)
class RetryRefusal:
    """The obstacle to a retry of a run from its failure, in dbt Cloud's word and in a sentence."""

    reason: Reason
    why: str
    remedy: str

    @property
    def sentence(self) -> str:
        """The reason and the remedy."""
        return f"{self.why}; {self.remedy}"


@dataclass(frozen=True)
class Past:
    """The run that a retry goes on from: its status, steps and records."""

    run_id: str
    status: Status
    """In dbt Cloud's words."""
    steps: Sequence[Step]
    """Of its job as it is now."""
    records: Sequence[StepRecord]
    """One for each of `steps`."""
    has_results: bool
    """Whether the step that it would go on from has left dbt's results."""
    latest: str
    """The id of the newest run of its job."""


def done(steps: Sequence[Step], before: Sequence[StepRecord]) -> list[StepRecord]:
    """Return the records of the steps that a run before has done, so that a retry leaves them out.

    They are those before its failure, save the implicit ones and those that are repeated. A step
    whose command has changed since is not done.
    """
    count = _count_done(steps, before)
    behind = zip(steps[:count], before[:count], strict=True)
    return [record for step, record in behind if step.kind not in IMPLICIT and not prepares(step)]


def repeated(steps: Sequence[Step], before: Sequence[StepRecord]) -> list[Step]:
    """Return the job's own `dbt deps` and `dbt clean` before the failure, which a retry repeats.

    They have changed only the other run's copy of the files.
    """
    return [step for step in steps[: _count_done(steps, before)] if prepares(step)]


def remaining(steps: Sequence[Step], before: Sequence[StepRecord]) -> list[Step]:
    """Return the step that a retry goes on from, and those after it."""
    following = steps[_count_done(steps, before) :]
    return [step for step in following if step.kind not in IMPLICIT]


def prepares(step: Step) -> bool:
    """Return whether a command of the job changes the run's copy of the files and nothing else."""
    return step.kind == "command" and changes_files(step.arguments)


def _count_done(steps: Sequence[Step], before: Sequence[StepRecord]) -> int:
    """Return the number of steps before the first one that is not done."""
    for count, (step, record) in enumerate(zip(steps, before, strict=True)):
        if step.kind not in IMPLICIT and not _is_done(step, record):
            return count
    return len(steps)


def unsupported(arguments: Sequence[str], dbt_version: str, *, run_id: str) -> RetryRefusal | None:
    """Return the refusal of a command that `dbt retry` can't go on with; None when it can."""
    command = " ".join(subcommand(arguments))
    if command not in _COMMANDS | {"test", "docs generate"}:
        known = ", ".join(sorted({*_COMMANDS, "docs generate", "test"}))
        return RetryRefusal(
            "RETRY_UNSUPPORTED_CMD",
            f"`{' '.join(('dbt', *arguments))}` of run {run_id} can't be resumed: `dbt retry` "
            f"knows {known}",
            _from_start(run_id),
        )
    if _is_too_old(dbt_version):
        return RetryRefusal(
            "RETRY_UNSUPPORTED_VERSION",
            f"run {run_id} used dbt {dbt_version}, and `dbt retry` came with dbt {_OLDEST}",
            f"set a newer `dbt_version:`; {_from_start(run_id)}",
        )
    return None


def refusal(past: Past) -> RetryRefusal | None:
    """Return the refusal of a run that can't be retried from its failure; None when it can.

    `RETRY_NOT_LATEST_RUN` comes last: it is the only one that doesn't have to stop anybody.
    """
    if past.status not in (Status.ERROR, Status.CANCELLED):
        return RetryRefusal(
            "RETRY_NOT_FAILED_RUN",
            f"run {past.run_id} is {past.status}; only a run that has ended with Error or "
            "Cancelled has a failure to go on from",
            _from_start(past.run_id),
        )
    left = remaining(past.steps, past.records)
    if not left:
        return RetryRefusal(
            "RETRY_NO_RUN_RESULTS",
            f"every command of run {past.run_id} has succeeded: it has failed at its end, for "
            "which the run's record has the reason",
            _from_start(past.run_id),
        )
    if left[0].kind == "lint":
        return RetryRefusal(
            "RETRY_UNSUPPORTED_CMD",
            f"nothing of run {past.run_id} is left to go on from: {left[0].name!r} has failed, "
            "before anything was built",
            _from_start(past.run_id),
        )
    if prepares(left[0]):  # it runs again, and the rest follows
        return _not_latest(past)
    record = next(each for each in past.records if each.key == left[0].key)
    why = None
    if past.has_results or record.status is not Status.SKIPPED:
        why = unsupported(left[0].arguments, record.dbt_version, run_id=past.run_id)
    if why is None and not past.has_results:
        why = _no_results(past.run_id, left[0])
    return why or _not_latest(past)


def _no_results(run_id: str, step: Step) -> RetryRefusal:
    return RetryRefusal(
        "RETRY_NO_RUN_RESULTS",
        f"`{' '.join(('dbt', *step.arguments))}` of run {run_id} has left no run_results.json: "
        "it never began, was killed, or could not parse the project",
        f'{_from_start(run_id)}, and "Re-execute from failure" in the UI runs that command whole '
        "and then those after it",
    )


def _not_latest(past: Past) -> RetryRefusal | None:
    if past.latest == past.run_id:
        return None
    return RetryRefusal(
        "RETRY_NOT_LATEST_RUN",
        f"run {past.run_id} is not the latest one of its job, {past.latest} is",
        "look at that one first: what it has built is built again",
    )


def _is_done(step: Step, record: StepRecord) -> bool:
    if record.arguments != step.arguments:
        return False
    ended_well = record.status is Status.SUCCESS or bool(record.done_by)
    return ended_well or (record.status is Status.ERROR and not step.breaks_the_run)


def _is_too_old(dbt_version: str) -> bool:
    try:
        return Version(dbt_version.removesuffix(".*")) < _OLDEST
    except InvalidVersion:
        return False  # of a step that never got as far as dbt


def _from_start(run_id: str) -> str:
    return f"`deploy-project retry {run_id} --from-start` runs the whole job again"
