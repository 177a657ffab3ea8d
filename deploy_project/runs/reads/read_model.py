"""The one read of runs for everybody: lists, counts and look-ups (DESIGN 16).

A list takes three queries: for the runs that Dagster has not ended, for those that have ended since
the index was whole, and for a page of the index. Without an index all come from Dagster.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import dagster as dg

from deploy_project.errors import ArtifactError, LaunchError, RunIndexError
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads import dagster_runs
from deploy_project.runs.reads.index import RECENT, Index, NodeRun, Order, median
from deploy_project.runs.reads.past_run import PastRun, with_facts
from deploy_project.runs.reads.wanted import EVERY, Wanted
from deploy_project.runs.store.artifacts import Artifacts

_SHOWN = 5
_MOST_FRESH = 5_000
"""More ids than this are too many for one query."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)

Matching = Callable[[str], Mapping[str, Status] | None]
"""Returns the runs that a text may name, with their status; None where it can't tell."""


@dataclass(frozen=True)
class Page:
    """Some of the wanted runs, in their order, and the number of all of them."""

    runs: Sequence[PastRun]
    total: int


@dataclass
class Runs:
    """The runs of one Dagster instance."""

    instance: dg.DagsterInstance
    history: str = ""
    """The place of the history, for messages."""
    artifacts: Artifacts | None = None
    index: Index | None = None
    """Makes reads fast."""
    matching: Matching | None = None
    """Finds ids without reading them all."""
    _whole_until: datetime | None = field(default=None, init=False)

    def page(
        self,
        wanted: Wanted = EVERY,
        *,
        limit: int = 100,
        offset: int = 0,
        order: Order = "created",
        ascending: bool = False,
    ) -> Page:
        """Return `limit` of the runs that are `wanted`, from the place `offset`; newest first."""
        try:
            return self._indexed(wanted, limit, offset, order, ascending=ascending)
        except RunIndexError:
            return self._from_dagster(wanted, limit, offset, order, ascending=ascending)

    def newest(self, wanted: Wanted = EVERY) -> PastRun | None:
        """Return the newest run that is `wanted`; None when there is none."""
        return next(iter(self.page(wanted, limit=1).runs), None)

    def find(self, text: str) -> PastRun:
        """Return the run that `text` names: by its id, the beginning of its id, or its number.

        Raises `LaunchError` when there is none, or more than one.
        """
        known = self.matching(text) if self.matching is not None else None
        found = matching(self.instance.get_run_ids() if known is None else known, text)
        if not found:
            raise LaunchError(
                f"no run is called {text!r} in the history of {self.history}; `deploy-project "
                "runs` lists the latest, and runs of another deployment are known where that one is"
            )
        if len(found) > 1:
            some = ", ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")
            raise LaunchError(f"{text!r} names {len(found)} runs: {some}; write more of the id")
        return self._found(found[0], known)

    def by_number(self, number: int) -> PastRun | None:
        """Return the run of a number; None when there is none."""
        known = self.matching(f"{number}") if self.matching is not None else None
        ids = self.instance.get_run_ids() if known is None else known
        found = next((each for each in ids if tags.run_number(each) == number), None)
        return self._found(found, known) if found is not None else None

    def _found(self, run_id: str, known: Mapping[str, Status] | None) -> PastRun:
        """Return a run as it stands now; from the index where its status is `known` to be final."""
        status = known[run_id] if known is not None else None
        if status is not None and status.has_ended:
            indexed = self._indexed_run(run_id)
            if indexed is not None:
                return replace(indexed, status=status)
        return self.by_id(run_id)

    def by_id(self, run_id: str) -> PastRun:
        """Return the run `run_id` as it stands now; raise `LaunchError` when there is none."""
        found = dagster_runs.by_ids(self.instance, [run_id])
        if not found:
            raise LaunchError(
                f"run {run_id} is not in this Dagster's history: it was deleted, or is another "
                "deployment's; start the job itself"
            )
        run = found[0]
        if run.is_queued:
            run = next((each for each in self.unfinished() if each.id == run_id), run)
        return self._detailed(run)

    def unfinished(self) -> list[PastRun]:
        """Return the runs that wait, with those that they wait for, or are in progress."""
        return dagster_runs.unfinished(self.instance)

    def facts(self, run_id: str) -> RunFacts | None:
        """Return the facts of a run; None for one that has none, being older or not yet concluded.

        Raises `ArtifactError` when they can't be read.
        """
        return run_facts.kept(self.artifacts, run_id) if self.artifacts is not None else None

    def median_seconds(self, jobs: Collection[str]) -> dict[str, float]:
        """Return the median duration of the last successes of each of the `jobs` that has any."""
        try:
            if self._since() is not None and self.index is not None:
                return self.index.median_seconds(jobs)
        except RunIndexError:
            pass
        wanted = Wanted(jobs=jobs, statuses={Status.SUCCESS})
        took: dict[str, list[float]] = {}
        for run in _sorted(dagster_runs.ended(self.instance, since=None), "created", False):
            seconds = took.setdefault(run.job, [])
            if len(seconds) == RECENT or run.seconds is None or not wanted.takes(run):
                continue
            if not self._with_own_facts(run).unpublished:
                seconds.append(run.seconds)
        return {job: median(seconds) for job, seconds in took.items() if seconds}

    def newest_of(self, jobs: Collection[str], *, completed: bool = False) -> dict[str, PastRun]:
        """Return the newest run, or the newest `completed` one, of each of the `jobs` with any."""
        try:
            fresh, indexed = self._fresh(), self._index().newest(jobs)
        except RunIndexError:
            fresh, indexed = dagster_runs.ended(self.instance, since=None), []
            fresh = _distinct([*dagster_runs.unfinished(self.instance), *fresh])
        known = {each.id: each for each in indexed}
        now = [self._as_of_now(each, known.get(each.id)) for each in fresh if each.job in jobs]
        chosen = {each.id: each for each in (*indexed, *now)}.values()
        wanted = (each for each in chosen if each.status.has_ended or not completed)
        return {each.job: each for each in sorted(wanted, key=_age)}

    def failures(self, jobs: Collection[str]) -> dict[str, int]:
        """Return the number of failed runs since the last success, for each of the `jobs`."""
        try:
            self._fresh_since()
            return self._index().failures(jobs)
        except RunIndexError:
            found = dagster_runs.ended(self.instance, since=None)
            good = [each for each in found if each.status is Status.SUCCESS]
            last = {each.job: each.created_at for each in sorted(good, key=_age)}
            bad = [each for each in found if each.status is Status.ERROR]
            since = Counter(
                each.job for each in bad if each.created_at > last.get(each.job, _EARLIEST)
            )
            return {job: since[job] for job in jobs}

    def node_runs(self, unique_id: str, *, limit: int = 100) -> list[NodeRun]:
        """Return the last times that a node was built or tested, the newest first.

        Raises `RunIndexError`: without an index, all facts of all runs would have to be read.
        """
        return self.index.node_runs(unique_id, limit=limit) if self.index is not None else []

    def _indexed(
        self, wanted: Wanted, limit: int, offset: int, order: Order, *, ascending: bool
    ) -> Page:
        since = self._fresh_since()
        fresh = dagster_runs.unfinished(self.instance)
        if not wanted.may_have_ended:
            return _page(filter(wanted.takes, fresh), limit, offset, order, ascending=ascending)
        fresh = self._with_ended(fresh, since)
        before = max(0, offset - len(fresh))
        part = self._index().page(
            wanted,
            apart=[each.id for each in fresh],
            limit=limit + len(fresh),
            offset=before,
            order=order,
            ascending=ascending,
        )
        self._whole_until = part.whole_until
        if part.whole_until is None or part.whole_until < since:
            raise RunIndexError("the index is being made anew")
        now = [self._as_of_now(each, part.apart.get(each.id)) for each in fresh]
        matched = [run for run in now if wanted.takes(run)]
        # Rows left out before these come before the place `offset`, wherever the fresh ones are.
        page = _page([*part.page, *matched], limit, offset - before, order, ascending=ascending)
        return Page(_with_latest(page.runs, fresh), part.total + len(matched))

    def _fresh(self) -> list[PastRun]:
        """Return the runs that the index may lack; raise `RunIndexError` where it is not whole."""
        return self._with_ended(dagster_runs.unfinished(self.instance), self._fresh_since())

    def _with_ended(self, unfinished: Sequence[PastRun], since: datetime) -> list[PastRun]:
        fresh = _distinct([*unfinished, *dagster_runs.ended(self.instance, since=since)])
        if len(fresh) > _MOST_FRESH:
            raise RunIndexError(f"{len(fresh)} runs are not in the index yet")
        return fresh

    def _fresh_since(self) -> datetime:
        since = self._since()
        if since is None:
            raise RunIndexError("there is no index that is whole")
        return since

    def _index(self) -> Index:
        if self.index is None:
            raise RunIndexError("there is no index")
        return self.index

    def _as_of_now(self, run: PastRun, indexed: PastRun | None) -> PastRun:
        """Return a run of Dagster's with the details of the index, or else of its facts."""
        if indexed is None or not run.status.has_ended:
            return self._with_own_facts(run)
        return replace(indexed, status=run.status, ended_at=run.ended_at)

    def _from_dagster(
        self, wanted: Wanted, limit: int, offset: int, order: Order, *, ascending: bool
    ) -> Page:
        found = dagster_runs.unfinished(self.instance)
        if wanted.may_have_ended:
            found = _distinct([*found, *dagster_runs.ended(self.instance, since=None)])
        if wanted.needs_facts:
            found = [self._with_own_facts(each) for each in found]
        page = _page(filter(wanted.takes, found), limit, offset, order, ascending=ascending)
        shown = [self._with_own_facts(each) for each in page.runs]
        return Page(_with_latest(shown, found), page.total)

    def _since(self) -> datetime | None:
        """Return the mark of the index; a later one may have been set since it was read."""
        if self._whole_until is None and self.index is not None:
            self._whole_until = self.index.whole_until()
        return self._whole_until

    def _detailed(self, run: PastRun) -> PastRun:
        """Return `run` with the details that Dagster's record does not have."""
        return self._as_of_now(run, self._indexed_run(run.id))

    def _indexed_run(self, run_id: str) -> PastRun | None:
        with suppress(RunIndexError):
            return self.index.run(run_id) if self.index is not None else None
        return None

    def _with_own_facts(self, run: PastRun) -> PastRun:
        if not run.status.has_ended or not run.is_ours:
            return run
        with suppress(ArtifactError):  # a list is not held up by what can't be read
            found = self.facts(run.id)
            return with_facts(run, found) if found is not None else run
        return run


def matching(run_ids: Iterable[str], text: str) -> list[str]:
    """Return the `run_ids` that begin with `text`, or have it as their number."""
    wanted = text.strip().lower()
    number = number_in(wanted)
    return [
        each
        for each in run_ids
        if wanted
        and (each.startswith(wanted) or (number is not None and tags.run_number(each) == number))
    ]


def number_in(text: str) -> int | None:
    """Return the number of a run that `text` is; None when it is none."""
    is_number = len(text) < 16 and text.isascii() and text.isdecimal()
    return int(text) if is_number else None


def _distinct(runs: Iterable[PastRun]) -> list[PastRun]:
    """Return `runs` once each; one may have ended between two queries, and the later one counts."""
    return list({each.id: each for each in runs}.values())


def _sorted(runs: Iterable[PastRun], order: Order, ascending: bool) -> list[PastRun]:
    # What has not ended comes last, either way: people and programs ask for the last end.
    without = _LATEST if ascending else _EARLIEST

    def place(run: PastRun) -> tuple[datetime, str]:
        return run.created_at if order == "created" else run.ended_at or without, run.id

    return sorted(runs, key=place, reverse=not ascending)


def _age(run: PastRun) -> tuple[datetime, str]:
    """Return the place of a run in the order of creation."""
    return run.created_at, run.id


def _with_latest(runs: Iterable[PastRun], fresh: Sequence[PastRun]) -> list[PastRun]:
    """Return `runs`, with those marked that are the latest of their jobs, `fresh` ones too."""
    newest = {each.job: _age(each) for each in sorted(fresh, key=_age)}
    ids = {each.id for each in fresh}

    def is_latest(run: PastRun) -> bool:
        among = run.is_latest or run.id in ids
        return among and _age(run) >= newest.get(run.job, _age(run))

    return [replace(run, is_latest=is_latest(run)) for run in runs]


def _page(
    runs: Iterable[PastRun], limit: int, offset: int, order: Order, *, ascending: bool
) -> Page:
    found = _sorted(runs, order, ascending)
    return Page(found[offset : offset + limit], len(found))
