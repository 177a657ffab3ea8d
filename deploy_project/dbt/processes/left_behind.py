"""The files that a stranger's process has left: only plain ones stay, and not without bounds.

Our own processes read, keep and delete them, with more rights than the stranger had. So a link, a
pipe or a device is deleted before anybody opens it, when nothing of the stranger's runs any more.
"""

import os
import stat
import uuid
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from deploy_project.errors import DbtError

DEEPEST = 100
"""Levels of directories; deeper ones can't be deleted by ordinary means."""
MOST_FILES = 200_000
LARGEST = 1 << 29
"""Bytes of a file that somebody reads whole."""


def make_plain(places: Iterable[Path], *, unread: Iterable[Path] = ()) -> None:
    """Delete all that is no plain file or directory below `places`, and all that is too much.

    A place can be a file, too, which was made by us.
    A link stays where it leads to a place below the same one. Files below `unread` places may have
    any size: nobody reads them. Raises `DbtError` that names what was too much, when it is gone.
    """
    problems = [_cleared(place, LARGEST) for place in places]
    problems += [_cleared(place, None) for place in unread]
    told = [each for each in problems if each]
    if told:
        raise DbtError(f"the command has left what nobody could look at: {'; '.join(told)}")


def _cleared(root: Path, largest: int | None) -> str:
    """Clear one place; return the excess that was found there, in words, empty for none."""
    waiting, count, problem = deque([(os.fspath(root), 0)]), 0, ""
    if root.is_file() and largest is not None and root.stat().st_size > largest:
        size = root.stat().st_size
        os.truncate(root, 0)
        return f"a file of {size:,} bytes"
    real = os.path.realpath(root)
    while waiting:
        place, depth = waiting.popleft()
        for entry in _entries(place):
            count += 1
            if count > MOST_FILES or (depth == DEEPEST and entry.is_dir(follow_symlinks=False)):
                problem = f"more than {MOST_FILES} files, or {DEEPEST} levels of directories"
                _delete(entry.path)
            elif entry.is_symlink():
                _judge(entry.path, real)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, depth + 1))
            else:
                problem = _checked(entry, largest) or problem
    return problem


def _entries(place: str) -> list["os.DirEntry[str]"]:
    with suppress(OSError):
        if not os.access(place, os.R_OK | os.X_OK):
            os.chmod(place, 0o700)
        with os.scandir(place) as entries:
            return list(entries)
    return []


def _checked(entry: "os.DirEntry[str]", largest: int | None) -> str:
    known = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(known.st_mode):
        os.unlink(entry.path)
    elif largest is not None and known.st_size > largest:
        os.unlink(entry.path)
        return f"a file of {known.st_size:,} bytes"
    elif not known.st_mode & stat.S_IRUSR:
        os.chmod(entry.path, 0o600)
    return ""


def _judge(link: str, root: str) -> None:
    """Delete a link that leads out of `root`, goes in a circle, or leads to nothing."""
    target = os.path.realpath(link)
    if not target.startswith(f"{root}/") or not os.path.exists(target):
        os.unlink(link)


def _delete(path: str) -> None:
    """Delete a file, or a directory of any depth: each directory in it is first moved to its top.

    So no path is ever too long for the system, and nothing here calls itself.
    """
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    waiting = [path]
    while waiting:
        place = waiting.pop()
        for entry in _entries(place):
            if entry.is_dir(follow_symlinks=False):
                moved = f"{path[:-1]}{uuid.uuid4().hex}"
                os.rename(entry.path, moved)
                waiting.append(moved)
            else:
                os.unlink(entry.path)
        os.rmdir(place)
