"""The files of webhooks: events that are due, standings, receipts, and the runs looked at."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.webhooks import EventType
from deploy_project.notify.spool import (
    AHEAD,
    DayLog,
    Spool,
    damage,
    make_directory,
    set_aside,
)
from deploy_project.notify.webhooks.standing import Standing, reactivated
from deploy_project.runs.outcome.ends import LONGEST, OVERLAP, Cursor

Result = Literal["sent", "retried", "given up", "dropped"]
_PATIENCE = 10.0


@dataclass(frozen=True)
class Due:
    """One event for one subscription, with its body as it will be sent each time."""

    id: str
    subscription_id: str
    type: EventType
    order: int
    """Its place among the events of its run."""
    run_id: str
    job_id: int
    at: AwareDatetime
    body: str
    due_at: AwareDatetime
    attempts: int = 0
    tried_at: AwareDatetime | None = None
    """The time of the last attempt."""

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be tried now; one of a clock that was ahead is."""
        return self.due_at <= now or self.is_ahead(now)

    def is_ahead(self, now: datetime) -> bool:
        """Whether a clock was ahead when it got its times: they are of later than `now`."""
        last = self.tried_at or self.at
        return last > now + AHEAD or self.due_at > now + LONGEST


@dataclass(frozen=True)
class Receipt:
    """One attempt to deliver an event."""

    id: str
    event_id: str
    subscription_id: str
    type: EventType
    job_id: int
    at: AwareDatetime
    attempt: int
    result: Result
    http_status_code: int = 0
    error: str = ""
    body: str = ""
    response: str = ""


@dataclass(frozen=True)
class Memory:
    """The runs that were looked at."""

    cursor: Cursor
    seen: Mapping[str, list[EventType]] = field(default_factory=dict[str, list[EventType]])
    """The events that runs have come to already."""
    is_recovering: bool = False
    """Whether runs are looked at again, as this memory was damaged or is gone."""


_DUE = TypeAdapter(Due)
_RECEIPT = TypeAdapter(Receipt)
_STANDING = TypeAdapter(Standing)
_MEMORY = TypeAdapter(Memory)


@dataclass(frozen=True)
class Ledger:
    """The files of one deployment's webhooks."""

    root: Path

    @classmethod
    def of(cls, state: StateDirectory) -> "Ledger":
        """Return the ledger in a state directory."""
        return cls(state.webhooks)

    @property
    def lock(self) -> Path:
        """The lock to hold while runs are looked at."""
        return self.root / "lock"

    @property
    def due(self) -> Spool[Due]:
        """The events that are due, by subscription."""
        return Spool(self.root / "due", _DUE)

    def prepare(self) -> list[str]:
        """Make the directories; return a line for each that something was in the place of."""
        more = (self.root / "standings", self.root / "log")
        return [*self.due.prepare(), *(line for each in more for line in make_directory(each))]

    def mend(self, subscription_ids: Iterable[str], *, now: datetime) -> list[str]:
        """Move damaged files aside, and correct times of a clock that was ahead.

        Returns a line on each. A subscription whose standing is lost hears of the last day: what
        it was told already is in the memory, or in the log.
        """
        memory = self.root / "looked-at.json"
        why = damage(memory, _MEMORY)
        said = [set_aside(memory, why)] if why else []
        for each in subscription_ids:
            said += self._mend_due(each, now=now)
            why = damage(self._standing(each), _STANDING)
            if why:
                said.append(set_aside(self._standing(each), why))
                self.change(each, lambda _: Standing(now - LONGEST), now=now)
            elif self.standing(each, now=now).since > now + AHEAD:
                said.append(
                    f"{each} was first seen by a clock that was ahead: it hears from now on"
                )
                self.change(each, lambda s: replace(s, since=now - OVERLAP), now=now)
        return said

    def _mend_due(self, subscription_id: str, *, now: datetime) -> list[str]:
        """Move damaged events aside, and have the runs of the last day looked at again for them."""
        damaged = self.due.damaged(subscription_id)
        if damaged:
            self.keep_memory(Memory(Cursor(now - LONGEST), is_recovering=True))
        return [f"{said}; event {name} is made anew from its run" for name, said in damaged]

    def delivered(self) -> set[str]:
        """Return the ids of the events that wait, or are done with."""
        done = {each.event_id for each in self.receipts() if each.result != "retried"}
        return done | {name for _, name in self.due.names()}

    def put(self, event: Due) -> None:
        """Write an event, or write it anew."""
        self.due.put(event.subscription_id, event.id, event)

    def remove(self, event: Due) -> None:
        """Remove an event that was delivered or given up."""
        self.due.remove(event.subscription_id, event.id)

    def memory(self) -> Memory | None:
        """Return the runs that were looked at; None before the first look."""
        with suppress(OSError, ValidationError):
            return _MEMORY.validate_json((self.root / "looked-at.json").read_bytes())
        return None

    def keep_memory(self, memory: Memory) -> None:
        """Write the runs that were looked at, after their events."""
        small_files.write_text(self.root / "looked-at.json", _MEMORY.dump_json(memory).decode())

    @property
    def is_cut_short(self) -> bool:
        """Whether the last look at runs has not come to its end."""
        return self._looking.exists()

    def begin_look(self, memory: Memory) -> None:
        """Mark that runs are looked at, in as much room as the memory takes after it."""
        small_files.write_text(self._looking, _MEMORY.dump_json(memory).decode())

    def end_look(self) -> None:
        """Note that a look has come to its end."""
        self._looking.unlink(missing_ok=True)

    def standing(self, subscription_id: str, *, now: datetime) -> Standing:
        """Return the standing of a subscription, a new one from `now` on."""
        with suppress(OSError, ValidationError):
            return _STANDING.validate_json(self._standing(subscription_id).read_bytes())
        return Standing(now)

    def first_seen(self, subscription_id: str, *, now: datetime) -> Standing:
        """Return the standing of a subscription, which begins `now` if it is a new one."""
        if self._standing(subscription_id).exists():
            return self.standing(subscription_id, now=now)
        return self.change(subscription_id, lambda standing: standing, now=now)

    def change(
        self, subscription_id: str, change: Callable[[Standing], Standing], *, now: datetime
    ) -> Standing:
        """Change the standing of a subscription; return the new one."""
        self.prepare()
        with FileLock(self.root / "standings.lock", timeout=_PATIENCE):
            changed = change(self.standing(subscription_id, now=now))
            text = _STANDING.dump_json(changed).decode()
            small_files.write_text(self._standing(subscription_id), text)
        return changed

    def reactivate(self, subscription_id: str, *, now: datetime) -> None:
        """Have a subscription get events again, those from `now` on."""
        self.change(subscription_id, lambda before: reactivated(before, now=now), now=now)

    def forget_subscription(self, subscription_id: str) -> None:
        """Remove the events and the standing of a subscription that is gone."""
        for owner, name in self.due.names():
            if owner == subscription_id:
                self.due.remove(owner, name)
        self._standing(subscription_id).unlink(missing_ok=True)

    def note(self, receipt: Receipt) -> None:
        """Add an attempt to the log of the day."""
        self._log.note(receipt.at, receipt)

    def receipts(self) -> Iterator[Receipt]:
        """Yield the attempts of the last days, the oldest first."""
        return self._log.lines()

    def forget(self, now: datetime) -> None:
        """Delete the log of days that are gone by."""
        self._log.forget(now)

    @property
    def _log(self) -> DayLog[Receipt]:
        return DayLog(self.root / "log", _RECEIPT)

    @property
    def _looking(self) -> Path:
        return self.root / "looking"

    def _standing(self, subscription_id: str) -> Path:
        return self.root / "standings" / f"{subscription_id}.json"
