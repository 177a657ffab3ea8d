"""Schedules in dbt Cloud's forms and as cron lines, each made of the other; pure (SCH-2 to SCH-5).

The forms are those of `HumanReadableSchedule` in dbt Cloud's specification of its API v2: a `date`
(`every_day`, `days_of_week`, `interval_cron`, `custom_cron`) and a `time` (`every_hour`,
`at_exact_hours`). Hours are UTC, days are 0 to 6 from Sunday.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

EVERY_DAY, DAYS_OF_WEEK = "every_day", "days_of_week"
INTERVAL_CRON, CUSTOM_CRON = "interval_cron", "custom_cron"
EVERY_HOUR, AT_EXACT_HOURS = "every_hour", "at_exact_hours"
_ALL_DAYS = list(range(7))
_HOURS = 24
_MINUTE = re.compile(r"[0-5]?[0-9]")
_SIMPLE = re.compile(
    r"[0-5]?[0-9] "
    r"(?:\*(?:/(?P<step>[1-9]|1[0-9]|2[0-3]))?|(?P<hours>[0-9]{1,2}(?:,[0-9]{1,2})*)) "
    r"\* \* (?P<days>\*|[0-6](?:,[0-6])*)"
)

Schedule = Mapping[str, Any]
"""`cron`, `date` and `time`, as JSON has them."""


class FormError(Exception):
    """A schedule is none; `key` is the place of the fault below `schedule`, with dots."""

    def __init__(self, key: str, fault: str) -> None:
        super().__init__(fault)
        self.key, self.fault = key, fault


def cron_line(schedule: Schedule) -> str:
    """Return the cron line of a schedule in one of dbt Cloud's forms.

    The minute is that of the schedule's own `cron`, where that has one; else 0. Whether a line that
    was written by hand is one is not looked at. Raises `FormError` for a form that says no times.
    """
    date, time = _mapping(schedule, "date"), _mapping(schedule, "time")
    kind = date.get("type") or CUSTOM_CRON
    written = date.get("cron") or schedule.get("cron")
    if kind in (CUSTOM_CRON, INTERVAL_CRON) and written:
        return _text(written)
    if kind == CUSTOM_CRON:
        raise FormError("cron", "a custom schedule needs its cron line")
    if kind not in (EVERY_DAY, DAYS_OF_WEEK, INTERVAL_CRON):
        raise FormError("date.type", f"{str(kind)[:50]!r} is no kind of schedule")
    days = "*" if kind == EVERY_DAY else _days(date, required=kind == DAYS_OF_WEEK)
    return f"{_minute(schedule.get('cron'))} {_hours(time)} * * {days}"


def in_forms(line: str, stated: Schedule | None = None) -> dict[str, Any]:
    """Return a cron line as dbt Cloud shows a schedule: `cron`, `date` and `time`.

    It is as `stated` where that still stands for the line, so that it comes back as it was sent.
    """
    own = stated or {}
    for form in (own, _simple(line)):
        shown = {"cron": line, "date": form.get("date"), "time": form.get("time")}
        if shown["date"] and shown["time"] and _stands_for(shown, line):
            return shown
    custom = {"type": CUSTOM_CRON, "cron": line}
    return {"cron": line, "date": custom, "time": {"type": EVERY_HOUR, "interval": 1}}


def _stands_for(schedule: Schedule, line: str) -> bool:
    try:
        return cron_line(schedule) == line
    except FormError:
        return False


def _simple(line: str) -> Schedule:
    """Return the days and hours of a line that has no more than these; empty for another one."""
    fields = _SIMPLE.fullmatch(line)
    if fields is None:
        return {}
    every_day = fields["days"] == "*"
    days = _ALL_DAYS if every_day else [int(each) for each in fields["days"].split(",")]
    if fields["hours"] is None:
        interval = {"type": EVERY_HOUR, "interval": int(fields["step"] or 1)}
        return {"date": {"type": INTERVAL_CRON, "days": days, "cron": line}, "time": interval}
    hours = {"type": AT_EXACT_HOURS, "hours": [int(each) for each in fields["hours"].split(",")]}
    date = {"type": EVERY_DAY} if every_day else {"type": DAYS_OF_WEEK, "days": days}
    return {"date": date, "time": hours}


def _mapping(schedule: Schedule, key: str) -> Mapping[str, Any]:
    value: Any = schedule.get(key) or {}
    if not isinstance(value, Mapping):
        raise FormError(key, "must be an object")
    return cast(Mapping[str, Any], value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FormError("cron", "must be text")
    return value


def _minute(written: Any) -> int:
    first = written.split()[:1] if isinstance(written, str) else []
    return int(first[0]) if first and _MINUTE.fullmatch(first[0]) else 0


def _hours(time: Mapping[str, Any]) -> str:
    kind = time.get("type")
    if kind == AT_EXACT_HOURS:
        hours = _numbers(time.get("hours"), "time.hours", _HOURS)
        return ",".join(map(str, hours))
    if kind != EVERY_HOUR:
        raise FormError("time.type", f"must be {EVERY_HOUR!r} or {AT_EXACT_HOURS!r}")
    interval: Any = time.get("interval") or 1
    if not isinstance(interval, int) or interval not in range(1, _HOURS + 1):
        raise FormError("time.interval", f"must be a number of hours from 1 to {_HOURS}")
    return {1: "*", _HOURS: "0"}.get(interval, f"*/{interval}")


def _days(date: Mapping[str, Any], *, required: bool) -> str:
    if not date.get("days") and not required:
        return "*"
    return ",".join(map(str, _numbers(date.get("days"), "date.days", len(_ALL_DAYS))))


def _numbers(value: Any, key: str, limit: int) -> list[int]:
    """Return the numbers of a list in order, without repetitions."""
    entries = cast(Sequence[Any], value) if isinstance(value, list) else ()
    wrong = [each for each in entries if type(each) is not int or each not in range(limit)]
    if not entries or wrong:
        raise FormError(key, f"must be a list of numbers from 0 to {limit - 1}")
    return sorted(set(cast(Sequence[int], entries)))
