"""The sensor that builds open pull requests: one for each project that has CI jobs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from deploy_project.ci.pulls import bell, finders
from deploy_project.ci.pulls.plan import Active, Plan, Refuse, Start, plan, stale
from deploy_project.ci.pulls.seen import Memory, parsed, text
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project
from deploy_project.orchestration.internals import events
from deploy_project.orchestration.jobs.pull_request_comment import tell_refusal
from deploy_project.orchestration.triggers import clean_up
from deploy_project.orchestration.triggers.merges import ending_at, tick_ends
from deploy_project.orchestration.triggers.pace import Pace, interval_seconds
from deploy_project.runs.instance.deactivation import startable
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads import dagster_runs
from deploy_project.runs.requests.request import requested

INTERVAL_SECONDS = 10
"""How long a ring of the bell waits, about; a tick that does not ask costs next to nothing."""
TELLING_SECONDS = 15
"""A tick posts refusals for so long; Dagster ends one after 60, and forgets its starts."""


@dataclass(frozen=True)
class PullWatch:
    """The project, deployment and state of one sensor of pull requests."""

    project: Project
    deployment: Deployment
    state: StateDirectory

    @property
    def jobs(self) -> list[Job]:
        """The jobs that pull requests start."""
        return finders.ci_jobs(self.project, self.deployment)

    @property
    def environments(self) -> list[Environment]:
        """The environments of these jobs."""
        return list({job.environment.name: job.environment for job in self.jobs}.values())


def tick(
    watch: PullWatch, context: dg.SensorEvaluationContext, pace: Pace
) -> dg.SensorResult | dg.SkipReason:
    """Ask once for open pull requests; start runs of new commits, and cancel stale runs.

    The bell has the site asked at once, and for everything.
    """
    begun, until = time.monotonic(), tick_ends()
    before, ring = parsed(context.cursor), bell.last_ring(watch.state, watch.project.name)
    is_rung = ring != before.heard
    if not pace.is_due(now=begun) and not is_rung:
        return dg.SkipReason("The bell has not rung since the site was asked")
    is_known = not is_rung and all(job.name in before.seen for job in watch.jobs)
    place = finders.finder(watch.project, watch.environments, watch.state)
    with ending_at(until):
        listing = place.listed(watch.project, before.place if is_known else "")
        if listing is None:
            return dg.SkipReason("No pull request has changed")
        branches = finders.base_branches(watch.environments)
    made = plan(listing.pull_requests, watch.jobs, before.seen, branches=branches)
    untold = _tell(made.refusals, context, until=begun + TELLING_SECONDS)
    slots = watch.deployment.account.run_slots
    wanted = [_request(each, run_slots=slots) for each in made.starts]
    requests, refused = startable(context.instance, watch.deployment.jobs, wanted)
    for each in refused:
        context.log.warning(each)
    _give_up(made.only({each.job_name or "" for each in requests}), context)
    requests = [*requests, *clean_up.requests(watch.deployment, made.closed)]
    said = "\n".join([f"Open: {len(listing.pull_requests)}; nothing to start", *refused])
    return dg.SensorResult(
        run_requests=requests,
        # What was not told is found again only by asking anew.
        cursor=text(Memory("" if untold else listing.cursor, made.without(untold).seen, ring)),
        skip_reason=None if requests else said,
    )


def _tell(
    refusals: Sequence[Refuse], context: dg.SensorEvaluationContext, *, until: float
) -> Sequence[Refuse]:
    """Tell pull requests why they are not built; return the refusals not told in time."""
    for number, refusal in enumerate(refusals):
        if time.monotonic() >= until:
            return refusals[number:]
        context.log.warning(f"{refusal.job.name}: {refusal.reason}")
        tell_refusal(refusal, context.log.warning)
    return ()


def _give_up(made: Plan, context: dg.SensorEvaluationContext) -> None:
    if not made.starts and not made.closed:
        return
    names = sorted({each.job.name for each in made.starts} | {name for name, _ in made.closed})
    for each in stale(made, _active(context.instance, names)):
        run = context.instance.get_run_by_id(each.run_id)
        if run is not None and not run.is_finished:
            context.log.info(f"Run {each.run_id}: {each.why}")
            try:
                events.cancel(context.instance, run, each.why)
            except Exception as error:  # whatever a launcher raises; the new run waits for its end
                context.log.warning(f"Run {each.run_id} could not be cancelled: {error}")


def _active(instance: dg.DagsterInstance, jobs: list[str]) -> Iterator[Active]:
    """Yield the runs of pull requests that wait or are in progress."""
    for run in dagster_runs.unfinished(instance):
        is_active = run.status is not Status.CANCELLING
        if run.job in jobs and is_active and run.pull_request is not None:
            yield Active(run.id, run.job, run.pull_request, run.commit)


def _request(start: Start, *, run_slots: int | None) -> dg.RunRequest:
    job, pull = start.job, start.pull_request
    asked = requested(job, "ci", f"Pull request {pull.number} at commit {pull.head[:7]}").with_tags(
        {
            **tags.of_code(pull.head, pull.branch, of_pull_request=True),
            **tags.of_pull_request(job, pull.number, run_slots=run_slots),
        }
    )
    # Dagster starts nothing for a key that it has seen before: no commit runs twice (CI-1).
    return asked.for_dagster(key=f"{job.name}:{pull.head}")


def pull_sensor(watch: PullWatch, jobs: Mapping[str, dg.JobDefinition]) -> dg.SensorDefinition:
    """Return the sensor that starts the CI jobs of a project, and the clean-up after them."""
    pace = Pace()

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name=f"{watch.project.name.replace('-', '_')}_pull_requests",
        description=f"Builds the pull requests of project {watch.project.name!r}.",
        jobs=[
            *(jobs[job.name] for job in watch.jobs),
            *(jobs[clean_up.job_name(each.name)] for each in watch.environments),
        ],
        minimum_interval_seconds=interval_seconds(watch.project, otherwise=INTERVAL_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def on_pull_request(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        return tick(watch, context, pace)

    return on_pull_request
