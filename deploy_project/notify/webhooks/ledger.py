"""The files of webhooks: events that are due, standings, receipts, and the runs looked at."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.webhooks import EventType
from deploy_project.notify.spool import DayLog, Spool
from deploy_project.notify.webhooks.standing import Standing, reactivated
from deploy_project.runs.outcome.ends import Cursor

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

    def prepare(self) -> None:
        """Make the directories."""
        self.due.prepare()
        (self.root / "standings").mkdir(parents=True, exist_ok=True)

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
        for each in self.due.entries(subscription_id):
            self.remove(each)
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

    def _standing(self, subscription_id: str) -> Path:
        return self.root / "standings" / f"{subscription_id}.json"
