"""Keeps the storage's connections to a database server; Dagster makes one for each statement.

Only the webserver may keep one, by a method that has no public name; nor has its engine.
"""

from contextlib import closing
from typing import Any

import dagster as dg
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

RENEWED_SECONDS = 300
"""A connection of this age is replaced: a proxy in between may have forgotten it."""
_MORE = 5


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Keep one connection each of the event log and the run storage of `instance` from now on.

    Each is looked at before it is used, to see that it lives. Where they are not on a server,
    nothing changes.
    """
    for storage in (instance.event_log_storage, instance.run_storage):
        storage.optimize_for_webserver(
            statement_timeout=0, pool_recycle=RENEWED_SECONDS, max_overflow=_MORE
        )
        engine = getattr(storage, "_engine", None)
        if isinstance(engine, Engine) and engine.dialect.name == "postgresql":
            event.listen(engine, "checkout", _see_that_it_lives)


def _see_that_it_lives(connection: Any, *_: object) -> None:
    """Have the pool make another connection when the server was restarted since the last event."""
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("select 1")
    except Exception as error:  # each driver has its own
        raise DisconnectionError from error
