"""Dagster's storage of runs: a run by its number, connections that are kept, and the index beside.

Public methods only list all ids, make a connection for each statement on a database server, and
don't tell where the storage is.
"""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.runs import SqliteRunStorage, SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable
from sqlalchemy import Connection, Engine, or_, select

from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.index import Index, sqlite_index
from deploy_project.runs.reads.read_model import number_in

INDEX = "deploy_runs.db"
"""The file of the index beside Dagster's own files."""
_SHAPE = re.compile(r"[0-9a-f]{1,8}(-|\Z)([0-9a-f]{1,4}(-|\Z)){0,3}([0-9a-f]{1,12})?")
_LOWEST, _HIGHEST = (
    "-".join(digit * length for length in (8, 4, 4, 4, 12)) for digit in ("0", "f")
)


def matching_runs(instance: dg.DagsterInstance, text: str) -> Mapping[str, Status] | None:
    """Return the status of each run named by `text`: the beginning of its id, or its number.

    The unique index of ids finds them. None where the storage is not one of Dagster's own.
    """
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        return None
    beginnings = _beginnings(text.strip().lower())
    if not beginnings:
        return {}
    asked = select(RunsTable.c.run_id, RunsTable.c.status).where(
        or_(*(RunsTable.c.run_id.between(*_bounds(each)) for each in beginnings))
    )
    with storage.connect() as connection:
        rows = connection.execute(asked).all()
    return {run_id: Status.of(dg.DagsterRunStatus(status)) for run_id, status in rows}


def _beginnings(text: str) -> list[str]:
    """Return the beginnings of ids that `text` may stand for."""
    found = [text] if _SHAPE.fullmatch(text) and len(text) <= len(_LOWEST) else []
    number = number_in(text)
    if number is not None and number < 1 << 48:
        digits = f"{number:012x}"
        found.append(f"{digits[:8]}-{digits[8:]}")
    return found


def _bounds(beginning: str) -> tuple[str, str]:
    """Return the lowest and highest id with a beginning.

    Both are of the shape of an id: a database may sort by a language, and pass over dashes.
    """
    rest = len(beginning)
    return beginning + _LOWEST[rest:], beginning + _HIGHEST[rest:]


def index_beside(instance: dg.DagsterInstance) -> Index | None:
    """Return the index of runs beside the storage of `instance`; None beside other storages.

    That is a SQLite file beside Dagster's own, or tables in its Postgres database.
    """
    storage = instance.run_storage
    if isinstance(storage, SqliteRunStorage):
        file = Path(storage._conn_string.removeprefix("sqlite:///"))  # pyright: ignore[reportPrivateUsage]
        return sqlite_index(file.with_name(INDEX)) if file.is_absolute() else None
    engine: Any = getattr(storage, "_engine", None)
    if isinstance(engine, Engine) and engine.dialect.name == "postgresql":
        return Index(partial(_transaction, storage), discard=_nothing)
    return None


@contextmanager
def _transaction(storage: Any) -> Generator[Connection]:
    """Yield a connection in a transaction; Dagster's own commit each statement by itself."""
    with storage.connect() as connection:
        found: Connection = connection.execution_options(isolation_level="READ COMMITTED")
        with found.begin():
            yield found


def _nothing() -> None:
    """Discard nothing: the tables are dropped by statements."""
