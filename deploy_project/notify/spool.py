"""Entries that wait to be delivered, as small files, and logs of days."""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files

KEPT = timedelta(days=7)
"""The time that a log is kept."""
AHEAD = timedelta(minutes=1)
"""A time that is later than now by more than this is of a clock that was ahead."""
_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class Spool(Generic[_Kept]):
    """Entries that wait, each a file in the directory of the one that it is for."""

    root: Path
    form: TypeAdapter[_Kept]

    def prepare(self) -> list[str]:
        """Make the directories; return a line for each that something was in the place of."""
        return [
            line
            for each in (self.root, self.root.parent / "locks")
            for line in make_directory(each)
        ]

    def lock(self, owner: str) -> Path:
        """The lock to hold while entries of one owner are delivered."""
        return self.root.parent / "locks" / owner

    def put(self, owner: str, name: str, entry: _Kept) -> None:
        """Write an entry, or write it anew."""
        directory = self.root / owner
        directory.mkdir(parents=True, exist_ok=True)
        with small_files.replacing(directory / f"{name}.json") as beside, beside.open("wb") as file:
            file.write(self.form.dump_json(entry))
            file.flush()
            os.fsync(file.fileno())  # an empty one after a power cut would be a lost message

    def remove(self, owner: str, name: str) -> None:
        """Remove an entry that was delivered or given up."""
        (self.root / owner / f"{name}.json").unlink(missing_ok=True)

    def owners(self) -> list[str]:
        """Return the owners that have entries."""
        return sorted(each.name for each in self.root.glob("*") if any(each.glob("*.json")))

    def entries(self, owner: str) -> list[_Kept]:
        """Return the entries of one owner, by their names; a damaged file is none."""
        found: list[_Kept] = []
        for file in sorted((self.root / owner).glob("*.json")):
            with suppress(OSError, ValidationError):
                found.append(self.form.validate_json(file.read_bytes()))
        return found

    def names(self) -> set[tuple[str, str]]:
        """Return the owners and names of all entries."""
        return {(each.parent.name, each.stem) for each in self.root.glob("*/*.json")}

    def damaged(self, owner: str) -> list[tuple[str, str]]:
        """Move the damaged entries of an owner aside; return their names, and a line on each."""
        files = sorted((self.root / owner).glob("*.json"))
        found = [(each, damage(each, self.form)) for each in files]
        return [(each.stem, set_aside(each, why)) for each, why in found if why]


@dataclass(frozen=True)
class DayLog(Generic[_Kept]):
    """Lines of JSON in a file for each day."""

    root: Path
    form: TypeAdapter[_Kept]

    def note(self, at: datetime, line: _Kept) -> None:
        """Add a line to the log of its day."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{at:%Y-%m-%d}.jsonl").open("ab") as file:
            file.write(self.form.dump_json(line) + b"\n")  # in one go: two processes may write

    def lines(self) -> Iterator[_Kept]:
        """Yield the lines, the oldest first."""
        for file in sorted(self.root.glob("*.jsonl")):
            try:
                lines = file.read_bytes().splitlines()
            except OSError:
                continue  # one day less
            for line in lines:
                with suppress(ValidationError):  # the last line of a killed process
                    yield self.form.validate_json(line)

    def forget(self, now: datetime) -> None:
        """Delete the days that are gone by."""
        for file in self.root.glob("*.jsonl"):
            with suppress(ValueError, OSError):
                if date.fromisoformat(file.stem) < (now - KEPT).date():
                    file.unlink(missing_ok=True)


def damage(path: Path, form: TypeAdapter[Any]) -> str:
    """Return the damage of a file that should hold `form`; empty for a sound one, or none."""
    try:
        form.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ""
    except ValidationError:
        return "it is empty or damaged"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def set_aside(path: Path, why: str) -> str:
    """Move a damaged file or directory aside; return a line on it."""
    aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path} can't be used: {why}; nor can it be moved aside: {error.strerror}"
    return f"{path} could not be used: {why}; it was moved to {aside.name}"


def make_directory(path: Path) -> list[str]:
    """Make a directory, also where something else is; return a line on that."""
    said = [set_aside(path, "it is no directory")] if path.exists() and not path.is_dir() else []
    path.mkdir(parents=True, exist_ok=True)
    return said
