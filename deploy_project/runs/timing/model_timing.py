"""Model timing (RUN-7): the work and queue times of a run's nodes, and its critical path."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import TopologicalSorter
from operator import attrgetter

from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.results import NodeResult

LAST_PHASE = 4
_IDLE = frozenset({"skipped", "no-op"})

Parents = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Command:
    """The results of one dbt command, and the parents that its nodes had to wait for."""

    results: Sequence[NodeResult]
    parents: Parents
    """`build_parents` of the manifest for `dbt build`, where tests hold models up, or `parents`."""
    started: datetime | None = None
    """The time when its nodes could have begun; None means when the first one did."""


@dataclass(frozen=True)
class NodeTiming:
    """The working time of one node; a node of several commands has one of these in each."""

    unique_id: str
    status: str
    thread: str
    command: int
    """The index of its command, from 0."""
    start: datetime
    """For a node that did nothing: when it could have begun."""
    end: datetime
    phase: int
    """0 without a parent in its command, else one more than its deepest parent; 4 is 4 or more."""
    queue_seconds: float
    """From the end of its last parent, or the start of the command, until its own start."""
    critical: bool

    @property
    def seconds(self) -> float:
        """The seconds that it worked."""
        return (self.end - self.start).total_seconds()

    @property
    def worked(self) -> bool:
        """Whether it did anything that takes time."""
        return self.end > self.start and self.status not in _IDLE

    @property
    def name(self) -> str:
        """Its name without kind and package, and without the hash of a generic test."""
        return node_names.name(self.unique_id)


@dataclass(frozen=True)
class Timing:
    """The model timing of a run; all numbers count only nodes that worked."""

    nodes: tuple[NodeTiming, ...]
    """Every node that has a time, by start."""
    critical_path: tuple[NodeTiming, ...]
    """The chain of nodes, each waiting for the one before, that took longest; its nodes in order.

    The run can't get faster than this by more threads. Commands run one after another, so their
    paths are put end to end.
    """
    critical_path_seconds: float
    critical_path_share: float
    """Of the wall clock: 1.0 means that only a faster path makes the run faster."""
    peak_concurrency: int
    peak_at: datetime | None
    """The time when so many nodes worked at once for the first time."""
    average_active: float
    longest: NodeTiming | None
    """The model that took longest."""
    wall_clock_seconds: float
    """From the start of the first node to the end of the last."""
    latest_start: NodeTiming | None
    """The node that began last."""


def timing(commands: Sequence[Command]) -> Timing:
    """Return the model timing of commands that ran one after another."""
    nodes = [node for index, each in enumerate(commands) for node in _nodes(index, each)]
    nodes.sort(key=attrgetter("start", "end"))
    worked = [node for node in nodes if node.worked]
    path = tuple(node for node in nodes if node.critical)
    path_seconds = sum(node.seconds for node in path)
    wall_clock = _wall_clock(worked)
    peak, peak_at = _peak(worked)
    models = [node for node in worked if node.unique_id.startswith("model.")]
    return Timing(
        nodes=tuple(nodes),
        critical_path=path,
        critical_path_seconds=path_seconds,
        critical_path_share=path_seconds / wall_clock if wall_clock else 0.0,
        peak_concurrency=peak,
        peak_at=peak_at,
        average_active=sum(node.seconds for node in worked) / wall_clock if wall_clock else 0.0,
        longest=max(models, key=attrgetter("seconds"), default=None),
        wall_clock_seconds=wall_clock,
        latest_start=max(worked, key=attrgetter("start"), default=None),
    )


def duration_text(seconds: float) -> str:
    """Return a duration as people say it: `850 ms`, `12.3 s`, `4 min 05 s`, `1 h 02 min`."""
    seconds = max(0.0, seconds)
    if round(seconds * 1000) < 1000:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02} s"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest:02} min"


def _nodes(index: int, command: Command) -> list[NodeTiming]:
    """Return the nodes of one command, those on its critical path marked."""
    results = {result.unique_id: result for result in command.results}
    opening = _opening(command)
    if opening is None:
        return []
    above = _above(results.keys(), command.parents)
    found: dict[str, NodeTiming] = {}
    for unique_id in TopologicalSorter(above).static_order():
        parents = [found[parent] for parent in above[unique_id]]
        ready = max([opening, *(parent.end for parent in parents)])
        start, end = _worked(results[unique_id]) or (ready, ready)
        found[unique_id] = NodeTiming(
            unique_id=unique_id,
            status=results[unique_id].status,
            thread=results[unique_id].thread,
            command=index,
            start=start,
            end=max(start, end),  # a clock may have been set back
            phase=min(LAST_PHASE, max((parent.phase + 1 for parent in parents), default=0)),
            queue_seconds=max(0.0, (start - ready).total_seconds()),
            critical=False,
        )
    path = _critical_path(found, above)
    return [replace(node, critical=node.unique_id in path) for node in found.values()]


def _opening(command: Command) -> datetime | None:
    starts = [span[0] for span in map(_worked, command.results) if span is not None]
    return command.started or min(starts, default=None)


def _worked(result: NodeResult) -> tuple[datetime, datetime] | None:
    """Return the start and end of dbt's work on a node; None when it did none."""
    first, last = result.compile or result.execute, result.execute or result.compile
    return (first.started, last.completed) if first and last else None


def _above(chosen: Collection[str], parents: Parents) -> dict[str, list[str]]:
    """Return the nearest chosen nodes above each chosen node, which it waits for.

    Like dbt, look through nodes that are not chosen: the child of an ephemeral model, or of a
    model that is left out, waits for the nodes above that model.
    """
    order = list(TopologicalSorter(parents).static_order())
    places = {unique_id: place for place, unique_id in enumerate(order)}
    masks: list[int] = []  # for each node the chosen ones above it, one bit each
    for unique_id in order:
        mask = 0
        for place in (places[parent] for parent in parents.get(unique_id, ())):
            mask |= masks[place] | (1 << place if order[place] in chosen else 0)
        masks.append(mask)
    above: dict[str, list[str]] = {}
    for unique_id in chosen:
        above[unique_id] = []
        left = masks[places[unique_id]] if unique_id in places else 0
        while left:
            place = left.bit_length() - 1
            above[unique_id].append(order[place])
            left &= ~(masks[place] | 1 << place)
    return above


def _critical_path(nodes: Mapping[str, NodeTiming], above: Parents) -> set[str]:
    """Return the working nodes of the longest chain; `nodes` has parents before children."""
    lengths: dict[str, float] = {}

    def rank(unique_id: str) -> tuple[float, datetime, str]:
        return lengths[unique_id], nodes[unique_id].end, unique_id

    before: dict[str, str | None] = {}
    for unique_id, node in nodes.items():
        before[unique_id] = max(above[unique_id], key=rank, default=None)
        seconds = node.seconds if node.worked else 0.0
        lengths[unique_id] = seconds + lengths.get(before[unique_id] or "", 0.0)
    found: set[str] = set()
    step = max(nodes, key=rank, default=None)
    while step is not None:
        found |= {step} if nodes[step].worked else set()
        step = before[step]
    return found


def _wall_clock(worked: Sequence[NodeTiming]) -> float:
    if not worked:
        return 0.0
    first, last = min(node.start for node in worked), max(node.end for node in worked)
    return (last - first).total_seconds()


def _peak(worked: Sequence[NodeTiming]) -> tuple[int, datetime | None]:
    """Return the most nodes at work at once, and when first; one that ends makes room for one."""
    changes = [(node.start, 1) for node in worked] + [(node.end, -1) for node in worked]
    active, peak, peak_at = 0, 0, None
    for moment, change in sorted(changes):
        active += change
        if active > peak:
            peak, peak_at = active, moment
    return peak, peak_at
