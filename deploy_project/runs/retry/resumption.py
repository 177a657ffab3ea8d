"""The resumption of a failed run: its done steps left out, its failed command as `dbt retry`."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy_project.config import small_files
from deploy_project.dbt.arguments import flags
from deploy_project.dbt.artifacts.results import document
from deploy_project.errors import DbtError
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, to_json
from deploy_project.runs.model.step_context import StepContext
from deploy_project.runs.outcome.step_files import places, recorded, recorded_steps
from deploy_project.runs.retry import refusal, remaining_nodes, results
from deploy_project.runs.retry.results import RunResultsDocument

RETRY = "dbt retry"
PREVIOUS = "previous"
"""The directory beside `target/` with the results that `dbt retry` has gone on from."""
_FILE = "run_results.json"
_FINISHED = 1
"""The exit code of a dbt that has come to its end, with failures."""


@dataclass(frozen=True)
class Call:
    """One call of dbt: its arguments, and the directory to compare and defer to."""

    arguments: tuple[str, ...]
    state: Path | None


def resumed_run(run: Run) -> Run:
    """Return the run that `run` goes on from; its job is as it is configured now."""
    assert run.resumes is not None
    return replace(run, id=run.resumes)


def inherit(run: Run) -> None:
    """Record the steps that the resumed run has done as left out, among this run's artifacts."""
    before = resumed_run(run)
    for record in refusal.done(steps(run.job), recorded_steps(before)):
        directory = run.work / "steps" / record.directory
        directory.mkdir(parents=True, exist_ok=True)
        left_out = _left_out(record, by=record.done_by or before.id)
        said = f"=== Step {record.index}: {record.name}\n{left_out.message}\n"
        # First the record: it says that this log is none of a step in progress.
        small_files.write_text(directory / "step.json", to_json(left_out))
        small_files.write_text(directory / "console.log", said)
        run.artifacts.publish_step(run.id, record.directory, directory)


def inherited(run: Run, step: Step) -> StepRecord | None:
    """Return the record of a step that the resumed run has done; None for one to do."""
    found = recorded(run, step) if run.resumes else None
    return found if found is not None and found.done_by else None


def left_out(run: Run) -> list[StepRecord]:
    """Return the records of all steps that the resumed run has done."""
    found = (inherited(run, step) for step in steps(run.job))
    return [each for each in found if each is not None]


def to_repeat(run: Run, step: Step) -> list[Step]:
    """Return the job's own `dbt deps` and `dbt clean` that this run must do before `step`.

    Dagster's own retry has no ops for the steps before the failure. Empty for a run that goes on
    from no other one, and once they are done.
    """
    if not run.resumes:
        return []
    before = refusal.repeated(steps(run.job), recorded_steps(resumed_run(run)))
    return [each for each in before if each.index < step.index and recorded(run, each) is None]


def _left_out(record: StepRecord, *, by: str) -> StepRecord:
    now = datetime.now(UTC)
    how = "" if record.exit_code in (0, None) else f" (exit {record.exit_code})"
    return replace(
        record,
        status=Status.SKIPPED,
        started_at=now,
        finished_at=now,
        message=f"Done by run {by}{how}",
        counts={},
        facts={},
        done_by=by,
    )


def call(context: StepContext, workspace: Workspace, usual: Call) -> Call:
    """Return the `dbt retry` that goes on with the failed command; else `usual`, saying why.

    Raises `ConfigError` or `DbtError` when it can't be narrowed to the run's `retry_select`.
    """
    before, step, say = resumed_run(context.run), context.step, context.console.say
    chain, records = steps(context.run.job), recorded_steps(before)
    if step in refusal.repeated(chain, records):
        say(f"Run {before.id} has done this in its own copy of the files: it is done again")
    if step not in refusal.remaining(chain, records)[:1]:
        return usual  # the failure was before it
    record = next(each for each in records if each.key == step.key)
    found = previous(before, step)
    why = obstacle(before, step, record, found, workspace.installation.dbt_version)
    if why is None and flags.refuses_retry(workspace.variables, workspace.flags):
        why = "`dbt retry` can't start where `warn_error` is `false` among the flags; leave it out"
    if why is None:
        left = _brought_up_to_date(context, workspace, results.merged(found), usual.state)
        why = nothing_left(left, run_id=before.id)
        if why is None:
            return _resumed(context, workspace, left, usual.state)
    if context.run.retry_select:
        raise DbtError(f"There is nothing to narrow with `--select`: {why}")
    say(f"`{' '.join(('dbt', *step.arguments))}` runs whole: {why}")
    return usual


def previous(before: Run, step: Step) -> list[RunResultsDocument]:
    """Return the results that a step of the resumed run has left, the older ones first.

    A step that was itself resumed has those that it has gone on from, too.
    """
    found: list[RunResultsDocument] = []
    for name in (PREVIOUS, "target"):
        files = [place / name / _FILE for place in places(before, step)]
        file = next((each for each in files if each.exists()), None)
        if file is None:
            continue
        with suppress(DbtError), document(file, "run-results") as content:  # cut off is as none
            found.append({**content, "args": content["args"], "results": content["results"]})
    return found


def obstacle(
    before: Run,
    step: Step,
    record: StepRecord,
    found: Sequence[RunResultsDocument],
    dbt_version: str,
) -> str | None:
    """Return the reason to run a resumed command whole; None when `dbt retry` will do."""
    if record.arguments not in ((), step.arguments):
        return f"in run {before.id} this step was `{' '.join(('dbt', *record.arguments))}`"
    refused = refusal.unsupported(step.arguments, dbt_version, run_id=before.id)
    if refused is not None:
        return refused.why
    if not found or _is_of_another(found[-1], record):
        return f"run {before.id} has left no results of it; it never began, or was killed"
    if record.exit_code != _FINISHED and found[-1]["args"].get("which") not in results.SELECTING:
        return f"run {before.id} has not come to the end of it"
    return None


def _is_of_another(found: RunResultsDocument, record: StepRecord) -> bool:
    """Return whether the results are an earlier command's: this one has ended without any."""
    invocation = found.get("metadata", {}).get("invocation_id")
    return bool(record.invocation_id and invocation and record.invocation_id != invocation)


def nothing_left(found: RunResultsDocument, *, run_id: str) -> str | None:
    """Return the reason why `dbt retry` would do nothing and succeed; None when nodes are left."""
    if results.left(found):
        return None
    hooks = results.failed_hooks(found)
    if hooks:
        return (
            f"in run {run_id} {', '.join(hooks)} did not succeed, and `dbt retry` runs hooks only "
            "where a node is left to do"
        )
    return f"no node of it that run {run_id} has left to do is in this commit"


def _brought_up_to_date(
    context: StepContext, workspace: Workspace, found: RunResultsDocument, state: Path | None
) -> RunResultsDocument:
    if not results.command_types(found):
        return found
    return remaining_nodes.brought_up_to_date(context, workspace, found, state)


def _resumed(
    context: StepContext, workspace: Workspace, found: RunResultsDocument, state: Path | None
) -> Call:
    """Write the results for `dbt retry` into the step's directory, and return that call."""
    if context.run.retry_select:
        found = remaining_nodes.narrowed(context, workspace, found, state)
    count = len(results.left(found))
    command = " ".join(("dbt", *context.step.arguments))
    context.console.say(
        f"Going on with `{command}` of run {context.run.resumes}: "
        f"{count} node{'' if count == 1 else 's'} left to do"
    )
    directory = context.directory / PREVIOUS
    directory.mkdir(exist_ok=True)
    place = str(state) if state is not None else None
    found = results.for_this_run(found, context.step.arguments, place)
    small_files.write_text(directory / _FILE, json.dumps(found))
    context.progress.command = RETRY
    options = _options(found, context.step.arguments)
    return Call(("retry", "--state", str(directory), *options), None)


def _options(found: RunResultsDocument, command: Sequence[str]) -> list[str]:
    """Return the options that `dbt retry` does not take from the results by itself."""
    arguments = found["args"]
    options = [*flags.of_the_console(command)]
    options += ["--warn-error"] if "--warn-error" in command else []
    if arguments.get("defer_state"):
        options += ["--defer-state", str(arguments["defer_state"])]
    if arguments.get("vars"):
        options += ["--vars", json.dumps(arguments["vars"])]
    return options
