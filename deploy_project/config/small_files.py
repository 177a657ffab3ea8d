"""Small files: replaced atomically while other processes read them, and read up to a limit."""

import os
import stat
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".writing-"
"""The first letters of a file that is being written; a killed process may leave one behind."""

LARGEST = 1 << 20
"""The bytes that a file may have which people write by hand."""


class NoTextError(Exception):
    """A file has no text that could be used; the message goes on after "can't be read: "."""

    def __init__(self, why: str, *, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


def text_of(path: Path) -> str:
    """Return the text of a file; raise `NoTextError` for a device, a pipe, or one too large.

    Nothing is waited for, whatever the file is.
    """
    try:
        # A pipe that nobody writes to would block even `open`.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NoTextError(error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in its name
        raise NoTextError("no file has such a name") from error
    try:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise NoTextError(f"it is {_kind(kind)}, no file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise NoTextError(error.strerror or str(error)) from error
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise NoTextError(f"it is larger than {LARGEST >> 20} MiB")
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NoTextError("it is not UTF-8", line=line) from error


def _kind(mode: int) -> str:
    kinds = (
        ("a directory", stat.S_ISDIR),
        ("a pipe", stat.S_ISFIFO),
        ("a socket", stat.S_ISSOCK),
    )
    return next((name for name, is_one in kinds if is_one(mode)), "a device")


def write_text(path: Path, text: str) -> None:
    """Replace `path` by a file that holds `text`; a reader sees the old one or the new one.

    Any number of processes may write the same file at once: all succeed, and the last one stays.
    The file gets the permissions that the process's umask gives to a new one.
    """
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield an empty file beside `path` that takes its place at the end; none stays on a failure.

    For a file that is not written in one go. Its name is unique, and its directory must exist.
    """
    beside = path.with_name(f"{PREFIX}{uuid.uuid4().hex}")
    beside.touch(exist_ok=False)
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
