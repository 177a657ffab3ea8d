"""Times and durations as dbt Cloud's API writes them, for machines and for people; pure."""

from datetime import UTC, datetime, timedelta

_UNITS = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)
_LONG_UNITS = tuple((name, size) for name, size in _UNITS if size <= 86400)
NOW = "0 minutes"


def spaced(time: datetime | None) -> str | None:
    """Return a time as runs and steps have it: `2024-05-27 10:42:16.179903+00:00`."""
    return None if time is None else time.astimezone(UTC).isoformat(" ", "microseconds")


def with_t(time: datetime | None) -> str | None:
    """Return a time as jobs and everything else have it: `2024-05-27T10:42:10.111442+00:00`."""
    return None if time is None else time.astimezone(UTC).isoformat("T", "microseconds")


def clock(seconds: float) -> str:
    """Return a duration as `HH:MM:SS`; a day is 24 hours, and a part of a second is none."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


def lasting(seconds: float) -> str:
    """Return a duration in words: `1 minute, 36 seconds`, `1 day`, `0 minutes`."""
    return _words(seconds, _LONG_UNITS)


def ago(time: datetime | None, now: datetime) -> str:
    """Return the distance of a time from `now` in words: `2 weeks, 3 days ago`.

    One that is not known yet is `0 minutes from now`, dbt Cloud's own words.
    """
    distance = timedelta() if time is None else now - time
    words = _words(abs(distance.total_seconds()), _UNITS)
    return f"{words} ago" if distance > timedelta() else f"{words} from now"


def _words(seconds: float, units: tuple[tuple[str, int], ...]) -> str:
    """Return the largest unit of a duration, and the next smaller one unless that is 0."""
    left = int(max(0.0, seconds))
    for (name, size), (next_name, next_size) in zip(units, (*units[1:], ("", 0)), strict=True):
        count, rest = divmod(left, size)
        if not count:
            continue
        more = rest // next_size if next_size else 0
        return _counted(count, name) + (f", {_counted(more, next_name)}" if more else "")
    return NOW


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"
