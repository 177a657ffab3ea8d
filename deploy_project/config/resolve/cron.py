"""The syntax checks of cron lines, as dbt Cloud documents them, and of time zones.

Five fields, names of months and days, `L` for the last day of a month, `MON#1` for the first
Monday of one: https://docs.getdbt.com/docs/deploy/deploy-jobs#cron-schedule. Dagster accepts every
line that is accepted here; some that it accepts are refused, because they never fire or fire at
other times than they say.
"""

import calendar
import difflib
import re
from zoneinfo import ZoneInfo, available_timezones

_NAMES = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY, _MONTH, _WEEKDAY = 2, 3, 4
_WORDS: dict[int, dict[str, int]] = {
    _MONTH: {name.upper(): index for index, name in enumerate(calendar.month_abbr) if name},
    _WEEKDAY: {name: index for index, name in enumerate(_DAYS)},
}
_ITEM = re.compile(
    r"(?P<low>\*|[0-9]{1,9}|[A-Z]{3})(-(?P<high>[0-9]{1,9}|[A-Z]{3}))?(/(?P<step>[0-9]{1,9}))?"
)
_NTH = re.compile(r"(?P<day>[0-7]|[A-Z]{3})#[1-5]")
_LONGEST_MONTHS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def cron_fault(line: str) -> str | None:
    """Return the fault of a cron line, worded for a message; None for a valid line."""
    fields = line.upper().split()
    if len(fields) != len(_NAMES):
        return f"has {len(fields)} fields where a cron line has 5"
    for index, field in enumerate(fields):
        if not all(_is_item(item, index) for item in field.split(",")):
            return f"has no valid {_NAMES[index]} ({field!r})"
        if "*" in field.split(",") and field != "*":
            return f"has '*' beside other values as {_NAMES[index]}"
    return _day_fault(fields)


def timezone_fault(name: str) -> str | None:
    """Return the fault of a time zone's name, worded for a message; None for a valid name."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        close = difflib.get_close_matches(name, available_timezones(), n=1)
        return f"is no known time zone (did you mean {close[0]!r}?)" if close else "is no time zone"
    return None


def _is_item(item: str, index: int) -> bool:
    if index == _DAY and item == "L":
        return True
    nth = _NTH.fullmatch(item)
    if index == _WEEKDAY and nth:
        return _value(nth["day"], index) is not None
    match = _ITEM.fullmatch(item)
    if match is None or (match["low"] == "*" and match["high"] is not None):
        return False
    low = _RANGES[index][0] if match["low"] == "*" else _value(match["low"], index)
    high = _RANGES[index][1] if match["high"] is None else _value(match["high"], index)
    return (
        low is not None
        and high is not None
        and (match["high"] is None or _is_range(low, high, index))
        and (match["step"] is None or 1 <= int(match["step"]) <= _RANGES[index][1])
    )


def _is_range(low: int, high: int, index: int) -> bool:
    """Return whether a range is one; `FRI-MON` is, and croniter takes `5-5` for every value."""
    return low < high or (low > high and index in _WORDS and (low, high) != (7, 0))


def _value(text: str, index: int) -> int | None:
    named = _WORDS.get(index, {}).get(text)
    if named is not None:
        return named
    low, high = _RANGES[index]
    return int(text) if text.isdecimal() and low <= int(text) <= high else None


def _day_fault(fields: list[str]) -> str | None:
    day, month, weekday = fields[_DAY], fields[_MONTH], fields[_WEEKDAY]
    if "#" in weekday:
        if not all("#" in item for item in weekday.split(",")):
            return "mixes days of the week with and without '#'"
        if day != "*":
            return "restricts the day of month beside a day of week with '#'"
    days = [int(item) for item in re.findall(r"(?<![/0-9])[0-9]+", day)]
    if "L" in day or "*" in day or not days:
        return None
    if min(days) > max(_LONGEST_MONTHS[value] for value in _months(month)):
        return f"names a day that month {month} does not have"
    return None


def _months(field: str) -> set[int]:
    """Return the months that a valid field names."""
    found: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        assert match is not None
        low = 1 if match["low"] == "*" else _value(match["low"], _MONTH) or 1
        high = _value(match["high"], _MONTH) if match["high"] else None
        last = high or (12 if match["step"] or match["low"] == "*" else low)
        cycle = range(low, last + 1) if low <= last else [*range(low, 13), *range(1, last + 1)]
        found.update(list(cycle)[:: int(match["step"] or 1)])
    return found
