"""One run as every list and look-up shows it, from Dagster's record and the run's facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from deploy_project.errors import ConfigError
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.run_facts import Docs, RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Trigger

_LONGEST_NUMBER = 18
"""Digits of a number that databases bear."""
_LONGEST_REASON = 2_000
_CANCELLED = (Status.CANCELLING, Status.CANCELLED)


@dataclass(frozen=True)
class Asked:
    """The wishes for a run beside its job, as they were asked for; empty for none."""

    commit: str = ""
    branch: str = ""
    schema: str = ""
    pull_request_kind: str = ""
    """The site whose number the pull request's is; empty where a sensor has found it."""
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """As `Overrides.written` has them."""


@dataclass(frozen=True)
class PastRun:
    """One run of the history, ended or not."""

    id: str
    job: str
    status: Status
    """In dbt Cloud's words."""
    trigger: Trigger
    commit: str
    """Empty until the run has resolved it; so is `branch`."""
    branch: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    failed_steps: str = ""
    """The check-boxes that have failed without failing it: `docs`."""
    is_ours: bool = True
    """Whether it is the run of a deployment job; `job` is the name of Dagster's job else."""
    job_id: int | None = None
    environment: str = ""
    project: str = ""
    who: str = ""
    pull_request: int | None = None
    dbt_version: str = ""
    """Empty until its facts are known, as are those that follow."""
    warnings: int = 0
    """The number of tests and sources that have warned."""
    docs: Docs = ""
    unpublished: str = ""
    """The reason why it was not to publish anything, and is no measure of its job; else empty."""
    deferred_to: str = ""
    """The run whose state it has deferred to."""
    has_sources: bool = False
    """Whether it has measured the freshness of sources."""
    has_artifacts: bool = False
    """Whether it has left files; without its facts, one that has begun is taken to have."""
    used_repo_cache: bool = False
    """Whether it has built the last known commit, since the remote did not answer."""
    reason: str = ""
    """The message of what has ended it; empty for a success."""
    asked: Asked = Asked()
    repeats: str = ""
    """The run that it is a rerun of."""
    resumes: bool = False
    """Whether it goes on where that one has failed."""
    upstream_run: str = ""
    """The run that has started it by its end."""
    cancelled_by: str = ""
    changed_at: datetime | None = None
    """The time when Dagster has learned of its last change."""
    blocked_by: tuple[str, ...] = ()
    """The runs in progress that it waits for in the queue."""
    is_latest: bool = field(default=False, compare=False)
    """Whether no run of its job is newer; only pages tell."""

    @property
    def number(self) -> int:
        """The number that stands for it where dbt Cloud has a number."""
        return tags.run_number(self.id)

    @property
    def seconds(self) -> float | None:
        """The seconds that it has run; None before it starts."""
        if self.started_at is None:
            return None
        return ((self.ended_at or datetime.now(UTC)) - self.started_at).total_seconds()

    @property
    def is_queued(self) -> bool:
        """Whether it waits."""
        return self.status is Status.QUEUED

    @property
    def has_warnings(self) -> bool:
        """Whether a test or source has warned, or a check-box has failed."""
        return bool(self.warnings or self.failed_steps)

    @property
    def has_docs(self) -> bool:
        """Whether it has made docs."""
        return self.docs in ("published", "made")


def past_run(record: dg.RunRecord) -> PastRun:
    """Return the run that Dagster has a record of."""
    run, own = record.dagster_run, tags.current(record.dagster_run.tags)
    status = Status.of(run.status)
    changed = record.update_timestamp if status.has_ended else None
    return PastRun(
        id=run.run_id,
        job=own.get(tags.JOB, run.job_name),
        status=status,
        trigger=tags.trigger(own, from_location=run.remote_job_origin is not None),
        commit=tags.commit(own) or "",
        branch=tags.branch(own) or "",
        created_at=record.create_timestamp,
        started_at=_moment(record.start_time),
        ended_at=_moment(record.end_time) or changed,
        # A run that has not begun has this tag of the run that it repeats.
        failed_steps=own.get(tags.FAILED_STEPS, "") if record.start_time else "",
        is_ours=tags.JOB in own,
        job_id=_number(own.get(tags.JOB_ID, "")),
        environment=own.get(tags.ENVIRONMENT, ""),
        project=own.get(tags.PROJECT, ""),
        who=tags.who(own),
        pull_request=tags.pull_request(own),
        has_artifacts=status.has_ended and record.start_time is not None,
        asked=_asked(own, run.run_config),
        repeats=own.get(tags.PARENT, ""),
        resumes=tags.resumed(own) is not None,
        upstream_run="" if tags.PARENT in own else own.get(tags.UPSTREAM_RUN, ""),
        cancelled_by=own.get(tags.CANCELLED_BY, "") if status in _CANCELLED else "",
        changed_at=record.update_timestamp,
    )


def _asked(own: Mapping[str, str], run_config: Mapping[str, Any]) -> Asked:
    try:
        given = overrides.of_config(run_config).written if run_config else {}
    except ConfigError:  # the run itself fails for it, and says why
        given = {}
    return Asked(
        # A rerun has its parent's, and may build another one.
        commit="" if tags.PARENT in own else own.get(tags.COMMIT_OVERRIDE, ""),
        branch=own.get(tags.BRANCH_OVERRIDE, ""),
        schema=own.get(tags.SCHEMA_OVERRIDE, ""),
        pull_request_kind=own.get(tags.PULL_REQUEST_KIND, ""),
        overrides=given,
    )


def with_facts(run: PastRun, facts: RunFacts) -> PastRun:
    """Return `run` with the details of its facts.

    Dagster learns of an end a moment after the facts were written.
    """
    if not run.status.has_ended:
        run = replace(run, status=facts.status, ended_at=facts.finished_at)
    return replace(
        run,
        commit=facts.code.commit if facts.code is not None else run.commit,
        branch=facts.code.branch if facts.code is not None else run.branch,
        started_at=run.started_at or (facts.started_at if facts.steps else None),
        failed_steps=", ".join(facts.failed_steps),
        dbt_version=facts.dbt_version,
        warnings=facts.warnings,
        docs=facts.docs,
        unpublished=facts.unpublished,
        deferred_to=facts.deferral.run_id if facts.deferral is not None else "",
        has_sources=bool(facts.freshness),
        has_artifacts=bool(facts.artifacts),
        used_repo_cache=facts.code is not None and bool(facts.code.outage),
        reason=facts.reason[:_LONGEST_REASON],
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _number(text: str) -> int | None:
    is_one = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_one else None
