"""The messages that are due, and the log of deliveries: small files in the state directory.

A message is a file until it was delivered or given up, so that none is lost with a process.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.notify.message import Message
from deploy_project.notify.spool import AHEAD, DayLog, Spool, damage, make_directory, set_aside
from deploy_project.runs.outcome.ends import Cursor

GIVEN_UP = timedelta(hours=24)
"""The time from the first attempt after which a message is given up."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
_JITTER = 0.25
_MOST_DOUBLINGS = 10

Result = Literal["sent", "retried", "given up", "dropped"]


@dataclass(frozen=True)
class Entry:
    """One message for one channel."""

    channel: str
    message: Message
    decided_at: AwareDatetime
    due_at: AwareDatetime
    attempts: int = 0
    error: str = ""
    """The last attempt's."""
    instead_of: str = ""
    """The channel that it was given up on; empty for its own."""
    to: tuple[str, ...] = ()
    """Addresses of mail in place of the channel's; empty for its own."""
    left_alone_until: AwareDatetime | None = None
    """The time before which its channel has asked to be sent nothing at all."""
    tried_at: AwareDatetime | None = None
    """The time of the last attempt."""

    @property
    def name(self) -> str:
        """The name of its file, the same for the same end of a run."""
        names = (self.message.run_id, self.message.part, self.instead_of)
        return ".".join(filter(None, names))


@dataclass(frozen=True)
class Delivery:
    """A line of the log: an attempt, or the end of the attempts."""

    at: AwareDatetime
    channel: str
    run_id: str
    title: str
    result: Result
    attempt: int
    error: str = ""
    name: str = ""
    """The entry's; empty in lines of older versions."""


_ENTRY = TypeAdapter(Entry)
_DELIVERY = TypeAdapter(Delivery)
_CURSOR = TypeAdapter(Cursor)
_Memory = TypeVar("_Memory")


def failed(
    entry: Entry, error: str, *, now: datetime, wait_seconds: float, chance: float
) -> Entry | None:
    """Return the entry with its next attempt after a failed one; None for one to give up.

    Pauses double from half a minute to an hour, and are up to a quarter longer by `chance`, a
    number from 0 to 1, so that many messages don't come at once.
    """
    if now - entry.decided_at >= GIVEN_UP:
        return None
    pause = min(_FIRST_PAUSE * 2 ** min(entry.attempts, _MOST_DOUBLINGS), _LONGEST_PAUSE)
    pause = max(pause * (1 + _JITTER * chance), timedelta(seconds=wait_seconds))
    asked = now + timedelta(seconds=wait_seconds) if wait_seconds else None
    return replace(
        entry,
        attempts=entry.attempts + 1,
        decided_at=min(entry.decided_at, now),
        tried_at=now,
        due_at=now + pause,
        error=error,
        left_alone_until=asked,
    )


def due(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Return the entries of one channel that are due; none while it wants to be left alone.

    One of a clock that was ahead is due now.
    """
    ahead = [is_ahead(each, now) for each in entries]
    pauses = [each.left_alone_until for each, of in zip(entries, ahead, strict=True) if not of]
    if any(until is not None and until > now for until in pauses):
        return []
    return [each for each, of in zip(entries, ahead, strict=True) if of or each.due_at <= now]


def is_ahead(entry: Entry, now: datetime) -> bool:
    """Whether a clock was ahead when an entry got its times: it is of later than `now`."""
    last = entry.tried_at or entry.decided_at
    return last > now + AHEAD or entry.due_at > now + GIVEN_UP


@dataclass(frozen=True)
class Outbox:
    """The files of one deployment's messages."""

    root: Path

    @classmethod
    def of(cls, state: StateDirectory) -> "Outbox":
        """Return the outbox in a state directory."""
        return cls(state.notifications)

    @property
    def lock(self) -> Path:
        """The lock to hold while ends of runs are looked at."""
        return self.root / "lock"

    def channel_lock(self, channel: str) -> Path:
        """The lock to hold while messages of one channel are delivered."""
        return self._due.lock(channel)

    def prepare(self) -> list[str]:
        """Make the directories; return a line for each that something was in the place of."""
        return [*self._due.prepare(), *make_directory(self.root / "log")]

    def mend(self, forms: Mapping[str, TypeAdapter[Any]]) -> list[str]:
        """Move damaged memories aside, the cursor and those of `forms`; return a line on each."""
        all_forms = {"looked-at": _CURSOR, **forms}
        found = {name: damage(self.root / f"{name}.json", of) for name, of in all_forms.items()}
        return [set_aside(self.root / f"{name}.json", why) for name, why in found.items() if why]

    def has_told(self) -> bool:
        """Whether anything was delivered in the last days."""
        return any(self.root.glob("log/*.jsonl"))

    def told(self) -> set[tuple[str, str]]:
        """Return the channels and names of the entries that wait, or are done with."""
        done = {(e.channel, e.name or e.run_id) for e in self.log() if e.result != "retried"}
        return done | self._due.names()

    def damaged(self, channel: str) -> list[tuple[str, str]]:
        """Move the damaged entries of a channel aside; return their names, and a line on each."""
        return self._due.damaged(channel)

    def cursor(self) -> str | None:
        """Return the text of the cursor over the ends of runs; None without one."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.root / "looked-at.json").read_text(encoding="utf-8")
        return None

    def keep_cursor(self, cursor: Cursor) -> None:
        """Write the cursor, after all messages that it stands for."""
        small_files.write_text(self.root / "looked-at.json", cursor.written())

    def remembered(self, name: str, form: TypeAdapter[_Memory]) -> _Memory | None:
        """Return the memory of a name; None without one, or for a damaged file."""
        with suppress(OSError, ValidationError):
            return form.validate_json((self.root / f"{name}.json").read_bytes())
        return None

    def remember(self, name: str, form: TypeAdapter[_Memory], memory: _Memory) -> None:
        """Write the memory of a name, after the messages that it stands for."""
        small_files.write_text(self.root / f"{name}.json", form.dump_json(memory).decode())

    @property
    def is_cut_short(self) -> bool:
        """Whether the last look at runs has not come to its end."""
        return self._looking.exists()

    def begin_look(self) -> None:
        """Mark that runs are looked at, in as much room as the cursor takes after it."""
        small_files.write_text(self._looking, self.cursor() or "")

    def end_look(self) -> None:
        """Note that a look has come to its end."""
        self._looking.unlink(missing_ok=True)

    @property
    def _looking(self) -> Path:
        return self.root / "looking"

    def put(self, entry: Entry) -> None:
        """Write an entry, or write it anew."""
        self._due.put(entry.channel, entry.name, entry)

    def remove(self, entry: Entry) -> None:
        """Remove an entry that was delivered or given up."""
        self._due.remove(entry.channel, entry.name)

    def channels(self) -> list[str]:
        """Return the channels that have entries."""
        return self._due.owners()

    def entries(self, channel: str) -> list[Entry]:
        """Return the entries of a channel, the oldest first; a damaged file is none."""
        return sorted(self._due.entries(channel), key=lambda each: (each.message.at, each.name))

    def note(self, delivery: Delivery) -> None:
        """Add a line to the log of the day."""
        self._log.note(delivery.at, delivery)

    def log(self) -> Iterator[Delivery]:
        """Yield the log of deliveries, the oldest first."""
        return self._log.lines()

    def forget(self, now: datetime) -> None:
        """Delete the log of days that are gone by."""
        self._log.forget(now)

    @property
    def _due(self) -> Spool[Entry]:
        return Spool(self.root / "due", _ENTRY)

    @property
    def _log(self) -> DayLog[Delivery]:
        return DayLog(self.root / "log", _DELIVERY)
