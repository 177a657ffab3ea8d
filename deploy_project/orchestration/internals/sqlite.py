"""Base classes of a SQLite storage that keeps its connections; Dagster's makes one per event."""

from abc import abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as Executed,
)
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, bindparam, create_engine, inspect
from sqlalchemy.dialects.sqlite import insert


class SqliteEventLog(SqliteEventLogStorage):
    """Dagster's event log on SQLite, without its way to connect to a file."""

    def __init__(self, base_dir: str) -> None:
        self._prepared: set[str] = set()
        self._found_columns: set[str] = set()
        super().__init__(base_dir)

    @abstractmethod
    def connection(self, shard: str) -> AbstractContextManager[Connection]:
        """Return a connection to the file of `shard`, in a transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            if shard not in self._prepared:
                self._prepare(shard)
            with self.connection(shard) as found:
                yield found

    def _prepare(self, shard: str) -> None:
        engine = create_engine(self.conn_string_for_shard(shard), poolclass=NullPool)
        if not _is_made(engine):
            self._initdb(engine)
        engine.dispose()
        self._prepared.add(shard)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store `event`, and wake the webserver if it waits for the events of its run.

        As long as the connection is open only the log beside the file grows, and the webserver
        watches the file.
        """
        super().store_event(event)
        Path(self.path_for_shard(event.run_id)).touch()

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in two transactions where they are of one run, its assets and its checks.

        Each is made a text once. The rows are those that Dagster stores for one after the other.
        """
        runs = {each.run_id for each in events}
        if len(runs) != 1 or not all(map(_is_batched, events)) or not self._is_indexed():
            return super().store_event_batch(events)
        rows = [self._event_to_row(each) for each in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(_STORE, rows)
        with self.index_transaction() as connection:
            connection.execute(_STORE, rows)
            last: int = connection.exec_driver_sql("select last_insert_rowid()").scalar_one()
            for number, event, row in zip(count(last - len(rows) + 1), events, rows, strict=False):
                if event.dagster_event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
                    _store_check(connection, event, row, number)
                else:
                    self._store_asset_event_tags(connection, [event], [number])
                    _store_asset(connection, event, row, number)
        Path(self.path_for_shard(events[0].run_id)).touch()
        return None

    def _is_indexed(self) -> bool:
        with self.index_connection() as connection:
            return self._has_asset_key_index_cols_on_connection(connection)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Return whether the table of assets has a column; Dagster asks it anew for each event."""
        if column_name not in self._found_columns:
            if not super()._has_asset_key_col_on_connection(conn, column_name):
                return False
            self._found_columns.add(column_name)
        return True

    def wipe(self) -> None:
        """Delete all events."""
        self.close()
        self._prepared.clear()
        super().wipe()

    def dispose(self) -> None:
        """Stop watching files, and close all connections."""
        super().dispose()
        self.close()


def _is_made(engine: Engine) -> bool:
    """Return whether a file has its tables, and the mark that is made after them.

    Dagster reads all of its migrations to find that out, in each process.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        marks = connection.exec_driver_sql("select version_num from alembic_version").all()
        return bool(marks)


def _is_batched(event: dg.EventLogEntry) -> bool:
    return event.is_dagster_event and event.dagster_event_type in _BATCHED


def _store_asset(
    connection: Connection, event: dg.EventLogEntry, row: Mapping[str, Any], number: int
) -> None:
    """Store the latest event of an asset, as `_get_asset_entry_values` has it."""
    at = datetime.fromtimestamp(event.timestamp, UTC)
    values = {"asset_key": row["asset_key"], "seen_at": at}
    match event.dagster_event_type:
        case DagsterEventType.ASSET_MATERIALIZATION:
            record = f'{{"__class__": "EventLogRecord", "event_log_entry": {row["event"]}, '
            values |= {"run": event.run_id, "built": f'{record}"storage_id": {number}}}'}
            connection.execute(_BUILT, values)
        case DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
            connection.execute(_PLANNED, {**values, "run": event.run_id})
        case _:
            connection.execute(_SEEN, values)


def _store_check(
    connection: Connection, event: dg.EventLogEntry, row: Mapping[str, Any], number: int
) -> None:
    """Store the evaluation of a check, as `_update_asset_check_evaluation` does."""
    evaluation: Any = event.dagster_event and event.dagster_event.event_specific_data
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    target = evaluation.target_materialization_data
    passed = Executed.SUCCEEDED if evaluation.passed else Executed.FAILED
    values = {
        "asset": evaluation.asset_key.to_string(),
        "check": evaluation.check_name,
        "run": event.run_id,
        "status": passed.value,
        "event": row["event"],
        "at": row["timestamp"],
        "number": number,
        "target": target.storage_id if target else None,
    }
    if connection.execute(_EVALUATED, values).rowcount == 0:
        connection.execute(_FIRST_EVALUATED, values)


def _upsert(**columns: str) -> Any:
    """Return the statement that stores `columns` of an asset, each a parameter by its name."""
    values: dict[str, Any] = {name: bindparam(each) for name, each in columns.items()}
    inserted = insert(AssetKeyTable).values(asset_key=bindparam("asset_key"), **values)
    return inserted.on_conflict_do_update(index_elements=[AssetKeyTable.c.asset_key], set_=values)


_BATCHED = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.ASSET_CHECK_EVALUATION,
    }
)
_STORE = SqlEventLogStorageTable.insert()
_SEEN = _upsert(last_materialization_timestamp="seen_at")
_PLANNED = _upsert(last_materialization_timestamp="seen_at", last_run_id="run")
_BUILT = _upsert(
    last_materialization_timestamp="seen_at", last_run_id="run", last_materialization="built"
)
_EVALUATION: dict[Any, Any] = {
    AssetCheckExecutionsTable.c.execution_status: bindparam("status"),
    AssetCheckExecutionsTable.c.evaluation_event: bindparam("event"),
    AssetCheckExecutionsTable.c.evaluation_event_timestamp: bindparam("at"),
    AssetCheckExecutionsTable.c.evaluation_event_storage_id: bindparam("number"),
    AssetCheckExecutionsTable.c.materialization_event_storage_id: bindparam("target"),
}
_EVALUATED = (
    AssetCheckExecutionsTable.update()
    .where(
        AssetCheckExecutionsTable.c.asset_key == bindparam("asset"),
        AssetCheckExecutionsTable.c.check_name == bindparam("check"),
        AssetCheckExecutionsTable.c.run_id == bindparam("run"),
        AssetCheckExecutionsTable.c.partition.is_(None),
    )
    .values(_EVALUATION)
)
_FIRST_EVALUATED = AssetCheckExecutionsTable.insert().values(
    {
        AssetCheckExecutionsTable.c.asset_key: bindparam("asset"),
        AssetCheckExecutionsTable.c.check_name: bindparam("check"),
        AssetCheckExecutionsTable.c.run_id: bindparam("run"),
        **_EVALUATION,
    }
)


class SqliteInstanceStorage(DagsterSqliteStorage):
    """All of Dagster's storage on SQLite, with an event log of ours."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = self.event_log(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    @abstractmethod
    def event_log(cls, base_dir: str) -> SqliteEventLog:
        """Return the event log in the directory `base_dir`."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SqliteInstanceStorage":
        """Return the storage of an instance; Dagster's own would be one of Dagster's."""
        return cls.from_local(inst_data=inst_data, **config_value)
