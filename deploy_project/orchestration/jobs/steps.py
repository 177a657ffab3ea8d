"""One Dagster job for each deployment job, one op for each of its steps (DESIGN 3)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from deploy_project.ci.schemas.guard import Guard
from deploy_project.ci.steps import ACTIONS
from deploy_project.ci.telling.command_listener import CommandListener
from deploy_project.config.environment import person
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.errors import ArtifactError, DeployError, LaunchError
from deploy_project.orchestration.catalog.reporter import AssetReporter
from deploy_project.orchestration.internals import executor
from deploy_project.orchestration.internals.events import Batch
from deploy_project.orchestration.jobs.first_step import first_lines
from deploy_project.orchestration.jobs.pull_request_comment import tell_begin
from deploy_project.orchestration.jobs.run_end import EndListener, conclude
from deploy_project.orchestration.jobs.step_failures import failing_clearly
from deploy_project.orchestration.nodes.op_names import op_of_job
from deploy_project.orchestration.processes.workers import held
from deploy_project.runs.model import run as runs
from deploy_project.runs.model import tags
from deploy_project.runs.model.plan import CLONE, Step, steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.step_context import (
    Listener,
    Listeners,
    NoListener,
    OfTrustedCode,
)
from deploy_project.runs.outcome.finish import finish
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.retry import resumption
from deploy_project.runs.steps import perform
from deploy_project.runs.steps.failing import FailureNotes
from deploy_project.runs.timing.model_timing import duration_text

_SHOWN_AS = {"clone": "git", "profile": "yaml", "lint": "sql"}


def step_op(step: Step, job: Job, deployment: Deployment, state: StateDirectory) -> dg.OpDefinition:
    """Return the op of one step; it runs after the op before it, and gets no value from it."""

    @dg.op(
        name=op_of_job(job.name, step.key, jobs=deployment.jobs),  # the UI shows the alias
        description=step.name,
        ins={"before": dg.In(dg.Nothing)} if step.index > 1 else {},
        out=dg.Out(dg.Nothing),
        config_schema=override_fields() if step.key == CLONE else None,
        tags={"kind": _SHOWN_AS.get(step.kind, "dbt")},
    )
    def run_step(context: dg.OpExecutionContext) -> None:
        carry_out(context, Run.of(context.run, job, deployment, state), step.key)

    return run_step


def override_fields() -> dict[str, dg.Field]:
    """Return the configuration of an op that takes a run's overrides, save those of its steps."""
    return {
        name: dg.Field(type_, is_required=False, description=text)
        for name, (type_, text) in _FIELDS.items()
    }


_FIELDS: dict[str, tuple[type, str]] = {
    "threads": (int, "dbt's threads, in place of the job's."),
    "target_name": (str, "`target.name`, in place of the job's."),
    "dbt_version": (str, "Such as `1.10.*`, in place of the job's."),
    "timeout_seconds": (int, "0 is no limit."),
}


def carry_out(
    context: dg.OpExecutionContext, run: Run, key: str, *, then: Sequence[Step] = ()
) -> None:
    """Carry out the step `key` of a run, `then` others; raise `dagster.Failure` if that ends it."""
    chain = steps(run.job)
    step = next(each for each in chain if each.key == key)
    with failing_clearly(), run.state.explained(step.name), Batch(context) as reported:
        runs.begun_at(run)
        is_first = runs.known_source(run) is None
        refused = _inherit(context.instance, run) if is_first else None
        notes = first_lines(context.instance, context.run, run) if is_first else []
        if refused is None:  # Dagster's own retry has no ops for the steps before the failure
            _carry_out_others(context, run, resumption.to_repeat(run, step), _no_listener)
        done = perform.perform(
            *(run, step),
            of=len(chain),
            listener=_listener(context, run, reported),
            notes=notes,
            refused=refused,
            actions=ACTIONS,
        )
    if is_first:
        _tag(context, run)
        _warn_of_outage(context, run)
        tell_begin(run, context.log.warning)
    command = {"command": " ".join(("dbt", *step.arguments))} if step.arguments else {}
    _conclude(context, step, done, command)
    _carry_out_others(context, run, then, partial(_listener, context, run))


def _inherit(instance: dg.DagsterInstance, run: Run) -> DeployError | None:
    """Record the resumed run's done steps as skipped; return the error if it is unknown."""
    if run.resumes is None:
        return None
    try:
        Runs(instance).by_id(run.resumes)  # the artifact root may be shared with others
    except LaunchError as error:
        return error
    resumption.inherit(run)
    return None


def _carry_out_others(
    context: dg.OpExecutionContext,
    run: Run,
    others: Sequence[Step],
    listener: Callable[[Batch], Listener],
) -> None:
    """Carry out steps that have no op of their own; raise `dagster.Failure` if one ends the run."""
    for step in others:
        with failing_clearly(), run.state.explained(step.name), Batch(context) as reported:
            done = perform.perform(
                *(run, step),
                of=len(steps(run.job)),
                listener=listener(reported),
                actions=ACTIONS,
            )
        _judge(context, step, done, {})


def _listener(context: dg.OpExecutionContext, run: Run, reported: Batch) -> Listener:
    if run.is_ci:
        return Listeners(Guard(), CommandListener())
    if run.schema is not None:
        return NoListener()
    tells_owners = run.deployment.model_notifications and not run.why_unpublished
    notes = [FailureNotes()] if tells_owners else []
    return OfTrustedCode(Listeners(AssetReporter(context, reported), *notes))


def _no_listener(_: Batch) -> Listener:
    return NoListener()


def _tag(context: dg.OpExecutionContext, run: Run) -> None:
    """Tag the run with the code that its first step has found."""
    found = runs.known_source(run)
    by_shell = context.run.remote_job_origin is None
    values = {
        tags.WHO: run.who or (person() if by_shell else ""),
        tags.STRANGER: "true" if runs.may_be_a_strangers(run) else "",
    }
    if found is not None:
        apart = run.pull_request is not None
        values |= tags.of_code(found.commit, found.branch, of_pull_request=apart)
    context.instance.add_run_tags(run.id, {name: value for name, value in values.items() if value})


def _warn_of_outage(context: dg.OpExecutionContext, run: Run) -> None:
    found = runs.known_source(run)
    if found is not None and found.used_repo_cache:
        context.log.warning(found.outage)


def _conclude(
    context: dg.OpExecutionContext, step: Step, record: StepRecord, command: dict[str, str]
) -> None:
    """Show the record on the op's output; raise when the step's failure ends the run (CMD-4)."""
    metadata: dict[str, dg.MetadataValue[Any] | str | float] = {
        "status": record.status.value,
        "time": duration_text(record.seconds),
        "seconds": round(record.seconds, 3),
        **command,
        **{f"nodes: {status}": count for status, count in sorted(record.counts.items())},
        **record.facts,
    }
    if record.overview:
        metadata["overview"] = dg.MetadataValue.md(record.overview)
    if record.status not in (Status.SKIPPED, Status.SUCCESS):
        metadata["message"] = dg.MetadataValue.text(record.message)
    _judge(context, step, record, metadata)
    context.add_output_metadata(metadata)


def _judge(
    context: dg.OpExecutionContext, step: Step, record: StepRecord, metadata: dict[str, Any]
) -> None:
    """Raise when the step's failure ends the run (CMD-4); log a skip or another failure."""
    if record.status is Status.SKIPPED:
        context.log.info(record.message)
    elif record.status is not Status.SUCCESS:
        if record.status is Status.CANCELLED:  # it timed out, which cancels the run (JOB-6)
            context.instance.report_run_canceling(context.run, record.message)
        if record.status is Status.CANCELLED or step.breaks_the_run:
            raise dg.Failure(record.message, metadata=metadata, allow_retries=False)
        context.log.warning(f"{step.name} failed, which does not fail this job: {record.message}")


def deployment_job(
    job: Job, deployment: Deployment, state: StateDirectory, listeners: Sequence[EndListener]
) -> dg.JobDefinition:
    """Return the Dagster job of one deployment job; the `listeners` hear of its runs' ends."""
    off = [f"**{each}**" for each in job.off]

    @dg.graph(name=job.name, description="\n\n".join([job.description or job.title, *off]))
    def chain() -> None:
        before = None
        for step in steps(job):
            op: Any = step_op(step, job, deployment, state)
            op = op.alias(step.key)
            before = op() if before is None else op(before)

    return chain.to_job(  # pyright: ignore[reportUnknownMemberType]
        tags=tags.of_job(job, run_slots=deployment.account.run_slots),
        metadata={
            "name": job.title,
            "commands": dg.MetadataValue.md("\n".join(f"- `{each}`" for each in job.commands)),
            **({"off": dg.MetadataValue.md("\n\n".join(map(str, job.off)))} if off else {}),
        },
        executor_def=executor.step_log_executor(
            partial(end, job, deployment, state, listeners), held
        ),
    )


def end(
    job: Job,
    deployment: Deployment,
    state: StateDirectory,
    listeners: Sequence[EndListener],
    instance: dg.DagsterInstance,
    dagster_run: dg.DagsterRun,
    outcome: Status,
) -> None:
    """Finish a run after its last step, and put its record into the asset catalog."""
    known = instance.get_run_record_by_id(dagster_run.run_id)
    assert known is not None
    run = Run.of(dagster_run, job, deployment, state)
    run = replace(run, who=tags.who(known.dagster_run.tags))  # its first step has found it out
    if outcome is Status.CANCELLED and dagster_run.remote_job_origin is None:
        # Ctrl-C on the command line; Dagster alone takes it for a failure.
        instance.report_run_canceling(dagster_run, "Interrupted on the command line.")
    elif outcome is not Status.SUCCESS:
        cancelling = known.dagster_run.status is dg.DagsterRunStatus.CANCELING
        outcome = Status.CANCELLED if cancelling else Status.ERROR
    finished = finish(run, outcome, known.create_timestamp)
    conclude(instance, known.dagster_run, finished, listeners)
    if finished.problem:
        raise ArtifactError(finished.problem)
