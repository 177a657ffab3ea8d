"""Cron lines in words, as dbt Cloud's API writes them; pure (SCH-7).

Its words are those of the package cron-descriptor: `At 06:30 AM, Monday through Friday`.
"""

import re
from collections.abc import Callable, Sequence

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_NUMBERS = re.compile(r"[0-9]+(,[0-9]+)*")


def cron_words(lines: Sequence[str]) -> str:
    """Return cron lines in words, those of several joined by `; `."""
    return "; ".join(map(_line, lines))


def _line(line: str) -> str:
    minute, hour, day, month, weekday = line.upper().split()
    parts = [_times(minute, hour), _days(day), _weekdays(weekday), _months(month)]
    words = ", ".join(filter(None, parts))
    return words[:1].upper() + words[1:]


def _times(minute: str, hour: str) -> str:
    if minute.isdecimal() and _NUMBERS.fullmatch(hour):
        return f"at {_listed([_clock(each, minute) for each in hour.split(',')], comma='')}"
    often = _hours(hour)
    if minute == "0":
        return often if often.startswith(("every", "at")) else f"every hour, {often}".strip(", ")
    return ", ".join(filter(None, [_minutes(minute), often]))


def _minutes(field: str) -> str:
    if field == "*":
        return "every minute"
    first, _, step = field.partition("/")
    if step:
        between = "" if first in ("*", "0") else f", {_minutes(first)}"
        return f"every {_count(step, 'minute')}{between}"
    first, _, last = field.partition("-")
    if last and "," not in field:
        return f"minutes {int(first)} through {int(last)} past the hour"
    told = _listed([_number(each) for each in field.split(",")])
    return f"at {told} minute{'' if told == '1' else 's'} past the hour"


def _hours(field: str) -> str:
    if field == "*":
        return ""
    first, _, step = field.partition("/")
    if step:
        between = "" if first in ("*", "0") else f", {_hours(first)}"
        return f"every {_count(step, 'hour')}{between}"
    first, _, last = field.partition("-")
    if last and "," not in field:
        return f"between {_clock(first, '0')} and {_clock(last, '0')}"
    times = [each if "-" in each else _clock(each, "0") for each in field.split(",")]
    return f"at {_listed(times)}"


def _days(field: str) -> str:
    if field == "*":
        return ""
    if field == "L":
        return "on the last day of the month"
    first, _, step = field.partition("/")
    if step:
        between = "" if first in ("*", "1") else f", {_days(first)}"
        return f"every {_count(step, 'day')}{between}"
    first, _, last = field.partition("-")
    if last and "," not in field:
        return f"between day {first} and {last} of the month"
    names = ["the last day" if each == "L" else each for each in field.split(",")]
    return f"on day {_listed(names)} of the month"


def _weekdays(field: str) -> str:
    if "#" in field:
        named = [each.partition("#") for each in field.split(",")]
        told = [f"the {_ORDINALS[int(nth) - 1]} {_day(day)}" for day, _, nth in named]
        return f"on {_listed(told)} of the month"
    return _named(field, _day, "only on", "day of the week")


def _months(field: str) -> str:
    return _named(field, _month, "only in", "month")


def _named(field: str, name: Callable[[str], str], only: str, unit: str) -> str:
    if field == "*":
        return ""
    first, _, step = field.partition("/")
    if step:
        between = "" if first == "*" else f", {_named(first, name, only, unit)}"
        return f"every {step} {unit}s{between}"
    first, _, last = field.partition("-")
    if last and "," not in field:
        return f"{name(first)} through {name(last)}"
    told = [" through ".join(map(name, each.split("-"))) for each in field.split(",")]
    return f"{only} {_listed(told)}"


def _day(text: str) -> str:
    if text.isdecimal():
        return _DAYS[int(text) % 7]
    return next(day for day in _DAYS if day.upper().startswith(text))


def _month(text: str) -> str:
    if text.isdecimal():
        return _MONTHS[int(text) - 1]
    return next(month for month in _MONTHS if month.upper().startswith(text))


def _clock(hour: str, minute: str) -> str:
    half, shown = divmod(int(hour), 12)
    return f"{shown or 12:02d}:{int(minute):02d} {'PM' if half else 'AM'}"


def _count(step: str, unit: str) -> str:
    return unit if int(step) == 1 else f"{int(step)} {unit}s"


def _number(text: str) -> str:
    return str(int(text)) if text.isdecimal() else " through ".join(text.split("-"))


def _listed(words: Sequence[str], *, comma: str = ",") -> str:
    """Return words as a list: `A and B`, `A, B, and C`; without the last `comma` for times."""
    *before, last = words
    if not before:
        return last
    return f"{', '.join(before)}{comma if len(before) > 1 else ''} and {last}"
