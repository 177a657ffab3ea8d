"""Metadata of asset materializations: commit, job, dbt's versions, timing, rows and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from deploy_project.dbt.artifacts.adapter_response import bytes_processed, rows_affected
from deploy_project.dbt.artifacts.events import Adapter, NodeFinished, Version
from deploy_project.orchestration.catalog.for_people import code_block, size_text, time_text
from deploy_project.runs.model.run import begun_at
from deploy_project.runs.model.step_context import CommandContext


@dataclass
class Facts:
    """Facts of one dbt command for its materializations; more are added while it runs."""

    commit: str
    branch: str
    job: str
    trigger: str
    target: str
    started_at: datetime
    dbt_version: str = ""
    adapter: str = ""
    invocation_id: str = ""
    ends: dict[str, datetime] = field(default_factory=dict[str, datetime])

    @classmethod
    def of(cls, context: CommandContext) -> "Facts":
        """Return the facts that are known before dbt starts."""
        return cls(
            commit=context.source.commit,
            branch=context.source.branch,
            job=context.run.job.name,
            trigger=context.run.trigger.category,
            target=context.workspace.profile.target,
            started_at=begun_at(context.run),
        )

    def versions(self, event: Version | Adapter) -> None:
        """Note the version of dbt, or of its adapter."""
        if isinstance(event, Version):
            self.dbt_version, self.invocation_id = event.dbt_version, event.invocation_id
        else:
            self.adapter = f"{event.name} {event.version}"

    def finished(self, event: NodeFinished) -> None:
        """Note the time when a node ended."""
        if event.finished_at is not None:
            self.ends[event.unique_id] = event.finished_at

    def queued_seconds(self, event: NodeFinished, parents: list[str]) -> float | None:
        """Return the seconds that the node, ready, waited for a thread; None when unknown."""
        ready = [self.ends[parent] for parent in parents if parent in self.ends]
        if event.started_at is None or not ready:
            return None
        return max(0.0, (event.started_at - max(ready)).total_seconds())


def metadata(
    facts: Facts, event: NodeFinished, manifest: Mapping[str, Any], *, compiled: str = ""
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata of the materialization that `event` is, without unknown values.

    `compiled` is the code of a model or snapshot, as dbt has run it. Numbers are there for the
    plots, beside the same in words.
    """
    node = manifest["nodes"].get(event.unique_id, {})
    queued = facts.queued_seconds(event, manifest.get("parent_map", {}).get(event.unique_id, []))
    response = event.adapter_response
    size = bytes_processed(response)
    compiling = event.compile_seconds
    values: dict[str, object] = {
        "commit": facts.commit,
        "branch": facts.branch,
        "job": facts.job,
        "trigger": facts.trigger,
        "target": facts.target,
        "dagster/table_name": event.relation.replace('"', "").replace("`", ""),
        "dbt_version": facts.dbt_version,
        "adapter": facts.adapter,
        "invocation_id": facts.invocation_id,
        "status": event.status,
        "time": time_text(event.execution_seconds, compiling=compiling, queued=queued),
        "execution_seconds": float(event.execution_seconds),
        "compile_seconds": compiling,
        "queue_seconds": queued,
        "thread": event.thread,
        "started_at": event.started_at,
        "rows_affected": rows_affected(response),
        "size": None if size is None else size_text(size),
        "bytes": size,
        "message": event.message,
    }
    found = {name: _value(value) for name, value in values.items() if value not in (None, "")}
    if compiled:
        found["compiled_sql"] = code_block(compiled, str(node.get("language") or "sql"))
    return found


def _value(value: object) -> dg.MetadataValue[Any]:
    if isinstance(value, datetime):
        return dg.MetadataValue.timestamp(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(round(value, 3))
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    return dg.MetadataValue.text(str(value))
