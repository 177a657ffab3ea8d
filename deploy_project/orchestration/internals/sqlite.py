"""Base classes of a SQLite storage that keeps its connections; Dagster's makes one per event."""

from abc import abstractmethod
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, NullPool, create_engine


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
