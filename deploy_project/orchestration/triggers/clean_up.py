"""Clean-up after pull requests: a job for each environment with CI jobs (CI-4)."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from deploy_project.ci.cleanup.cleanup import Cleanup, Sweep, Swept
from deploy_project.ci.cleanup.plan import Wait
from deploy_project.ci.cleanup.report import listed_schemas, listed_sweep
from deploy_project.ci.pulls.finders import Finders
from deploy_project.ci.schemas import ledger
from deploy_project.ci.schemas.ledger import EntryKey
from deploy_project.config.resolve.drafts import CI_SWEEP, dagster_name
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment
from deploy_project.orchestration.jobs.step_failures import failing_clearly
from deploy_project.orchestration.nodes.op_names import op_of_job
from deploy_project.runs.instance.progress import in_progress
from deploy_project.runs.model import tags
from deploy_project.runs.store.artifacts import Artifacts

PATIENCE_SECONDS = 900
"""How long a sweep waits for runs that are being cancelled; the next one finds what is left."""
_POLL_SECONDS = 3
_HOUR = 3


@dataclass(frozen=True)
class Sweeps:
    """The clean-up jobs of a deployment, with their schedules."""

    deployment: Deployment
    state: StateDirectory
    finders: Finders

    @property
    def environments(self) -> list[Environment]:
        """The environments that pull requests build in."""
        wanted = {
            job.environment.name
            for job in self.deployment.jobs.values()
            if job.builds_pull_requests
        }
        return [each for each in self.deployment.environments.values() if each.name in wanted]

    def jobs(self) -> dict[str, dg.JobDefinition]:
        """Return the job of each environment, by its name in Dagster."""
        return {job_name(each.name): self._job(each) for each in self.environments}

    def schedules(self, jobs: Mapping[str, dg.JobDefinition]) -> list[dg.ScheduleDefinition]:
        """Return a daily schedule for each of `jobs`, for closings that sensors have missed."""
        return [self._schedule(each, jobs[job_name(each.name)]) for each in self.environments]

    def _job(self, environment: Environment) -> dg.JobDefinition:
        name = job_name(environment.name)

        @dg.op(
            name=op_of_job(name, "sweep", jobs=self.deployment.jobs),
            description="Drop what is not needed any more",
            out=dg.Out(dg.Nothing),
            tags={"kind": "dbt"},
        )
        def sweep(context: dg.OpExecutionContext) -> None:
            with failing_clearly(), self.state.explained("cleaning up after pull requests"):
                wanted, swept = self._swept(context, environment)
            _tell(context, wanted, swept)

        @dg.graph(
            name=name,
            description=f"Drops what closed pull requests have left in {environment.name!r}.",
        )
        def chain() -> None:
            op: Any = sweep
            op.alias("sweep")()

        return chain.to_job(  # pyright: ignore[reportUnknownMemberType]
            tags={
                tags.ENVIRONMENT: environment.name,
                tags.PROJECT: environment.project.name,
                tags.QUEUE: name,
            },
            metadata={"name": "Clean up after pull requests"},
            executor_def=dg.in_process_executor,
        )

    def _swept(
        self, context: dg.OpExecutionContext, environment: Environment
    ) -> tuple[Sweep, Swept]:
        cleanup = Cleanup(self.deployment, environment, self.state, context.log.info)

        def planned() -> Sweep:
            busy = in_progress(context.instance, environment.name, self.state)
            return cleanup.plan(self.finders, busy, now=datetime.now(UTC))

        wanted = planned()
        waits = [each for each in wanted.decisions if isinstance(each, Wait)]
        for each in waits:
            context.log.info(each.why)
        if waits and self._ended(context.instance, {w.entered.entry.place for w in waits}):
            wanted = planned()
        return wanted, cleanup.carry_out(wanted, dry=False)

    def _ended(self, instance: dg.DagsterInstance, places: Collection[EntryKey]) -> bool:
        """Wait until no run of `places`, which are of one environment, is in progress."""
        ((environment, *_), *_) = places
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            if not in_progress(instance, environment, self.state).keys() & places:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _schedule(self, environment: Environment, job: dg.JobDefinition) -> dg.ScheduleDefinition:
        @dg.schedule(  # pyright: ignore[reportUnknownMemberType]
            name=f"{job.name}_schedule",
            job=job,
            cron_schedule=f"{environment.id % 60} {_HOUR} * * *",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        def on_schedule() -> dg.RunRequest | dg.SkipReason:
            found = ledger.entries(Artifacts.of(self.deployment, self.state))
            if not any(each.entry.environment == environment.name for each in found):
                return dg.SkipReason(f"No pull request has built in {environment.name!r}")
            return dg.RunRequest(tags={tags.TRIGGER: "scheduled", tags.CAUSE: "Daily clean-up"})

        return on_schedule


def requests(deployment: Deployment, closed: Iterable[tuple[str, int]]) -> list[dg.RunRequest]:
    """Return the runs that clean up after pull requests that are open no longer.

    `closed` are names of jobs, each with a number. Without a key: one may close twice.
    """
    wanted: dict[str, set[int]] = {}
    for job, number in closed:
        wanted.setdefault(deployment.jobs[job].environment.name, set()).add(number)
    return [
        dg.RunRequest(
            job_name=job_name(environment),
            tags={tags.TRIGGER: "ci", tags.CAUSE: _cause(numbers)},
        )
        for environment, numbers in sorted(wanted.items())
    ]


def job_name(environment: str) -> str:
    """Return the name of the Dagster job that sweeps `environment`."""
    return dagster_name(environment, CI_SWEEP)


def _cause(numbers: Collection[int]) -> str:
    named = ", ".join(map(str, sorted(numbers)))
    return f"Pull request{'s' if len(numbers) > 1 else ''} {named} closed"[: tags.LONGEST_CAUSE]


def _tell(context: dg.OpExecutionContext, wanted: Sweep, swept: Swept) -> None:
    """Show the dropped schemas on the op; raise when one that was to go is still there."""
    if wanted.outage:
        context.log.warning(f"Only age counts: {wanted.outage}")
    if swept.strays:
        context.log.warning(f"Not ours, so left alone:\n{listed_schemas(swept.strays)}")
    metadata = {
        "dropped": len(swept.dropped),
        "schemas": _text(listed_schemas(swept.dropped)),
        "decisions": _text(listed_sweep(wanted)),
        "not ours": _text(listed_schemas(swept.strays)),
    }
    if swept.problems:
        raise dg.Failure("\n".join(swept.problems), metadata=metadata, allow_retries=False)
    context.add_output_metadata(metadata)


def _text(text: str) -> dg.TextMetadataValue:
    return dg.MetadataValue.text(text)
