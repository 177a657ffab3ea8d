"""The standing of a subscription: its last answer, its failures, and its deactivation; pure (WH-4).

It is deactivated after a thousand deliveries in a row that have failed, with all their attempts,
or after seven days of failures.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import AwareDatetime

MOST_FAILURES = 1_000
LONGEST_FAILURE = timedelta(days=7)
RETRIES = 5
"""Attempts after the first one (WH-4)."""
_FIRST_PAUSE = timedelta(seconds=30)
_TIMES = 4
_JITTER = 0.25


@dataclass(frozen=True)
class Standing:
    """The deliveries to one subscription so far."""

    since: AwareDatetime
    """The time when it was first seen; it hears of nothing before that."""
    dispatched_at: AwareDatetime | None = None
    """The time of the last attempt."""
    http_status_code: int = 0
    """Of the last answer; 0 before the first, and without one."""
    failures: int = 0
    """Deliveries in a row that have failed with all their attempts."""
    failing_since: AwareDatetime | None = None
    deactivated_at: AwareDatetime | None = None
    reason: str = ""
    """The reason of the deactivation."""

    @property
    def is_active(self) -> bool:
        """Whether it gets events."""
        return self.deactivated_at is None


def after_success(before: Standing, *, code: int, now: datetime) -> Standing:
    """Return the standing after an attempt that was taken."""
    return replace(before, dispatched_at=now, http_status_code=code, failures=0, failing_since=None)


def after_failure(before: Standing, *, code: int, now: datetime, given_up: bool) -> Standing:
    """Return the standing after an attempt that has failed, its delivery `given_up` or not."""
    failures = before.failures + given_up
    since = min(before.failing_since or now, now)  # a clock may be set back
    reason = ""
    if failures >= MOST_FAILURES:
        reason = f"{MOST_FAILURES:,} deliveries in a row have failed"
    elif now - since >= LONGEST_FAILURE:
        reason = f"deliveries have failed for {LONGEST_FAILURE.days} days"
    return replace(
        before,
        dispatched_at=now,
        http_status_code=code,
        failures=failures,
        failing_since=since,
        deactivated_at=now if reason else None,
        reason=reason,
    )


def reactivated(before: Standing, *, now: datetime) -> Standing:
    """Return the standing of a subscription that somebody has made active again."""
    return replace(
        before, since=now, failures=0, failing_since=None, deactivated_at=None, reason=""
    )


def pause(attempts: int, *, wait_seconds: float, chance: float) -> timedelta | None:
    """Return the pause after so many attempts; None when there is no other one.

    Half a minute, two, eight, 32 and 128, each up to a quarter longer by `chance`, a number from 0
    to 1: the last attempt is almost three hours after the first.
    """
    if attempts > RETRIES:
        return None
    length = _FIRST_PAUSE * _TIMES ** (attempts - 1) * (1 + _JITTER * chance)
    return max(length, timedelta(seconds=wait_seconds))
