"""Small files, replaced atomically while other processes read them; the only door to that."""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".writing-"
"""The first letters of a file that is being written; a killed process may leave one behind."""


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
