"""The merge sensor: it deploys new commits of a project and starts its merge jobs.

There is one for each project, so that one remote's outage stops no other.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from deploy_project.ci.pulls import bell
from deploy_project.config.environment import tick_seconds
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project
from deploy_project.errors import DeployError
from deploy_project.git import known, remote
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.orchestration.jobs.queue import supersede
from deploy_project.orchestration.triggers.pace import Pace, interval_seconds
from deploy_project.processes import deadlines
from deploy_project.releases import merges, pointer
from deploy_project.releases.merges import Deploy, Fail, MergeCursor
from deploy_project.releases.pointer import Pointer
from deploy_project.releases.prepare import deploy, prepare
from deploy_project.releases.questions.selections import asked, is_told
from deploy_project.runs.instance.deactivation import startable
from deploy_project.runs.model import tags
from deploy_project.runs.requests.request import requested

INTERVAL_SECONDS = 30
_MARGIN_SECONDS = 8
"""Seconds that a tick needs beside git to be over in time, and to answer Dagster."""
_LATE = (
    "The tick's time was up; `deploy-project deploy` fetches without that limit, once for all, and "
    "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS gives ticks more of it."
)


def tick_ends() -> float:
    """Return when git of a tick that begins now must have ended, on `time.monotonic`."""
    return time.monotonic() + max(1.0, tick_seconds() - _MARGIN_SECONDS)


def ending_at(until: float) -> AbstractContextManager[None]:
    """Have git that is started in this block end at `until`, on `time.monotonic`."""
    return deadlines.within(max(0.0, until - time.monotonic()))


@dataclass(frozen=True)
class MergeWatch:
    """The project, deployment and state of one merge sensor."""

    project: Project
    deployment: Deployment
    state: StateDirectory
    loaded: Mapping[str, str]
    """The pointers that the definitions were built from, by environment."""

    @property
    def environments(self) -> list[Environment]:
        """The environments of the project."""
        return self.deployment.environments_of(self.project)

    def heads(self) -> Mapping[str, str]:
        """Ask the remote once for the heads of all environments, by reference."""
        return remote.heads(self.project, {each.ref for each in self.environments})

    def merge_jobs(self, environment: Environment) -> list[Job]:
        """The jobs that a merge into the environment's branch starts."""
        jobs = self.deployment.jobs.values()
        return [job for job in jobs if job.environment == environment and job.on_merge]

    def is_told(self, environment: Environment, at: Pointer) -> bool:
        """Whether dbt has told which nodes of the deployed commit the jobs build."""
        wanted = asked(self.deployment.jobs_in(environment))
        checkout = self.state.checkout(self.project.name, at.commit)
        return is_told(checkout, at.parsed, wanted)

    def is_due(self, pace: Pace) -> bool:
        """Whether to look now: always, unless the sensor ticks often to hear the bell."""
        if self.project.hook_secret is None:
            return True
        ring = bell.last_ring(self.state, self.project.name)
        return pace.is_due(now=time.monotonic(), ring=ring)

    def is_stale(self) -> bool:
        """Whether the definitions show another commit than the deployed one."""
        pointers = {
            each.name: pointer.deployed(self.state, each.name) for each in self.environments
        }
        return any(
            str(found or "") != self.loaded.get(name, "") for name, found in pointers.items()
        )


@dataclass(frozen=True)
class Visit:
    """The outcome of one environment in one tick."""

    seen: MergeCursor | None
    requests: tuple[dg.RunRequest, ...] = ()
    problem: str = ""
    restored: bool = False
    """Whether there are new files of the deployed commit, which the definitions don't show yet."""


def visit(
    watch: MergeWatch,
    environment: Environment,
    head: str | None,
    seen: MergeCursor | None,
    say: Callable[[str], None],
    *,
    until: float,
) -> Visit:
    """Bring one environment in line with the head of its branch; git ends at `until`."""
    found = pointer.deployed(watch.state, environment.name)
    now = datetime.now(UTC)
    missing = (
        f"environment {environment.name!r}: {environment.ref!r} does not exist on the remote of "
        f"project {watch.project.name!r}; push it, or change the environment's branch"
    )
    lost = found is not None and not pointer.is_whole(watch.state, watch.project, found)
    deployed = found.commit if found and not lost else None
    decision = merges.decide(head, seen, deployed=deployed, now=now, missing=missing)
    match decision:
        case None:
            asked_now = found is not None and _ask(watch, environment, found, say)
            return Visit(seen, restored=asked_now)
        case Fail(problem):
            return Visit(seen, problem=problem)
        case Deploy() if time.monotonic() >= until:
            say(f"environment {environment.name!r}: no time is left, the next tick deploys it")
            return Visit(seen)
        case Deploy(commit, merged):
            problem = _deploy(watch, environment, commit, say, until=until)
            requests = _requests(watch, environment, commit) if merged else ()
            after = MergeCursor(commit, problem, now.isoformat())
            return Visit(after, requests, problem, restored=lost and not problem)


def _ask(
    watch: MergeWatch, environment: Environment, found: Pointer, say: Callable[[str], None]
) -> bool:
    """Ask dbt about the selections of the jobs; return whether it has told something new.

    It was asked when the commit was prepared, but jobs may have changed since.
    """
    if watch.is_told(environment, found):
        return False
    try:
        prepare(watch.deployment, environment, found.commit, watch.state, on_line=say)
    except DeployError as error:
        say(f"environment {environment.name!r}: the jobs of its models can't be told: {error}")
    return watch.is_told(environment, found)


def _deploy(
    watch: MergeWatch,
    environment: Environment,
    commit: str,
    say: Callable[[str], None],
    *,
    until: float,
) -> str:
    """Deploy `commit`; return the problem, empty for none.

    git ends with the tick; dbt's preparation may take longer, and the next tick finds its result.
    """
    try:
        with watch.state.explained(f"checking out commit {commit[:12]}"), ending_at(until):
            ensure_checkout(watch.project, watch.state, commit)
        ready = prepare(watch.deployment, environment, commit, watch.state, on_line=say)
        deploy(watch.deployment, environment, ready, watch.state)
    except DeployError as error:
        late = f"\n{_LATE}" if time.monotonic() >= until else ""
        return f"environment {environment.name!r} was not deployed: {error}{late}"
    say(f"Deployed {commit} to {environment.name!r}")
    return ""


def _requests(
    watch: MergeWatch, environment: Environment, commit: str
) -> tuple[dg.RunRequest, ...]:
    branch = environment.branch or environment.tag or "the default branch"
    return tuple(
        requested(job, "merge", f"Merge of {commit[:7]} into {branch}")
        .with_tags(tags.of_code(commit, branch, of_pull_request=False))
        # Dagster starts nothing for a key that it has seen before: no commit runs twice.
        .for_dagster(key=f"{job.name}:{commit}")
        for job in watch.merge_jobs(environment)
    )


def tick(watch: MergeWatch, context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Look at the project's remote once; raise the problems unless the cursor has changed."""
    until = tick_ends()
    before = merges.read(context.cursor)
    with ending_at(until):
        heads = watch.heads()
    say = context.log.info
    visits = {
        each.name: visit(watch, each, heads.get(each.ref), before.get(each.name), say, until=until)
        for each in watch.environments
    }
    _remember(watch, heads, visits)
    if watch.is_stale() or any(each.restored for each in visits.values()):
        _reload(watch, context)
    problems = [each.problem for each in visits.values() if each.problem]
    after = {name: each.seen for name, each in visits.items() if each.seen is not None}
    if problems and after == before:
        raise DeployError("\n".join(problems))
    for problem in problems:
        context.log.error(problem)
    wanted = [request for each in visits.values() for request in each.requests]
    requests, refused = startable(context.instance, watch.deployment.jobs, wanted)
    for each in refused:
        context.log.warning(each)
    for request in requests:
        own = (tags.RUN_KEY, request.run_key or "")
        supersede(context.instance, request.job_name or "", "merge", own=own)
    reason = None if requests else "\n".join([_reason(visits, before), *refused])
    cursor = merges.written(after)
    return dg.SensorResult(run_requests=requests, cursor=cursor, skip_reason=reason)


def _remember(watch: MergeWatch, heads: Mapping[str, str], visits: Mapping[str, Visit]) -> None:
    """Remember the heads of the remote, for runs that can't ask it (JOB-13)."""
    for each in watch.environments:
        commit = heads.get(each.ref)
        if commit is not None and not visits[each.name].problem:
            branch = each.branch or each.tag or "HEAD"
            known.remember(each, remote.Head(commit, branch), watch.state)


def _reload(watch: MergeWatch, context: dg.SensorEvaluationContext) -> None:
    """Ask for the definitions of the deployed commit; they are a view, so a failure is no error."""
    from deploy_project.runs.instance.launching import (
        Dagster,  # costs 0.3 s, which no run should pay
    )

    try:
        Dagster.of(watch.deployment, context.instance).reload()
    except DeployError as error:
        context.log.warning(f"The UI shows an older commit until the location is reloaded: {error}")


def _reason(visits: Mapping[str, Visit], before: Mapping[str, MergeCursor]) -> str:
    """Return the skip reason of a tick that starts no run: the commit of each environment."""
    lines = [
        f"{name}: {'still at' if each.seen == before.get(name) else 'deployed'} {each.seen.commit}"
        for name, each in visits.items()
        if each.seen is not None and not each.problem
    ]
    return "\n".join([*lines, *(each.problem for each in visits.values() if each.problem)])


def merge_sensor(watch: MergeWatch, jobs: Mapping[str, dg.JobDefinition]) -> dg.SensorDefinition:
    """Return the sensor that deploys new commits of a project and starts its merge jobs."""
    targets = [jobs[job.name] for each in watch.environments for job in watch.merge_jobs(each)]
    pace = Pace()

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name=f"{watch.project.name.replace('-', '_')}_merges",
        description=f"Deploys new commits of project {watch.project.name!r}; starts merge jobs.",
        jobs=targets or list(jobs.values())[:1],
        minimum_interval_seconds=interval_seconds(watch.project, otherwise=INTERVAL_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def on_merge(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not watch.is_due(pace):
            return dg.SkipReason("The bell has not rung since the remote was asked")
        return tick(watch, context)

    return on_merge
