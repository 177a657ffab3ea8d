"""Dagster's storage on SQLite, for `storage:` in dagster.yaml, with connections that are kept.

Dagster makes an engine and a connection for each event, most of the time that storing it takes. The
files are the same, and both classes may work on them at a time. The daemon and the webserver import
this module, so it must need nothing of the deployment.
"""

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from deploy_project.orchestration.internals import sqlite

_KEPT = 8
"""So many files are open at a time; the webserver reads those of any number of runs."""
_BUSY_SECONDS = 30


class EventLog(sqlite.SqliteEventLog):
    """Dagster's event log on SQLite: one file for each run, and an index of all."""

    def __init__(self, base_dir: str) -> None:
        self._engines = OrderedDict[str, Engine]()
        super().__init__(base_dir)

    @contextmanager
    def connection(self, shard: str) -> Generator[Connection]:
        """Yield the connection to a file, in a transaction; nobody else has it meanwhile."""
        with self._engine(shard).connect() as found, found.begin():
            yield found

    def close(self) -> None:
        """Close all files."""
        while self._engines:
            _, engine = self._engines.popitem()
            engine.dispose()

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None) or self._made(shard)
        self._engines[shard] = engine
        if len(self._engines) > _KEPT:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return engine

    def _made(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _configure)
        return engine


def _configure(connection: Any, _: object) -> None:
    # Power that fails may cost the last events, and damages nothing; a process that dies, nothing.
    connection.execute("PRAGMA synchronous=NORMAL")


class SqliteStorage(sqlite.SqliteInstanceStorage):
    """Dagster's storage on SQLite, but for its event log."""

    @classmethod
    def event_log(cls, base_dir: str) -> EventLog:
        """Return the event log below `base_dir`."""
        return EventLog(base_dir)
