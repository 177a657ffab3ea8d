"""One further Dagster job for each environment: runs of other steps than their job's (DESIGN 17).

Its first op has what the run was asked for, and makes an op of each step. The run carries the tags
of the deployment job, so that it waits, counts and is recorded as a run of that one.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.errors import ConfigError
from deploy_project.orchestration.internals import executor
from deploy_project.orchestration.jobs.run_end import EndListener
from deploy_project.orchestration.jobs.step_failures import failing_clearly
from deploy_project.orchestration.jobs.steps import carry_out, end, override_fields
from deploy_project.orchestration.nodes.op_names import op_of_environment
from deploy_project.orchestration.processes.workers import held
from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import PLAN, job_asked_for, job_name
from deploy_project.runs.model.plan import Step, steps
from deploy_project.runs.model.run import Run, configured_job
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.dagster_runs import tagged

_STEP = "step"
_ACTIVE = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def requested_job(
    environment: Environment,
    deployment: Deployment,
    state: StateDirectory,
    listeners: Sequence[EndListener],
) -> dg.JobDefinition:
    """Return the Dagster job that runs any steps, as a run of a job in `environment`.

    The `listeners` hear of its runs' ends.
    """

    def run_of(dagster_run: dg.DagsterRun) -> Run:
        job = configured_job(dagster_run, deployment)
        if job is None or job.environment != environment or not _agrees(dagster_run, job):
            raise ConfigError(_unknown(dagster_run, environment, deployment))
        return Run.of(dagster_run, job, deployment, state)

    @dg.op(
        name=op_of_environment(environment, PLAN),
        description="What the run was asked for",
        out=dg.DynamicOut(dg.Nothing),
        config_schema={
            "job": dg.Field(str, description="The deployment job: its name, or its identifier."),
            "steps": dg.Field(
                [str], is_required=False, description="Commands, such as `dbt build -s orders`."
            ),
            "generate_docs": dg.Field(bool, is_required=False),
            **override_fields(),
        },
        tags={"kind": "yaml"},
    )
    def plan(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[None]]:
        with failing_clearly():
            run = run_of(context.run)
            _count(context, run.configured, run_slots=deployment.account.run_slots)
        for step in steps(run.job):
            yield dg.DynamicOutput(None, mapping_key=_mapping_key(step))

    @dg.op(
        name=op_of_environment(environment, _STEP),
        ins={"planned": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
        tags={"kind": "dbt"},
    )
    def step(context: dg.OpExecutionContext) -> None:
        with failing_clearly():
            run = run_of(context.run)
        _, _, key = (context.get_mapping_key() or "").partition("_")
        carry_out(context, run, key, then=_left_out(context.run, run, key))

    @dg.graph(
        name=job_name(environment.name),
        description=(
            f"Runs of the jobs of {environment.name!r} with other steps than theirs: "
            "`deploy-project run JOB --step …`. They are runs of those jobs."
        ),
    )
    def chain() -> None:
        first: Any = plan
        each: Any = step
        first.alias(PLAN)().map(each.alias(_STEP))

    return chain.to_job(  # pyright: ignore[reportUnknownMemberType]
        tags={tags.ENVIRONMENT: environment.name, tags.PROJECT: environment.project.name},
        metadata={"name": "Other steps"},
        executor_def=executor.step_log_executor(partial(_end, deployment, state, listeners), held),
    )


def _agrees(dagster_run: dg.DagsterRun, job: Job) -> bool:
    """Whether the configuration of a run names the job that its tag names."""
    return job_asked_for(dagster_run.run_config) in (job.name, job.identifier)


def _mapping_key(step: Step) -> str:
    return f"{step.index:02d}_{step.key}"


def _left_out(dagster_run: dg.DagsterRun, run: Run, key: str) -> list[Step]:
    """Return the steps after `key` that Dagster's re-execution from failure has left out.

    It repeats what has failed; what had not begun is no step of the run before to it. Any other run
    has the steps that `plan` asks for, under a name that stands for all of them.
    """
    chosen, chain = dagster_run.step_keys_to_execute, steps(run.job)
    if chosen is None or f"{_STEP}[?]" in chosen:
        return []
    after = chain[[each.key for each in chain].index(key) + 1 :]
    return [each for each in after if f"{_STEP}[{_mapping_key(each)}]" not in chosen]


def _count(context: dg.OpExecutionContext, job: Job, *, run_slots: int | None) -> None:
    """Tag a run that was started in the launchpad as one of `job`, which now has to wait for it.

    Raises `ConfigError` when another run of the job is in progress: this one has not waited.
    """
    missing = tags.of_job(job, run_slots=run_slots).items() - context.run.tags.items()
    if tags.JOB in context.run.tags or not missing:
        return
    others = tagged(context.instance, {tags.QUEUE: job.name}, statuses=_ACTIVE, limit=1)
    if others and job.job_type != "ci":
        other = others[0].dagster_run.run_id
        raise ConfigError(
            f"run {other} of job {job.name!r} is in progress, and runs of one job never "
            f"overlap; start this one when that has ended, or with `deploy-project run {job.name} "
            "--step …`, which has it wait"
        )
    context.instance.add_run_tags(context.run.run_id, dict(missing))


def _end(
    deployment: Deployment,
    state: StateDirectory,
    listeners: Sequence[EndListener],
    instance: dg.DagsterInstance,
    dagster_run: dg.DagsterRun,
    outcome: Status,
) -> None:
    """Finish a run after its last step; one of no job has nothing to finish."""
    job = configured_job(dagster_run, deployment)
    if job is not None:
        end(job, deployment, state, listeners, instance, dagster_run, outcome)


def _unknown(dagster_run: dg.DagsterRun, environment: Environment, deployment: Deployment) -> str:
    names = [job.name for job in deployment.jobs.values() if job.environment == environment]
    named = job_asked_for(dagster_run.run_config)
    return (
        f"{named!r} is no job of environment {environment.name!r}; set `job` of the op {PLAN!r} to "
        f"one of {', '.join(names) or 'none'}"
    )
