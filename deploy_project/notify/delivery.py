"""The delivery of messages that are due: each channel in a thread of its own, for some seconds.

A slow channel delays only itself: what it does not get done is due at the next tick. Those of the
API have one thread with the channel of deploy.yaml that they are sent by, whose server is theirs.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from deploy_project.config.values.notifications import Channel, Email
from deploy_project.errors import DeliveryError
from deploy_project.notify.message import Fact, Message
from deploy_project.notify.outbox import (
    GIVEN_UP,
    Delivery,
    Entry,
    Outbox,
    Result,
    due,
    failed,
    is_ahead,
)
from deploy_project.notify.sending import send
from deploy_project.processes.lock_files import Busy, at_once

BUDGET = 12.0
"""Seconds in which a channel begins to send messages; an attempt takes ten at most."""
PATIENCE = 24.0
"""Seconds that a tick waits for all channels; one that hangs goes on by itself, and locked."""

Send = Callable[[Channel, Message], str]
"""Returns a remark for the log, such as a recipient that is refused."""


@dataclass
class Deliverer:
    """Delivery of due messages to the channels of one deployment."""

    channels: Mapping[str, Channel]
    outbox: Outbox
    now: Callable[[], datetime]
    send: Send = send
    made_anew: Callable[[str, str], Entry | None] = lambda _channel, _name: None
    """Returns the entry of a channel and a name whose file is damaged; None for none."""
    budget: float = BUDGET
    patience: float = PATIENCE
    _said: list[str] = field(default_factory=list[str], init=False)

    def deliver(self) -> list[str]:
        """Deliver the messages due now; return a line for each attempt."""
        try:
            self._damaged()
            self._unknown()
        except OSError as error:
            self._said.append(f"The state directory can't be used: {error}")
        sinks: dict[str, list[Channel]] = {}
        for name in self.outbox.channels():
            if name in self.channels:
                channel = self.channels[name]
                sinks.setdefault(channel.sent_by or name, []).append(channel)
        threads = [
            threading.Thread(target=self._sink, args=[each], name=f"notify-{name}", daemon=True)
            for name, each in sinks.items()
        ]
        end = time.monotonic() + self.patience
        for each in threads:
            each.start()
        for each in threads:
            each.join(max(0.0, end - time.monotonic()))
        return list(self._said)

    def _unknown(self) -> None:
        """Drop the entries of channels that there are not, once they have waited for long."""
        for name in self.outbox.channels():
            if name in self.channels:
                continue
            entries = self.outbox.entries(name)
            late = [each for each in entries if self.now() - each.decided_at >= GIVEN_UP]
            for entry in late:
                self._note(entry, "dropped", "there is no such channel any more")
                self.outbox.remove(entry)
            if len(entries) > len(late):
                count = len(entries) - len(late)
                self._said.append(f"{name}: messages wait, as there is no such channel: {count}")

    def _sink(self, channels: Sequence[Channel]) -> None:
        """Deliver the entries of channels with one server, until its time is up."""
        end = time.monotonic() + self.budget
        for each in channels:
            if time.monotonic() > end:
                break
            self._channel(each, end)

    def _channel(self, channel: Channel, end: float) -> None:
        """Deliver the entries of one channel, until it does not answer or the time is up.

        One that asks for a pause gets it, also beyond this tick.
        """
        try:
            with at_once(self.outbox.channel_lock(channel.name)):
                ready = due(self.outbox.entries(channel.name), self.now())
                ahead = sum(is_ahead(each, self.now()) for each in ready)
                if ahead:
                    self._said.append(
                        f"{channel.name}: messages put off by a clock that was ahead, which are "
                        f"tried now: {ahead}"
                    )
                for entry in ready:
                    pause = self._attempt(channel, entry)
                    if pause is None or time.monotonic() + pause > end:
                        break
                    time.sleep(pause)
        except Busy:
            return  # of a tick before, or of another process
        except OSError as error:
            self._said.append(f"{channel.name}: the state directory can't be used: {error}")

    def _damaged(self) -> None:
        """Make damaged entries anew; note those that are lost."""
        damaged = [
            (channel, name, said)
            for channel in self.outbox.channels()
            for name, said in self.outbox.damaged(channel)
        ]
        for channel, name, said in damaged:
            again = self.made_anew(channel, name)
            if again is not None:
                self.outbox.put(again)
                self._said.append(f"{channel}: {said}; the message was made anew")
            else:
                run_id = name.partition(".")[0]
                self._add(Delivery(self.now(), channel, run_id, name, "dropped", 0, said, name))

    def _attempt(self, channel: Channel, entry: Entry) -> float | None:
        """Try to send an entry; return the pause before others, None when the channel is away.

        Raises `OSError`, before it sends, where what comes of it could not be kept: the message
        would be sent again at each tick.
        """
        self.outbox.put(entry)
        try:
            remark = self.send(_addressed(channel, entry), entry.message)
        except DeliveryError as error:
            self._failed(entry, str(error), error.wait_seconds)
            return error.wait_seconds or (0.0 if error.is_refusal else None)
        except Exception as error:  # our mistake in rendering, above all, which holds up no other
            self._failed(entry, f"{type(error).__name__}, which is our mistake", 0)
            return 0.0
        self._note(replace(entry, attempts=entry.attempts + 1), "sent", remark)
        self.outbox.remove(entry)
        return 0.0

    def _failed(self, entry: Entry, error: str, wait_seconds: float) -> None:
        chance = random.random()  # noqa: S311 - spreads attempts, keeps no secret
        later = failed(entry, error, now=self.now(), wait_seconds=wait_seconds, chance=chance)
        if later is not None:
            self._note(later, "retried", error)
            self.outbox.put(later)
            return
        self._note(replace(entry, attempts=entry.attempts + 1), "given up", error)
        of_file = [each.name for each in self.channels.values() if not each.sent_by]
        instead = _instead(entry, error, of_file, self.now())
        if instead is not None:
            self.outbox.put(instead)
        self.outbox.remove(entry)

    def _note(self, entry: Entry, result: Result, error: str) -> None:
        delivery = Delivery(
            at=self.now(),
            channel=entry.channel,
            run_id=entry.message.run_id,
            title=entry.message.title,
            result=result,
            attempt=entry.attempts,
            error=error,
            name=entry.name,
        )
        self._add(delivery)

    def _add(self, delivery: Delivery) -> None:
        self._said.append(line(delivery))
        try:
            self.outbox.note(delivery)
        except OSError as fault:  # a full disk, perhaps: what was sent is not sent again for it
            self._said.append(
                f"{delivery.channel}: the log of deliveries can't be written: {fault}"
            )


def line(delivery: Delivery) -> str:
    """Return an attempt in words."""
    why = f": {delivery.error}" if delivery.error else ""
    return f"{delivery.channel}: {delivery.title!r} {delivery.result}{why}"


def _addressed(channel: Channel, entry: Entry) -> Channel:
    """Return the channel with an entry's own recipients, if it has any."""
    if not entry.to:
        return channel
    if not isinstance(channel.medium, Email):
        raise DeliveryError("it is no channel of mail any more", is_refusal=True)
    return replace(channel, medium=replace(channel.medium, recipients=entry.to))


def _instead(entry: Entry, error: str, channels: Sequence[str], now: datetime) -> Entry | None:
    """Return the entry that another channel gets for one that was given up; None without one."""
    others = [each for each in channels if each != entry.channel]
    if entry.instead_of or not others:
        return None
    hours = GIVEN_UP.total_seconds() / 3600
    why = f"{entry.channel} has not taken it for {hours:.0f} hours: {error}"
    message = replace(entry.message, facts=(*entry.message.facts, Fact("Not delivered", why[:500])))
    return Entry(others[0], message, now, now, instead_of=entry.channel)
