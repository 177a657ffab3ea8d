"""Entries that wait to be delivered, as small files, and logs of days."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files

KEPT = timedelta(days=7)
"""The time that a log is kept."""
_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class Spool(Generic[_Kept]):
    """Entries that wait, each a file in the directory of the one that it is for."""

    root: Path
    form: TypeAdapter[_Kept]

    def prepare(self) -> None:
        """Make the directories."""
        for each in (self.root, self.root.parent / "locks"):
            each.mkdir(parents=True, exist_ok=True)

    def lock(self, owner: str) -> Path:
        """The lock to hold while entries of one owner are delivered."""
        return self.root.parent / "locks" / owner

    def put(self, owner: str, name: str, entry: _Kept) -> None:
        """Write an entry, or write it anew."""
        directory = self.root / owner
        directory.mkdir(parents=True, exist_ok=True)
        small_files.write_text(directory / f"{name}.json", self.form.dump_json(entry).decode())

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
            with suppress(OSError, ValidationError, UnicodeDecodeError):
                found.append(self.form.validate_json(file.read_text(encoding="utf-8")))
        return found


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
            for line in file.read_bytes().splitlines():
                with suppress(ValidationError):  # the last line of a killed process
                    yield self.form.validate_json(line)

    def forget(self, now: datetime) -> None:
        """Delete the days that are gone by."""
        for file in self.root.glob("*.jsonl"):
            with suppress(ValueError):
                if date.fromisoformat(file.stem) < (now - KEPT).date():
                    file.unlink(missing_ok=True)
