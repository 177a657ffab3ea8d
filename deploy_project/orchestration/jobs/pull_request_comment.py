"""Posts the begin, end or refusal of a run to its pull request; a failure is only a warning."""

from collections.abc import Callable

import dagster as dg

from deploy_project.ci.comment.report import Report, comment
from deploy_project.ci.pulls.plan import Refuse
from deploy_project.ci.telling import comment_facts
from deploy_project.ci.telling.post import post
from deploy_project.errors import ArtifactError
from deploy_project.runs.model import run as runs
from deploy_project.runs.model import tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.reads.dagster_runs import tagged
from deploy_project.runs.store.artifacts import COMMENT


def tell_begin(run: Run, warn: Callable[[str], None]) -> None:
    """Tell the pull request that its run has begun."""
    found = runs.known_source(run)
    if run.pull_request is not None and found is not None:
        report = comment_facts.begun(run, found)
        for wrong in post(run.environment.project, run.pull_request, report):
            warn(wrong)


def tell_end(instance: dg.DagsterInstance, finished: FinishedRun) -> list[str]:
    """Tell the pull request the outcome of its run; return the problems met."""
    run = finished.run
    commit = finished.source.commit if finished.source is not None else run.commit
    if run.pull_request is None or commit is None:
        return []
    newer = _newer(instance, run)
    if newer is not None and tags.commit(newer.tags) == commit:
        return []  # the status of this commit is the other one's
    report = comment_facts.ended(finished, commit)
    project, number = run.environment.project, run.pull_request
    return [*_kept(run, report), *post(project, number, report, is_newest=newer is None)]


def _kept(run: Run, report: Report) -> list[str]:
    """Keep the comment among the run's artifacts, also where there is nobody to post it to."""
    try:
        run.artifacts.write_text(run.artifacts.run(run.id) / COMMENT, comment(report))
    except ArtifactError as error:
        return [str(error)]
    return []


def tell_refusal(refusal: Refuse, warn: Callable[[str], None]) -> None:
    """Tell a pull request why it is not built."""
    job, pull = refusal.job, refusal.pull_request
    report = comment_facts.refused(job, pull.head, refusal.reason)
    for wrong in post(job.environment.project, pull.number, report):
        warn(wrong)


def _newer(instance: dg.DagsterInstance, run: Run) -> dg.DagsterRun | None:
    """Return the newest run of the job for the pull request, which may still wait, if not `run`."""
    wanted = {tags.JOB: run.job.name, tags.PULL_REQUEST: str(run.pull_request)}
    found = [each.dagster_run for each in tagged(instance, wanted, limit=1)]
    return next((each for each in found if each.run_id != run.id), None)
