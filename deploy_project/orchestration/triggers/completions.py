"""Decides the jobs to start after ends of runs and materialized assets; pure (TRG-5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, TypeAdapter

from deploy_project.config import cursors
from deploy_project.config.values.deployment import AssetParent, Completion, Job, Parent
from deploy_project.runs.model.status import Status

_ENDED = {Status.SUCCESS: "succeeded", Status.ERROR: "failed", Status.CANCELLED: "was cancelled"}
OVERLAP_SECONDS = 600
"""Every tick looks this far back again: an end may be written late."""


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, or an asset that was materialized."""

    what: str
    """The parent that has ended, as `str()` writes it."""
    at: float
    """Seconds since 1970."""
    run_id: str = ""
    """Empty for an asset that was reported from outside of all runs."""
    status: Status | None = None
    """None is an asset's."""
    by: str = ""
    """The job that has materialized the asset."""

    @property
    def key(self) -> str:
        """Names this end; a run that materializes an asset several times ends it once."""
        return f"{self.what} {self.run_id or self.at}"

    def told(self, *, shortly: bool) -> str:
        """Return the end in words; Dagster's UI shows the first eight characters of run ids."""
        how = "was materialized" if self.status is None else _ENDED[self.status]
        where = f" in run {self.run_id[: 8 if shortly else None]}" if self.run_id else ""
        return f"{self.what[0].upper()}{self.what[1:]} {how}{where}"


@dataclass(frozen=True)
class StartJob:
    """Start `job` because of `ends`, the oldest first."""

    job: str
    ends: tuple[EndedRun, ...]
    round: str = ""
    """The round of a job that waits for all its parents; empty for another job."""

    @property
    def key(self) -> str:
        """Names this start and no other, so that it happens once however often it is decided.

        A decision made again may know of an end that was written late: then a round has other
        ends, but there are no fewer rounds.
        """
        if self.round:
            return f"{self.job}:{self.round}"
        last = self.ends[-1]
        return f"{self.job}:{last.key if last.status is None else last.run_id}"

    @property
    def cause(self) -> str:
        """The ends, in words."""
        return "; ".join(end.told(shortly=len(self.ends) > 1) for end in self.ends)

    @property
    def upstream_run(self) -> str | None:
        """The run that came last; None when none took part."""
        return next((end.run_id for end in reversed(self.ends) if end.run_id), None)


@dataclass(frozen=True)
class CompletionState:
    """The sensor's cursor: ends seen, ends that wait for others, and rounds."""

    last: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """When the tick was, in seconds since 1970."""
    seen: Mapping[str, float] = field(default_factory=dict[str, float])
    """The times of ends that the next tick will find again, by key."""
    waiting: Mapping[str, Mapping[str, EndedRun | None]] = field(
        default_factory=dict[str, Mapping[str, EndedRun | None]]
    )
    """By child and parent: the end that waits for those of the other parents."""

    begun: float = 0.0
    """When the first tick was; the rounds are counted from there."""
    rounds: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of starts of each job that waits for all its parents, by its name."""

    def since(self, now: float) -> float:
        """Return the time after which a tick at `now` asks for ends; a clock may be set back."""
        return min(self.last, now) - OVERLAP_SECONDS


_STATE = TypeAdapter(CompletionState)


def parsed(cursor: str | None) -> CompletionState | None:
    """Return the state that `cursor` holds; None when it holds none."""
    return cursors.read(_STATE, cursor)


def text(state: CompletionState) -> str:
    """Return `state` as a cursor."""
    return _STATE.dump_json(state).decode()


def decide(
    jobs: Iterable[Job], state: CompletionState, ends: Iterable[EndedRun], *, now: float
) -> tuple[list[StartJob], CompletionState]:
    """Return the starts that `ends` cause, in their order, and the state after them.

    An end counts once. A parent that is new to a job counts from now on: none of `ends` is for it.
    """
    children = {job.name: job.completion for job in jobs if job.completion is not None}
    waiting = {name: _round(each, state.waiting.get(name, {})) for name, each in children.items()}
    rounds = dict(state.rounds)  # also of jobs that are gone: they may come back
    seen = {key: at for key, at in state.seen.items() if at >= now - OVERLAP_SECONDS}
    starts: list[StartJob] = []
    for end in sorted(ends, key=lambda end: (end.at, end.key)):
        fresh = end.key not in state.seen and end.key not in seen
        seen[end.key] = end.at
        for name, completion in children.items() if fresh else ():
            found = _after(end, name, completion, waiting[name], state.waiting.get(name, {}))
            if found and completion.needs_all:
                rounds[name] = rounds.get(name, 0) + 1
                starts.append(StartJob(name, found, f"{state.begun:.3f}-{rounds[name]}"))
            elif found:
                starts.append(StartJob(name, found))
    return starts, CompletionState(now, seen, waiting, state.begun, rounds)


def _round(
    completion: Completion, before: Mapping[str, EndedRun | None]
) -> dict[str, EndedRun | None]:
    names = (_name(parent, completion) for parent in completion.parents)
    return {name: before.get(name) for name in names}


def _after(
    end: EndedRun,
    child: str,
    completion: Completion,
    ends: dict[str, EndedRun | None],
    known: Mapping[str, EndedRun | None],
) -> tuple[EndedRun, ...]:
    """Return the ends that start `child` now that `end` is there; note it in `ends` if it waits."""
    if end.by == child:  # a job's own asset would start it for ever
        return ()
    names = [_name(each, completion) for each in completion.parents if _fits(each, end)]
    names = [name for name in names if name in known]
    if not completion.needs_all:
        return (end,) if names else ()
    ends.update(dict.fromkeys(names, end))
    found = [each for each in ends.values() if each is not None]
    if not names or len(found) < len(ends):
        return ()
    ends.update(dict.fromkeys(ends))
    return tuple(sorted(found, key=lambda each: (each.at, each.key)))


def _fits(parent: Parent, end: EndedRun) -> bool:
    if str(parent) != end.what:
        return False
    return isinstance(parent, AssetParent) or (
        end.status is not None and end.status.number in parent.statuses
    )


def _name(parent: Parent, completion: Completion) -> str:
    """Name a parent and the statuses waited for; `all` and `any` make different names."""
    statuses = "" if isinstance(parent, AssetParent) else f" {sorted(parent.statuses)}"
    return f"{'all' if completion.needs_all else 'any'}: {parent}{statuses}"
