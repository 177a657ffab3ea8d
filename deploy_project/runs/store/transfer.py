"""The transfer of files between this machine and an artifact root, on a disk or in a store."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import IO, Any

from upath import UPath

AT_ONCE = 16
"""So many files are on their way at a time: each takes a round trip, however small it is."""
BLOCK = 8 << 20
"""Bytes of a file that are in memory at once, twice at most; no driver takes less than five MB."""
CHUNK = 1 << 20
# No directories there, and drivers that threads may share.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})


def root(url: str) -> UPath:
    """Return the place that `url` names, seen as it is now.

    Drivers remember their listings; files from other machines would stay unseen.
    """
    return UPath(url, use_listings_cache=False) if "://" in url else UPath(url)


def make_directory(place: UPath) -> None:
    """Make `place` and its parents where there are directories; never make a bucket."""
    if place.protocol not in _OBJECT_STORES:
        place.mkdir(parents=True, exist_ok=True)


def send(files: Sequence[tuple[Path, UPath]]) -> None:
    """Write each file to its place, many at a time; raise the first error, and begin no more then.

    The memory that it takes does not depend on their size.
    """
    for directory in {place.parent for _, place in files}:
        make_directory(directory)
    at_once = AT_ONCE if all(place.protocol in _OBJECT_STORES for _, place in files) else 1
    with ThreadPoolExecutor(at_once) as pool:
        sent = [pool.submit(_send, file, place) for file, place in files]
        try:
            for each in as_completed(sent):
                each.result()
        except BaseException:  # an interrupt, too
            pool.shutdown(cancel_futures=True)
            raise


def receive(source: UPath, file: Path) -> None:
    """Copy `source` to a file on this machine."""
    with opened(source) as before, file.open("wb") as after:
        shutil.copyfileobj(before, after, CHUNK)


def duplicate(source: UPath, place: UPath) -> None:
    """Copy a file within a root, by the store itself where there is one."""
    if place.protocol in _OBJECT_STORES and source.protocol == place.protocol:
        store: Any = place.fs
        store.cp_file(source.path, place.path)
        return
    with opened(source) as before, place.open("wb") as after:
        shutil.copyfileobj(before, after, CHUNK)


def sizes(directory: UPath) -> dict[str, int]:
    """Return the bytes of each file below `directory`, by its path below it, in order."""
    if directory.protocol in _OBJECT_STORES:
        store: Any = directory.fs
        start = len(directory.path.rstrip("/")) + 1
        listed: dict[str, Any] = store.find(directory.path, detail=True)
        found = {name[start:]: int(each["size"]) for name, each in listed.items()}
    else:
        files = (each for each in directory.rglob("*") if each.is_file())
        found = {each.relative_to(directory).as_posix(): each.stat().st_size for each in files}
    return {name: found[name] for name in sorted(found)}


def opened(source: UPath) -> IO[Any]:
    """Open a file to read it; one in a store comes in blocks, not all of it ahead."""
    if source.protocol not in _OBJECT_STORES:
        return source.open("rb")
    return source.open("rb", block_size=CHUNK, cache_type="readahead")


def _send(file: Path, place: UPath) -> None:
    options: dict[str, Any] = {"block_size": BLOCK} if place.protocol in _OBJECT_STORES else {}
    with file.open("rb") as before, place.open("wb", **options) as after:
        shutil.copyfileobj(before, after, CHUNK)
