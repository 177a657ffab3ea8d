"""`deploy-project runs`: prints past and present runs, as a table or as JSON."""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deploy_project.cli.context import loaded, past_runs
from deploy_project.cli.table import table
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.named import named_environments, named_job, named_project
from deploy_project.git.mirror import full_commit
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Page
from deploy_project.runs.reads.wanted import Between, Wanted
from deploy_project.runs.timing.model_timing import duration_text

_HEAD = (
    *("run", "number", "job", "trigger", "status", "commit"),
    *("branch", "started", "duration", "median", "docs", "cause"),
)
Medians = Mapping[str, float]
"""The median seconds of each job's last successes."""


def runs(given: Namespace) -> int:
    """Print the runs that the command line asks for, the newest first."""
    found, deployment = loaded()
    asked = wanted(given, deployment)
    with past_runs(found, deployment) as known:
        page = known.page(asked, limit=given.limit, offset=given.offset)
        medians = known.median_seconds({each.job for each in page.runs}) if page.runs else {}
    if given.json:
        print(as_json(page, medians, deployment))
        return 0
    print(listed(page.runs, medians) if page.runs else "No runs.")
    shown = given.offset + len(page.runs)
    if page.runs and page.total > shown:
        print(f"{page.total - shown} more: --offset {shown}, or --limit")
    return 0


def wanted(given: Namespace, deployment: Deployment) -> Wanted:
    """Return the runs that the options ask for; raise `ConfigError` for an unknown name."""
    environments = named_environments(deployment, given.environment or [])
    return Wanted(
        jobs={named_job(deployment, given.job).name} if given.job is not None else None,
        projects={named_project(deployment, given.project)} if given.project is not None else None,
        environments={each.name for each in environments} if given.environment else None,
        statuses={Status(each.capitalize()) for each in given.status} if given.status else None,
        triggers={*given.trigger} if given.trigger else None,
        numbers={given.number} if given.number is not None else None,
        dbt_versions={given.dbt_version} if given.dbt_version is not None else None,
        commit=full_commit(given.commit) if given.commit is not None else None,
        branch=given.branch,
        pull_request=given.pull_request,
        deferred_to=given.deferred_to,
        has_warnings=given.warnings,
        has_docs=given.docs,
        created=Between(given.created_after, given.created_before),
        finished=Between(given.finished_after, given.finished_before),
    )


def listed(found: Sequence[PastRun], medians: Medians) -> str:
    """Return a table of runs; times are those of this machine's time zone."""
    return table(_HEAD, [_row(each, medians.get(each.job)) for each in found])


def _row(run: PastRun, median: float | None) -> list[str]:
    began = run.started_at
    return [
        run.id[:8],
        str(run.number),
        run.job,
        run.trigger.category,
        status(run),
        run.commit[:7],
        run.branch,
        f"{began.astimezone():%Y-%m-%d %H:%M:%S}" if began else "",
        duration_text(run.seconds) if run.seconds is not None else "",
        against(run, median),
        run.docs,
        run.trigger.cause,
    ]


def status(run: PastRun) -> str:
    """Return the status in words, with its warnings and the check-boxes that have failed."""
    notes = [f"{run.warnings} warning{'' if run.warnings == 1 else 's'}"] if run.warnings else []
    notes += [f"{run.failed_steps} failed"] if run.failed_steps else []
    return f"{run.status} ({', '.join(notes)})" if notes else run.status


def against(run: PastRun, median: float | None) -> str:
    """Return the median of the job, and how much longer the run has taken: `54.2 s (+20 %)`.

    Only a success of the job as it is configured is compared: others do less.
    """
    if median is None:
        return ""
    is_whole = run.status is Status.SUCCESS and not run.unpublished
    if not is_whole or run.seconds is None or not median:
        return duration_text(median)
    return f"{duration_text(median)} ({run.seconds / median - 1:+.0%})".replace("%", " %")


def as_json(page: Page, medians: Medians, deployment: Deployment) -> str:
    """Return a page of runs as JSON; times are in UTC, durations in seconds."""
    found = [_fields(each, medians.get(each.job), deployment) for each in page.runs]
    return json.dumps({"total": page.total, "runs": found}, indent=2)


def _fields(run: PastRun, median: float | None, deployment: Deployment) -> dict[str, Any]:
    return {
        "id": run.id,
        "number": run.number,
        "job": run.job,
        "job_id": run.job_id,
        "environment": run.environment,
        "project": run.project,
        "status": run.status.value,
        "trigger": run.trigger.category,
        "cause": run.trigger.cause,
        "who": run.who,
        "commit": run.commit,
        "branch": run.branch,
        "pull_request": run.pull_request,
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.ended_at),
        "seconds": run.seconds,
        "median_seconds": median,
        "warnings": run.warnings,
        "failed_steps": run.failed_steps,
        "docs": run.docs,
        "dbt_version": run.dbt_version,
        "deferred_to": run.deferred_to,
        "url": deployment.run_page(run.id),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def act(given: Namespace) -> int:
    """Carry out `runs` as it was given on the command line; return the exit code."""
    return runs(given)
