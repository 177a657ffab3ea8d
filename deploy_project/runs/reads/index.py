"""The index of ended runs, in tables beside Dagster's own: only speed depends on it."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.expression import ColumnCollection

from deploy_project.errors import RunIndexError
from deploy_project.runs.model.run_facts import NodeFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.tables import (
    MARKS,
    NODES,
    RUNS,
    TABLES,
    VERSION,
    microseconds,
    moment,
    node_row,
    run_of,
    run_row,
)
from deploy_project.runs.reads.wanted import Between, Wanted

Order = Literal["created", "finished"]
Begin = Callable[[], AbstractContextManager[Connection]]
"""Returns a connection in a transaction, which is committed unless an error leaves the block."""
BUSY_SECONDS = 30
RECENT = 20
"""So many of a job's last successes make its median."""
_AT_ONCE = 500
_LOCK = 0x6465706C6F79
"""Any number that nobody else locks."""
_DAMAGED = ("malformed", "not a database", "disk image")


@dataclass(frozen=True)
class NodeRun:
    """One node in one command of a run."""

    run_id: str
    unique_id: str
    step: int
    status: str
    started_at: datetime
    seconds: float


@dataclass(frozen=True)
class Part:
    """A part of the index: a page of wanted runs, in no order, and others that were named."""

    page: Sequence[PastRun]
    apart: Mapping[str, PastRun]
    total: int
    """The number of all wanted runs, without those that were named."""
    whole_until: datetime | None


@dataclass
class Index:
    """The tables of ended runs and of their nodes, and the mark until when they have all.

    All methods raise `RunIndexError` when it can't be used. It is made on its first use, and made
    anew when another version has made it, or when its file is damaged.
    """

    begin: Begin
    discard: Callable[[], None]
    """Deletes its file, where it has one of its own."""
    _is_ready: bool = field(default=False, init=False)

    def whole_until(self) -> datetime | None:
        """Return the mark: it has every run that had ended by then; None without one."""
        with self._transaction() as connection:
            return _since(connection)

    def set_whole_until(self, time: datetime) -> None:
        """Record that it has every run that had ended by `time`."""
        with self._transaction() as connection:
            connection.execute(delete(MARKS).where(MARKS.c.name == "since"))
            value = str(microseconds(time))
            connection.execute(insert(MARKS).values(name="since", value=value))

    def write(self, runs: Collection[tuple[PastRun, Sequence[NodeFacts]]]) -> None:
        """Write ended runs and their nodes, in the place of older rows of the same runs."""
        nodes = [
            node_row(run.id, position, node)
            for run, found in runs
            for position, node in enumerate(found)
        ]
        with self._transaction() as connection:
            _lock(connection)
            _delete(connection, [run.id for run, _ in runs])
            if runs:
                connection.execute(insert(RUNS), [run_row(run) for run, _ in runs])
            if nodes:
                connection.execute(insert(NODES), nodes)

    def remove(self, run_ids: Iterable[str]) -> None:
        """Remove runs, which Dagster has deleted."""
        with self._transaction() as connection:
            _delete(connection, run_ids)

    def clear(self) -> None:
        """Make it anew, without any run."""
        with self._transaction() as connection:
            _make(connection)

    def ids(self) -> set[str]:
        """Return the ids of the runs that it has."""
        with self._transaction() as connection:
            return {run_id for (run_id,) in connection.execute(select(RUNS.c.run_id))}

    def run(self, run_id: str) -> PastRun | None:
        """Return one run; None when it has none of that id."""
        with self._transaction() as connection:
            found = connection.execute(select(RUNS).where(RUNS.c.run_id == run_id)).mappings()
            row = found.first()
        return _run(row) if row is not None else None

    def page(
        self,
        wanted: Wanted,
        *,
        apart: Collection[str],
        limit: int,
        offset: int,
        order: Order,
        ascending: bool,
    ) -> Part:
        """Return some of the runs that are `wanted`, without those that are read `apart`.

        Of those it returns what it has, wanted or not.
        """
        chosen = [*_conditions(wanted), RUNS.c.run_id.not_in(list(apart))]
        counted = select(func.count()).select_from(RUNS).where(*chosen)
        more = counted.scalar_subquery().label("total"), _MARK.label("since")
        asked = select(RUNS, *more, literal(0).label("is_apart")).where(*chosen)
        asked = _ordered(asked, order, ascending=ascending).limit(limit).offset(offset).subquery()
        others = select(RUNS, *more, literal(1), literal(False)).where(
            RUNS.c.run_id.in_(list(apart))
        )
        page = select(asked, _has_later(asked.c))
        with self._transaction() as connection:
            rows = connection.execute(union_all(page, others)).mappings().all()
            if rows:
                total, since = rows[0]["total"], _mark(rows[0]["since"])
            else:
                total, since = connection.execute(counted).scalar_one(), _since(connection)
        runs = [(_run(row), bool(row["is_apart"])) for row in rows]
        return Part(
            [run for run, is_apart in runs if not is_apart],
            {run.id: run for run, is_apart in runs if is_apart},
            total,
            since,
        )

    def median_seconds(self, jobs: Collection[str]) -> dict[str, float]:
        """Return the median duration of the last successes of each of the `jobs` that has any."""
        place = func.row_number().over(partition_by=RUNS.c.job, order_by=RUNS.c.created_at.desc())
        last = (
            select(RUNS.c.job, (RUNS.c.ended_at - RUNS.c.started_at).label("took"))
            .add_columns(place.label("place"))
            .where(RUNS.c.job.in_(list(jobs)), RUNS.c.status == Status.SUCCESS.value)
            .where(RUNS.c.unpublished == "")
            .where(RUNS.c.started_at.is_not(None), RUNS.c.ended_at.is_not(None))
            .subquery()
        )
        took: dict[str, list[float]] = {}
        with self._transaction() as connection:
            asked = select(last.c.job, last.c.took).where(last.c.place <= RECENT)
            for job, each in connection.execute(asked):
                with _undamaged():
                    took.setdefault(job, []).append(each / 1_000_000)
        return {job: median(seconds) for job, seconds in took.items()}

    def newest(self, jobs: Collection[str]) -> list[PastRun]:
        """Return the newest run of each of the `jobs` that it has any of."""
        newest_first = RUNS.c.created_at.desc(), RUNS.c.run_id.desc()
        place = func.row_number().over(partition_by=RUNS.c.job, order_by=newest_first)
        numbered = select(RUNS, place.label("place")).where(RUNS.c.job.in_(list(jobs))).subquery()
        with self._transaction() as connection:
            rows = connection.execute(select(numbered).where(numbered.c.place == 1)).mappings()
            return [run_of({**row, "has_later": False}) for row in rows.all()]

    def failures(self, jobs: Collection[str]) -> dict[str, int]:
        """Return the number of failed runs since the last success, for each of the `jobs`."""
        wanted = RUNS.c.job.in_(list(jobs))
        last = (
            select(RUNS.c.job, func.max(RUNS.c.created_at).label("at"))
            .where(wanted, RUNS.c.status == Status.SUCCESS.value)
            .group_by(RUNS.c.job)
            .subquery()
        )
        asked = (
            select(RUNS.c.job, func.count())
            .join(last, last.c.job == RUNS.c.job, isouter=True)
            .where(wanted, RUNS.c.status == Status.ERROR.value)
            .where(RUNS.c.created_at > func.coalesce(last.c.at, -1))
            .group_by(RUNS.c.job)
        )
        with self._transaction() as connection:
            counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(asked)}
        return {job: counts.get(job, 0) for job in jobs}

    def node_runs(self, unique_id: str, *, limit: int) -> list[NodeRun]:
        """Return the last times that a node was built or tested, the newest first."""
        asked = (
            select(NODES)
            .where(NODES.c.unique_id == unique_id, NODES.c.started_at.is_not(None))
            .order_by(NODES.c.started_at.desc())
            .limit(limit)
        )
        with self._transaction() as connection:
            rows = connection.execute(asked).mappings().all()
        with _undamaged():
            return [
                NodeRun(
                    row["run_id"],
                    row["unique_id"],
                    row["step"],
                    row["status"],
                    moment(row["started_at"]),
                    row["seconds"],
                )
                for row in rows
            ]

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        try:
            if not self._is_ready:
                self._prepare()
                self._is_ready = True
            with self.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self._is_ready = False
            if _is_damaged(error):
                self.discard()
            raise RunIndexError(
                f"the index of runs can't be used: {error}; correct that, and it is made anew by "
                "itself, or at once by `deploy-project index`; until then reads take longer"
            ) from error

    def _prepare(self) -> None:
        """Make the tables unless they are there in this version."""
        try:
            self._make_unless_there()
        except DBAPIError as error:
            if not _is_damaged(error):
                raise
            self.discard()
            self._make_unless_there()

    def _make_unless_there(self) -> None:
        with self.begin() as connection:
            if _version(connection) == VERSION:
                return
        with self.begin() as connection:
            _lock(connection)  # others may be at it
            if _version(connection) != VERSION:
                _make(connection)


def sqlite_index(file: Path) -> Index:
    """Return the index in a SQLite file of its own."""
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)

    @contextmanager
    def begin() -> Generator[Connection]:
        if file.is_dir():
            raise RunIndexError(
                f"the index of runs can't be used: {str(file)!r} is a directory; remove it, and "
                "the index is made anew by itself; until then reads take longer"
            )
        with engine.begin() as connection:
            yield connection

    def discard() -> None:
        engine.dispose()
        for each in (file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)

    return Index(begin, discard)


def _configure(connection: Any, _: object) -> None:
    connection.isolation_level = None  # else Python begins no transaction for tables
    connection.execute("PRAGMA journal_mode=WAL")
    # Power that fails may cost the last runs, which are then written again.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def median(values: Sequence[float]) -> float:
    """Return the median of `values`, one or more."""
    found, middle = sorted(values), len(values) // 2
    return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


def in_parts(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield `values` in parts of `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _run(row: RowMapping) -> PastRun:
    with _undamaged():
        return run_of(dict(row))


@contextmanager
def _undamaged() -> Generator[None]:
    """Turn the error of a value that nobody has written into a `RunIndexError`."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        raise RunIndexError(
            f"the index of runs has a damaged row: {error}; reads take longer until "
            "`deploy-project index` has made it anew"
        ) from error


def _is_damaged(error: Exception) -> bool:
    return any(words in str(error) for words in _DAMAGED)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(MARKS.name):
        return None
    asked = select(MARKS.c.value).where(MARKS.c.name == "version")
    return connection.execute(asked).scalar()


def _lock(connection: Connection) -> None:
    """Hold up all other writers until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    else:
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")  # the first to write


def _make(connection: Connection) -> None:
    TABLES.drop_all(connection)
    TABLES.create_all(connection)
    connection.execute(insert(MARKS).values(name="version", value=VERSION))


def _delete(connection: Connection, run_ids: Iterable[str]) -> None:
    for some in in_parts(list(run_ids), _AT_ONCE):
        connection.execute(delete(NODES).where(NODES.c.run_id.in_(some)))
        connection.execute(delete(RUNS).where(RUNS.c.run_id.in_(some)))


_MARK = select(MARKS.c.value).where(MARKS.c.name == "since").scalar_subquery()


def _since(connection: Connection) -> datetime | None:
    return _mark(connection.execute(select(_MARK)).scalar())


def _mark(value: str | None) -> datetime | None:
    with _undamaged():
        return None if value is None else moment(int(value))


def _has_later(run: ColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Whether the index has a newer run of the job of `run`."""
    later = RUNS.alias("later")
    newer = select(later.c.run_id).where(
        later.c.job == run.job,
        later.c.created_at >= run.created_at,
        (later.c.created_at > run.created_at) | (later.c.run_id > run.run_id),
    )
    return newer.exists().label("has_later")


def _ordered(asked: Select[Any], order: Order, *, ascending: bool) -> Select[Any]:
    column = RUNS.c.created_at if order == "created" else RUNS.c.ended_at
    first, second = (column, RUNS.c.run_id)
    if ascending:
        return asked.order_by(first, second)
    return asked.order_by(first.desc(), second.desc())


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    several: tuple[tuple[ColumnElement[Any], Collection[Any] | None], ...] = (
        (RUNS.c.job, wanted.jobs),
        (RUNS.c.job_id, wanted.job_ids),
        (RUNS.c.project, wanted.projects),
        (RUNS.c.environment, wanted.environments),
        (RUNS.c.status, wanted.statuses and [each.value for each in wanted.statuses]),
        (RUNS.c.trigger_category, wanted.triggers),
        (RUNS.c.number, wanted.numbers),
        (RUNS.c.dbt_version, wanted.dbt_versions),
    )
    one: tuple[tuple[ColumnElement[Any], object], ...] = (
        (RUNS.c.commit_id, wanted.commit),
        (RUNS.c.branch, wanted.branch),
        (RUNS.c.pull_request, wanted.pull_request),
        (RUNS.c.deferred_to, wanted.deferred_to),
        (RUNS.c.has_sources, wanted.has_sources),
        (RUNS.c.repeats, wanted.repeats),
    )
    found: list[ColumnElement[bool]] = [] if wanted.jobs is not None else [RUNS.c.is_ours.is_(True)]
    found += [column.in_(list(values)) for column, values in several if values is not None]
    found += [column == value for column, value in one if value is not None]
    if wanted.has_warnings is not None:
        warned = or_(RUNS.c.warnings > 0, RUNS.c.failed_steps != "")
        found.append(warned if wanted.has_warnings else ~warned)
    if wanted.has_docs is not None:
        made = RUNS.c.docs.in_(("published", "made"))
        found.append(made if wanted.has_docs else ~made)
    found += _within(RUNS.c.created_at, wanted.created)
    found += _within(RUNS.c.ended_at, wanted.finished)
    return found


def _within(column: ColumnElement[Any], between: Between) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if between.first is not None:
        found.append(column >= microseconds(between.first))
    if between.last is not None:
        found.append(column <= microseconds(between.last))
    return found
