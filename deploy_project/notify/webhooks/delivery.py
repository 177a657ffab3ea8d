"""The delivery of events that are due: each subscription by itself, for some seconds."""

import hashlib
import hmac
import random
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from deploy_project.errors import ConfigError, DeliveryError
from deploy_project.notify.transports import pinned
from deploy_project.notify.transports.pinned import Answer
from deploy_project.notify.webhooks.ledger import Due, Ledger, Receipt, Result
from deploy_project.notify.webhooks.standing import after_failure, after_success, pause
from deploy_project.notify.webhooks.subscription import Subscription
from deploy_project.processes.lock_files import Busy, at_once

BUDGET = 12.0
"""Seconds in which a subscription begins attempts; one takes ten at most."""
PATIENCE = 24.0
"""Seconds that a tick waits for all subscriptions."""
_LANES = 4
"""Events of so many runs go to one subscription at a time; those of one run in their order."""
_KEPT = 4_000


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attempt."""

    code: int
    """Of the answer; 0 without one."""
    response: str = ""
    error: str = ""
    """Empty when it was taken."""
    wait_seconds: float = 0.0


def attempt(subscription: Subscription, body: bytes, *, allowed: Collection[str]) -> Outcome:
    """Post a body to a subscription, signed with its key; return the outcome."""
    try:
        answer = pinned.post(
            subscription.address, body, headers(subscription.key, body), allowed=allowed
        )
    except (ConfigError, DeliveryError) as error:
        return Outcome(0, error=str(error))
    return _judged(answer)


def _judged(answer: Answer) -> Outcome:
    said = answer.body[:_KEPT]
    if 200 <= answer.status < 300:
        return Outcome(answer.status, said)
    return Outcome(answer.status, said, f"it answers HTTP {answer.status}", answer.wait_seconds)


def headers(key: bytes, body: bytes) -> Mapping[str, str]:
    """Return the headers of a post: the signature is over the raw body (WH-3)."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "deploy-project",
        "Authorization": hmac.new(key, body, hashlib.sha256).hexdigest(),
    }


@dataclass
class Deliverer:
    """Delivery of due events to the subscriptions of one deployment."""

    subscriptions: Mapping[str, Subscription]
    ledger: Ledger
    now: Callable[[], datetime]
    allowed: Collection[str] = ()
    budget: float = BUDGET
    patience: float = PATIENCE
    _said: list[str] = field(default_factory=list[str], init=False)

    def deliver(self) -> list[str]:
        """Deliver the events due now; return a line for each attempt."""
        known = self.ledger.due.owners()
        for each in known:
            if each not in self.subscriptions:
                self.ledger.forget_subscription(each)
        threads = [
            threading.Thread(
                target=self._subscription, args=[self.subscriptions[each]], daemon=True
            )
            for each in known
            if each in self.subscriptions
        ]
        end = time.monotonic() + self.patience
        for each in threads:
            each.start()
        for each in threads:
            each.join(max(0.0, end - time.monotonic()))
        return list(self._said)

    def _subscription(self, subscription: Subscription) -> None:
        """Deliver the events of one subscription, those of a run in one lane."""
        end = time.monotonic() + self.budget
        try:
            with at_once(self.ledger.due.lock(subscription.id)):
                lanes: list[list[Due]] = [[] for _ in range(_LANES)]
                ready = [
                    each
                    for each in sorted(self.ledger.due.entries(subscription.id), key=_place)
                    if each.is_due(self.now())
                ]
                ahead = sum(each.is_ahead(self.now()) for each in ready)
                if ahead:
                    self._said.append(
                        f"{subscription.name}: events put off by a clock that was ahead, which "
                        f"are tried now: {ahead}"
                    )
                for event in ready:
                    lanes[hash(event.run_id) % _LANES].append(event)
                threads = [
                    threading.Thread(target=self._lane, args=[subscription, each, end], daemon=True)
                    for each in lanes
                    if each
                ]
                for each in threads:
                    each.start()
                for each in threads:  # the lock is held until the last one is done
                    each.join()
        except Busy:
            return  # of a tick before, or of another process
        except OSError as error:
            self._said.append(f"{subscription.name}: the state directory can't be used: {error}")

    def _lane(self, subscription: Subscription, events: list[Due], end: float) -> None:
        for event in events:
            if time.monotonic() > end:
                return
            try:
                self._attempt(subscription, event)
            except OSError as error:
                self._said.append(f"{subscription.name}: {event.id} can't be noted: {error}")
                return

    def _attempt(self, subscription: Subscription, event: Due) -> None:
        standing = self.ledger.standing(subscription.id, now=self.now())
        if not subscription.active or not standing.is_active:
            why = standing.reason or "the subscription is not active"
            self._note(subscription, event, Outcome(0, error=why), "dropped")
            self.ledger.remove(event)
            return
        self.ledger.put(event)  # no attempt is made where its outcome could not be kept
        tried = replace(event, attempts=event.attempts + 1)
        found = attempt(subscription, event.body.encode(), allowed=self.allowed)
        now = self.now()
        if not found.error:
            self._note(subscription, tried, found, "sent")
            self.ledger.remove(event)
            self.ledger.change(
                subscription.id, lambda s: after_success(s, code=found.code, now=now), now=now
            )
            return
        chance = random.random()  # noqa: S311 - spreads attempts, keeps no secret
        wait = pause(tried.attempts, wait_seconds=found.wait_seconds, chance=chance)
        self._note(subscription, tried, found, "given up" if wait is None else "retried")
        if wait is None:
            self.ledger.remove(event)
        else:
            self.ledger.put(replace(tried, due_at=now + wait, tried_at=now, at=min(tried.at, now)))
        changed = self.ledger.change(
            subscription.id,
            lambda s: after_failure(s, code=found.code, now=now, given_up=wait is None),
            now=now,
        )
        if not changed.is_active:
            self._said.append(f"{subscription.name} is deactivated: {changed.reason}")

    def _note(self, to: Subscription, event: Due, found: Outcome, result: Result) -> None:
        receipt = Receipt(
            id=f"wer_{uuid.uuid4().hex}",
            event_id=event.id,
            subscription_id=to.id,
            type=event.type,
            job_id=event.job_id,
            at=self.now(),
            attempt=event.attempts,
            result=result,
            http_status_code=found.code,
            error=found.error,
            body=event.body,
            response=found.response,
        )
        why = f": {found.error}" if found.error else ""
        self._said.append(f"{to.name}: {event.type} of run {event.run_id[:8]} {result}{why}")
        try:
            self.ledger.note(receipt)
        except OSError as fault:  # a full disk, perhaps: what was sent is not sent again for it
            self._said.append(f"{to.name}: the log of attempts can't be written: {fault}")


def _place(event: Due) -> tuple[bool, datetime, int]:
    """Return the place of an event: one that is tried again holds no first attempt back."""
    return event.attempts > 0, event.at, event.order
