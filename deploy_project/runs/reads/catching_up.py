"""The index of runs brought up to date with Dagster's history and the facts among the artifacts."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from deploy_project.errors import ArtifactError
from deploy_project.runs.model import run_facts
from deploy_project.runs.model.run_facts import NodeFacts
from deploy_project.runs.reads import dagster_runs
from deploy_project.runs.reads.index import Index, in_parts
from deploy_project.runs.reads.past_run import PastRun, with_facts
from deploy_project.runs.store.artifacts import Artifacts, is_local

OVERLAP = timedelta(minutes=10)
"""An end may be written late, by another machine with another clock."""
_AT_ONCE = 100
_READERS = 16


def catch_up(
    instance: dg.DagsterInstance, index: Index, artifacts: Artifacts, *, seconds: float | None
) -> int:
    """Write the ended runs that the index lacks, remove those that Dagster has deleted.

    Returns the number of runs written. It stops when `seconds` are over, and the next call goes on;
    the index is whole once all are written. Raises `RunIndexError`, and `ArtifactError` when the
    artifact root can't be asked.
    """
    begun, until = datetime.now(UTC), time.monotonic() + (seconds or 0)
    known = index.ids()
    everything = instance.get_run_ids()
    index.remove(known.difference(everything))
    unfinished = {*instance.get_run_ids(dg.RunsFilter(statuses=dagster_runs.UNFINISHED))}
    missing = [each for each in everything if each not in known and each not in unfinished]
    written = 0
    for some in in_parts(missing, _AT_ONCE):
        if seconds is not None and time.monotonic() >= until:
            return written
        found = dagster_runs.by_ids(instance, some)
        index.write(_with_facts([each for each in found if each.status.has_ended], artifacts))
        written += len(found)
    index.set_whole_until(begun - OVERLAP)
    return written


def _with_facts(
    runs: Sequence[PastRun], artifacts: Artifacts
) -> list[tuple[PastRun, Sequence[NodeFacts]]]:
    read = partial(_with_own_facts, artifacts)
    if is_local(artifacts.root):
        return list(map(read, runs))
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(read, runs))


def _with_own_facts(artifacts: Artifacts, run: PastRun) -> tuple[PastRun, Sequence[NodeFacts]]:
    content = run_facts.content(artifacts, run.id) if run.is_ours else None
    if content is not None:
        with suppress(ArtifactError):  # of another version, or cut off: what Dagster knows stays
            facts = run_facts.from_json(content, where=run.id)
            return with_facts(run, facts), facts.nodes
    return run, ()
