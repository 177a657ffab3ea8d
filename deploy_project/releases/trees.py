"""A run's own copy of a commit's files, for dbt to write and delete in as it likes."""

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path, PurePosixPath

from deploy_project.config.state import Checkout

_CLONE = 0x40049409  # FICLONE: shares the blocks where the file system can
_CHUNK = 1 << 20


def own_tree(checkout: Checkout, place: Path, *, without: PurePosixPath) -> Path:
    """Return `place`, a copy of the checkout's files made there unless it is there already.

    Whole or not there, and `without` a relative path that a run fills itself. Modification times
    are those of the checkout: dbt goes by them when it decides which files it has parsed before.
    The caller holds the checkout.
    """
    if without.is_absolute():
        raise ValueError(f"{without} is no path inside of a copy")
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=place.parent, prefix=".making-", ignore_cleanup_errors=True
    ) as scratch:
        made = Path(scratch) / "tree"
        copy_files(checkout.tree, made)
        remove(made / without)
        made.rename(place)
    return place


def copy_files(source: Path, place: Path) -> None:
    """Copy all files below `source` into the new directory `place`; links stay links.

    Copies and no hard links: a write into a file in place must not reach both.
    """
    _Copying().directory(os.fspath(source), os.fspath(place))


def is_file(path: Path) -> bool:
    """Return whether there is a file; not for a text that is no path, such as a key's content."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def remove(place: Path) -> None:
    """Delete a file, a link or a directory with all that is in it; nothing where there is none."""
    if place.is_symlink() or place.is_file():
        place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


class _Copying:
    """Copies many files; asks the file system to share their blocks until it has refused once."""

    def __init__(self) -> None:
        self._shares = True

    def directory(self, source: str, place: str) -> None:
        os.mkdir(place)
        with os.scandir(source) as entries:
            for entry in entries:
                target = f"{place}/{entry.name}"
                if entry.is_symlink():
                    os.symlink(os.readlink(entry.path), target)
                elif entry.is_dir(follow_symlinks=False):
                    self.directory(entry.path, target)
                elif entry.is_file(follow_symlinks=False):
                    self.file(entry.path, target)

    def file(self, source: str, target: str) -> None:
        read = os.open(source, os.O_RDONLY)
        try:
            known = os.fstat(read)
            mode = 0o666 | (known.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
            written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                self._content(read, written)
                os.utime(written, ns=(known.st_atime_ns, known.st_mtime_ns))
            finally:
                os.close(written)
        finally:
            os.close(read)

    def _content(self, read: int, written: int) -> None:
        if self._shares:
            try:
                fcntl.ioctl(written, _CLONE, read)
                return
            except OSError:
                self._shares = False
        while part := os.read(read, _CHUNK):
            while part:
                part = part[os.write(written, part) :]
