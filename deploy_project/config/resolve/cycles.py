"""Cycles of completion triggers: jobs that would start each other forever; pure."""

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter


def cycles(parents: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the rings of jobs that start each other, in that order; no two share a job.

    `parents` maps a job to those whose ends start it. Breaking the rings may uncover others.
    """
    left = {job: list(found) for job, found in sorted(parents.items())}
    while ring := _ring(left):
        first = ring.index(min(ring))
        yield (*ring[first:], *ring[:first])
        left = {job: found for job, found in left.items() if job not in ring}


def _ring(parents: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        return tuple(error.args[1][1:])  # the first is also the last
    return ()
