"""Adds the run that has deployed a merged pull request to that pull request's comment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import dagster as dg

from deploy_project.ci.comment import deployed
from deploy_project.ci.comment.deployed import Build
from deploy_project.ci.comment.report import marker
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.dbt.arguments.commands import changes_warehouse
from deploy_project.errors import DeployError
from deploy_project.git.hosting import commit_url
from deploy_project.git.hosts.access import reachable
from deploy_project.git.hosts.comments import amend_comment
from deploy_project.git.hosts.host import Merged
from deploy_project.git.hosts.merged import merged_pull_requests
from deploy_project.git.mirror import contains, is_full
from deploy_project.runs.model import tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.reads.dagster_runs import tagged

_RUNS = 500
"""So many runs of CI jobs are looked at, the newest first."""
_BUILDS = 50
_MOST = 20
"""So many comments one run brings up to date; the next one goes on."""


@dataclass(frozen=True)
class _Told:
    """The newest run of a CI job for a pull request, the one that its comment is about."""

    job: Job
    number: int
    run_id: str


def tell_deployed(instance: dg.DagsterInstance, finished: FinishedRun) -> list[str]:
    """Amend the comments of pull requests that the run has deployed; return the problems.

    A comment that can't be amended now is amended by a later run, which names the first run all
    the same.
    """
    run = finished.run
    project = run.environment.project
    if not _deploys(finished) or reachable(project) is None:
        return []
    try:
        waiting = _untold(instance, run)
        merged = {each.number: each for each in merged_pull_requests(project)} if waiting else {}
        due = [(each, merged[each.number]) for each in waiting if each.number in merged]
        _tell(instance, finished, due)
    except DeployError as error:
        return [f"merged pull requests could not be told that this run has deployed them: {error}"]
    except Exception as error:
        kind = type(error).__name__
        what = "merged pull requests could not be told that this run has deployed them"
        return [f"{what}: {kind}, which is our mistake"]
    return []


def _deploys(finished: FinishedRun) -> bool:
    run = finished.run
    if finished.outcome is not Status.SUCCESS or finished.source is None:
        return False
    why_not = run.why_unpublished or finished.unpublished
    return not why_not and _builds(run.job)


def _builds(job: Job) -> bool:
    return any(changes_warehouse(each) for each in job.steps)


def _untold(instance: dg.DagsterInstance, run: Run) -> list[_Told]:
    """Return the pull requests built for this environment that no run is named for yet."""
    project, deployment = run.environment.project, run.deployment
    jobs = {
        job.name: job
        for job in deployment.jobs_of(project)
        if job.builds_pull_requests and deployed.home(job, deployment) == run.environment.name
    }
    if not jobs:
        return []
    newest: dict[tuple[str, int], dg.DagsterRun] = {}
    for record in tagged(instance, {tags.JOB: list(jobs)}, limit=_RUNS):
        found = tags.current(record.dagster_run.tags)
        number = tags.pull_request(found)
        if number is not None:
            newest.setdefault((found[tags.JOB], number), record.dagster_run)
    return [
        _Told(jobs[name], number, each.run_id)
        for (name, number), each in newest.items()
        if each.is_finished and not tags.current(each.tags).get(tags.DEPLOYED_BY)
    ]


def _tell(
    instance: dg.DagsterInstance, finished: FinishedRun, due: Iterable[tuple[_Told, Merged]]
) -> None:
    run, count = finished.run, 0
    for each, merged in due:
        build = deployed.first(_successes(instance, finished), partial(_has, run, merged))
        if build is None:
            continue
        said = _line(run, build)
        amend_comment(
            run.environment.project,
            each.number,
            marker(each.job),
            lambda text, said=said: deployed.told(text, said),
        )
        instance.add_run_tags(each.run_id, {tags.DEPLOYED_BY: build.run_id})
        count += 1
        if count == _MOST:
            return


def _has(run: Run, merged: Merged, commit: str) -> bool:
    mirror = run.state.mirror(run.environment.project.name)
    return any(contains(mirror, commit, each) for each in merged.commits)


def _successes(instance: dg.DagsterInstance, finished: FinishedRun) -> Iterator[Build]:
    """Yield this run, then the successful ones of the environment before it, the newest first."""
    run, source = finished.run, finished.source
    assert source is not None
    yield Build(run.id, source.commit)
    names = [job.name for job in _deploying(run.deployment, run.environment.name)]
    successes = [dg.DagsterRunStatus.SUCCESS]
    for record in tagged(instance, {tags.JOB: names}, statuses=successes, limit=_BUILDS):
        build, found = record.dagster_run.run_id, tags.current(record.dagster_run.tags)
        if build != run.id and not _is_apart(found) and _commit(found):
            yield Build(build, _commit(found))


def _deploying(deployment: Deployment, environment: str) -> Iterator[Job]:
    for job in deployment.jobs.values():
        if job.environment.name == environment and job.job_type != "ci" and _builds(job):
            yield job


def _is_apart(found: Mapping[str, str]) -> bool:
    apart = (tags.PULL_REQUEST, tags.SCHEMA_OVERRIDE, tags.STRANGER)
    return any(found.get(each) for each in apart)


def _commit(found: Mapping[str, str]) -> str:
    commit = tags.commit(found) or ""
    return commit if is_full(commit) else ""


def _line(run: Run, build: Build) -> str:
    return deployed.line(
        build,
        run.environment.name,
        run_url=run.deployment.run_page(build.run_id),
        commit_url=commit_url(run.environment.project.hosting, build.commit),
    )
