"""The next moment that cron lines name; pure (SCH-7).

The lines are those that `deploy_project.config.resolve.cron` accepts. In the hour that a change of
the clocks leaves out, Dagster fires at its end, and this says a little later.
"""

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_FARTHEST = timedelta(days=9 * 366)
"""Any line fires by then: the 29th of February may be left out once in a hundred years."""
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {
    **{name.upper(): number for number, name in enumerate(calendar.month_abbr) if name},
    **dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(7), strict=True)),
}
_ITEM = re.compile(r"(?P<low>\*|[0-9A-Z]+)(-(?P<high>[0-9A-Z]+))?(/(?P<step>[0-9]+))?")


@dataclass(frozen=True)
class _Cron:
    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    nths: frozenset[tuple[int, int]]
    """Days of the week with their place in the month: `MON#1`."""
    last_day: bool
    any_day: bool
    any_weekday: bool

    def has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        in_month = day.day in self.days or (self.last_day and _is_last(day))
        weekday = day.isoweekday() % 7
        in_week = weekday in self.weekdays or (weekday, (day.day + 6) // 7) in self.nths
        if self.any_day or self.any_weekday:
            return (self.any_day or in_month) and (self.any_weekday or in_week)
        return in_month or in_week


def next_time(lines: Sequence[str], timezone: str, after: datetime) -> datetime | None:
    """Return the first moment later than `after` that one of `lines` names, in UTC."""
    zone = ZoneInfo(timezone)
    found = (next(_times(_parsed(line), zone, after), None) for line in lines)
    return min(filter(None, found), default=None)


def _times(cron: _Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    first = after.astimezone(zone).date() - timedelta(days=1)
    for offset in range(_FARTHEST.days):
        day = first + timedelta(days=offset)
        if not cron.has(day):
            continue
        for hour in cron.hours:
            for minute in cron.minutes:
                local = datetime.combine(day, time(hour, minute), zone)
                moment = local.astimezone(UTC)
                if moment > after:
                    yield moment


def _parsed(line: str) -> _Cron:
    minute, hour, day, month, weekday = line.upper().split()
    items = weekday.split(",")
    nths = [each.split("#") for each in items if "#" in each]
    return _Cron(
        minutes=sorted(_values(minute, 0)),
        hours=sorted(_values(hour, 1)),
        days=frozenset(_values(",".join(each for each in day.split(",") if each != "L"), 2)),
        months=frozenset(_values(month, 3)),
        weekdays=frozenset(
            each % 7 for each in _values(",".join(each for each in items if "#" not in each), 4)
        ),
        nths=frozenset((_number(name) % 7, int(nth)) for name, nth in nths),
        last_day="L" in day.split(","),
        any_day=day == "*",
        any_weekday=weekday == "*",
    )


def _values(field: str, place: int) -> Iterator[int]:
    """Yield the values of a field; a range across the end, such as `FRI-MON`, goes on from 0."""
    least, most = _RANGES[place]
    for item in filter(None, field.split(",")):
        match = _ITEM.fullmatch(item)
        assert match is not None
        low = least if match["low"] == "*" else _number(match["low"])
        high = most if match["low"] == "*" or (match["step"] and not match["high"]) else low
        high = _number(match["high"]) if match["high"] else high
        whole = range(low, high + 1)
        chain = whole if low <= high else [*range(low, most + 1), *range(least, high + 1)]
        yield from list(chain)[:: int(match["step"] or 1)]


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)


def _is_last(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month
