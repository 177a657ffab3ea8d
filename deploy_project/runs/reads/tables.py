"""The tables of the index of runs, and a run as a row of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text

from deploy_project.runs.model.run_facts import Docs, NodeFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Category, Trigger
from deploy_project.runs.reads.past_run import Asked, PastRun

VERSION = "3"
"""An index of another version is made anew."""
TABLES = MetaData()
MARKS = Table(
    "deploy_index",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
RUNS = Table(
    "deploy_runs",
    TABLES,
    Column("run_id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, index=True),
    Column("is_ours", Boolean, nullable=False),
    Column("job", Text, nullable=False),
    Column("job_id", BigInteger),
    Column("environment", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("trigger_category", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("commit_id", Text, nullable=False, index=True),
    Column("branch", Text, nullable=False),
    Column("pull_request", BigInteger, index=True),
    Column("created_at", BigInteger, nullable=False, index=True),  # microseconds since 1970
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger, index=True),
    Column("failed_steps", Text, nullable=False),
    Column("dbt_version", Text, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("docs", Text, nullable=False),
    Column("unpublished", Text, nullable=False),
    Column("deferred_to", Text, nullable=False),
    Column("has_sources", Boolean, nullable=False),
    Column("has_artifacts", Boolean, nullable=False),
    Column("used_repo_cache", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked", Text, nullable=False),  # JSON
    Column("repeats", Text, nullable=False),
    Column("resumes", Boolean, nullable=False),
    Column("upstream_run", Text, nullable=False),
    Column("cancelled_by", Text, nullable=False),
    Column("changed_at", BigInteger),
)
NODES = Table(
    "deploy_nodes",
    TABLES,
    Column("run_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("unique_id", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger),
    Column("seconds", Float, nullable=False),
)
Index("deploy_runs_of_job", RUNS.c.job, RUNS.c.created_at)
Index("deploy_runs_of_environment", RUNS.c.environment, RUNS.c.created_at)
Index("deploy_runs_of_status", RUNS.c.status, RUNS.c.created_at)
Index("deploy_nodes_of_model", NODES.c.unique_id, NODES.c.started_at)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def run_row(run: PastRun) -> dict[str, Any]:
    """Return `run` as a row of `RUNS`."""
    return {
        "run_id": run.id,
        "number": run.number,
        "is_ours": run.is_ours,
        "job": _text(run.job),
        "job_id": run.job_id,
        "environment": _text(run.environment),
        "project": _text(run.project),
        "status": run.status.value,
        "trigger_category": run.trigger.category,
        "cause": _text(run.trigger.cause),
        "who": _text(run.who),
        "commit_id": _text(run.commit),
        "branch": _text(run.branch),
        "pull_request": run.pull_request,
        "created_at": microseconds(run.created_at),
        "started_at": _optional_microseconds(run.started_at),
        "ended_at": _optional_microseconds(run.ended_at),
        "failed_steps": _text(run.failed_steps),
        "dbt_version": _text(run.dbt_version),
        "warnings": run.warnings,
        "docs": run.docs,
        "unpublished": _text(run.unpublished),
        "deferred_to": _text(run.deferred_to),
        "has_sources": run.has_sources,
        "has_artifacts": run.has_artifacts,
        "used_repo_cache": run.used_repo_cache,
        "reason": _text(run.reason),
        "asked": json.dumps(asdict(run.asked)),
        "repeats": _text(run.repeats),
        "resumes": run.resumes,
        "upstream_run": _text(run.upstream_run),
        "cancelled_by": _text(run.cancelled_by),
        "changed_at": _optional_microseconds(run.changed_at),
    }


def run_of(row: Mapping[str, Any]) -> PastRun:
    """Return the run in a row of `RUNS`."""
    return PastRun(
        id=row["run_id"],
        job=row["job"],
        status=Status(row["status"]),
        trigger=Trigger(cast(Category, row["trigger_category"]), row["cause"]),
        commit=row["commit_id"],
        branch=row["branch"],
        created_at=moment(row["created_at"]),
        started_at=_optional(row["started_at"]),
        ended_at=_optional(row["ended_at"]),
        failed_steps=row["failed_steps"],
        is_ours=bool(row["is_ours"]),
        job_id=row["job_id"],
        environment=row["environment"],
        project=row["project"],
        who=row["who"],
        pull_request=row["pull_request"],
        dbt_version=row["dbt_version"],
        warnings=row["warnings"],
        docs=cast(Docs, row["docs"]),
        unpublished=row["unpublished"],
        deferred_to=row["deferred_to"],
        has_sources=bool(row["has_sources"]),
        has_artifacts=bool(row["has_artifacts"]),
        used_repo_cache=bool(row["used_repo_cache"]),
        reason=row["reason"],
        asked=Asked(**json.loads(row["asked"])),
        repeats=row["repeats"],
        resumes=bool(row["resumes"]),
        upstream_run=row["upstream_run"],
        cancelled_by=row["cancelled_by"],
        changed_at=_optional(row["changed_at"]),
        is_latest=not row.get("has_later", True),
    )


def node_row(run_id: str, position: int, node: NodeFacts) -> dict[str, Any]:
    """Return a node of a run as a row of `NODES`."""
    return {
        "run_id": run_id,
        "position": position,
        "unique_id": _text(node.unique_id),
        "step": node.step,
        "status": _text(node.status),
        "started_at": _optional_microseconds(node.started_at),
        "seconds": node.seconds,
    }


def microseconds(time: datetime) -> int:
    """Return a time as the tables keep it: microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def _optional_microseconds(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def moment(value: int) -> datetime:
    """Return the time that the tables keep as `value`."""
    return _EPOCH + value * _MICROSECOND


def _optional(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _text(text: str) -> str:
    """Return `text` without NUL and halves of letters, which databases refuse."""
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", " ")
