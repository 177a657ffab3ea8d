"""The DuckDB file of a connection, and copies of it for builds that must not hold it up.

One process that writes a DuckDB file keeps all others out, readers too.
"""

import fcntl
import os
import re
import shutil
import struct
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import DbtError
from deploy_project.processes import deadlines

PATIENCE_SECONDS = 1800.0
"""The time that a copy waits for another process to stop writing the file."""
_POLL_SECONDS = 0.5
_OTHER_PLACE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|:memory:|$")
"""MotherDuck, DuckLake, an object store, memory: no file that others wait for."""
_HEADERS = 3 * 4096
_PART = 1 << 20
_CLONE = 0x40049409  # FICLONE: shares the blocks where the file system can


@dataclass(frozen=True)
class Copy:
    """A file of production, and the path of a pull request's own copy of it."""

    source: Path
    copy: Path
    is_trusted: bool = True
    """Whether trusted code names the source; else it is not opened, and there is no copy."""


def database_file(output: Mapping[str, Any], rendering: Rendering) -> Path | None:
    """Return the file that an output of profiles.yml names; None where there is no such file.

    Raises `ConfigError` when its Jinja can't be rendered.
    """
    if output.get("type") != "duckdb":
        return None
    path = rendering.text(str(output.get("path") or ""), where="the path of the DuckDB file")
    return None if _OTHER_PLACE.match(path) else Path(path).expanduser()


def refresh(copy: Copy, say: Callable[[str], None], *, patience: float | None = None) -> None:
    """Replace `copy.copy` by a copy of `copy.source` now; without a trusted source, delete it.

    Waits while somebody writes the source, and holds up nobody: it takes no lock, and begins again
    when the source has changed meanwhile. Raises `DbtError` when that lasts too long, or when what
    stands in its place can't be deleted.
    """
    until = time.monotonic() + (PATIENCE_SECONDS if patience is None else patience)
    ensure_directory(copy.copy.parent, below=copy.copy.parent.parent)
    told = False
    while not _refreshed(copy):
        if time.monotonic() >= until:
            raise DbtError(
                f"{copy.source} can't be copied for a pull request: another process is writing "
                "it all the time; run the job again when it is done"
            )
        if not told:
            say(f"Waiting until nobody writes {copy.source}")
            told = True
        time.sleep(_POLL_SECONDS)


def ensure_directory(place: Path, *, below: Path) -> None:
    """Make a directory below another, and each between the two; follow no link there.

    A pull request may have left anything in its place. Raises `DbtError` when that can't be
    deleted.
    """
    below.mkdir(parents=True, exist_ok=True)
    levels = [place, *place.parents]
    for each in reversed(levels[: levels.index(below)]):
        if each.is_symlink() or not each.is_dir():
            _clear(each)
            each.mkdir(exist_ok=True)


def _refreshed(copy: Copy) -> bool:
    """Copy the file and its log of writes; return whether the two belong together."""
    beside = copy.copy.with_name(f".{uuid.uuid4().hex}")
    try:
        before = _stamp(copy.source) if copy.is_trusted else None
        if before is None:
            _delete(copy.copy)
            return True
        if _is_written(copy.source):
            return False
        _clone(copy.source, beside)
        if _log(copy.source).exists():
            _clone(_log(copy.source), _log(beside))
        if _is_written(copy.source) or _stamp(copy.source) != before:
            return False
        _delete(copy.copy)
        beside.replace(copy.copy)
        if _log(beside).exists():
            _log(beside).replace(_log(copy.copy))
        return True
    except FileNotFoundError:  # a writer has just put its log away
        return False
    finally:
        _delete(beside)


def _stamp(file: Path) -> tuple[object, ...] | None:
    """Return a mark of the file's state that every writer changes; None without a file."""
    try:
        with file.open("rb") as stream:
            headers = stream.read(_HEADERS)
        now = file.stat()
    except FileNotFoundError:
        return None
    log: tuple[int, ...] = ()
    with suppress(FileNotFoundError):
        found = _log(file).stat()
        log = (found.st_size, found.st_mtime_ns, found.st_ino)
    return headers, now.st_size, now.st_mtime_ns, now.st_ino, log


def _is_written(file: Path) -> bool:
    """Return whether another process holds DuckDB's lock for writing; asking takes no lock."""
    # l_type, l_whence, l_start, l_len, l_pid; BSD has them in another order
    shape, order = ("qqihh", (2, 3, 4, 0, 1)) if sys.platform == "darwin" else ("hhqqi", range(5))
    wanted = (fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    asked = struct.pack(shape, *(wanted[index] for index in order))
    with file.open("rb") as stream:
        answer = struct.unpack(shape, fcntl.fcntl(stream, fcntl.F_GETLK, asked))
    return answer[list(order).index(0)] != fcntl.F_UNLCK


def _clone(source: Path, destination: Path) -> None:
    with source.open("rb") as read, destination.open("wb") as written:
        try:
            fcntl.ioctl(written, _CLONE, read.fileno())
        except OSError:
            while part := read.read(_PART):
                if deadlines.is_over():
                    raise DbtError(f"{source} could not be copied before the time was up") from None
                written.write(part)


def _log(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _delete(file: Path) -> None:
    """Delete a copy and its log of writes, or anything else in their place."""
    _clear(file)
    _clear(_log(file))


def _clear(place: Path) -> None:
    """Delete a file, a link but not its target, or a directory with all that is in it."""
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except (OSError, RecursionError) as error:
        raise DbtError(
            f"{place} is no file for a copy of a database, and can't be deleted: {error}; delete it"
        ) from error
