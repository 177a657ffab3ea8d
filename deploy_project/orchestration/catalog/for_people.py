"""Metadata as people read it: ages, sizes, compiled SQL and rows of tests; pure."""

import re
from collections.abc import Sequence

import dagster as dg

from deploy_project.runs.outcome.markdown import code, table
from deploy_project.runs.timing.model_timing import duration_text

_DAY = 86400
_LONGEST_CODE = 10_000
"""Characters of SQL in one event: the history of Dagster keeps all events of all runs."""
_MOST_COLUMNS = 12
_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAYS = {
    **{str(number): name for number, name in enumerate(_NAMES)},
    **{name[:3].lower(): name for name in _NAMES},
}
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def age_text(seconds: float) -> str:
    """Return an age as people say it: `40 min 12 s`, `3 h 05 min`, `2 days 3 h`."""
    if seconds < _DAY:
        return duration_text(seconds)
    days, rest = divmod(round(seconds), _DAY)
    return f"{days} {'day' if days == 1 else 'days'} {rest // 3600} h"


def size_text(count: int) -> str:
    """Return a number of bytes as people say it: `512 bytes`, `1.3 GB`; a kB is 1,000 of them."""
    size, unit = float(count), 0
    while round(size, 1) >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} {_UNITS[0]}"


def time_text(seconds: float, *, compiling: float | None, queued: float | None) -> str:
    """Return the time of a node, the compiling in it, and its wait for a thread before it."""
    parts = [
        f"{duration_text(compiling)} of it compiling" if compiling else "",
        f"after {duration_text(queued)} in the queue" if queued else "",
    ]
    more = ", ".join(filter(None, parts))
    return f"{duration_text(seconds)} ({more})" if more else duration_text(seconds)


def cron_text(line: str) -> str:
    """Return a cron line in words, such as `every day at 06:00`; the line itself for a rare one."""
    fields = line.split()
    if len(fields) != 5:
        return code(line)
    minute, hour, day, month, weekday = fields
    if month != "*" or (day != "*" and weekday != "*"):
        return code(line)
    days = _days(day, weekday)
    if minute.isdecimal() and re.fullmatch(r"\d+(,\d+)*", hour):
        times = " and ".join(f"{int(each):02}:{int(minute):02}" for each in hour.split(","))
        return f"{days} at {times}" if days else code(line)
    often = _often(minute, hour)
    if not often or not days:
        return code(line)
    return often if days == "every day" else f"{often}, {days}"


def _often(minute: str, hour: str) -> str:
    """Return the times of a cron line that come again and again in a day; empty for others."""
    every = re.fullmatch(r"\*/(\d+)", minute if hour == "*" else hour)
    if minute.isdecimal() and hour == "*":
        return f"every hour at minute {int(minute)}"
    if every and hour == "*":
        return f"every {every[1]} minutes"
    if every and minute.isdecimal():
        return f"every {every[1]} hours at minute {int(minute)}"
    return ""


def _days(day: str, weekday: str) -> str:
    """Return the days of a cron line in words; empty for those without."""
    if day == weekday == "*":
        return "every day"
    if weekday == "*":
        return f"on day {int(day)} of each month" if day.isdecimal() else ""
    first, _, last = weekday.partition("-")
    names = [
        _WEEKDAYS.get(each.lower(), "") for each in (*first.split(","), *([last] if last else []))
    ]
    if not all(names) or (last and "," in first):
        return ""
    return f"{names[0]} to {names[1]}" if last else f"on {' and '.join(names)}"


def code_block(text: str, language: str = "sql") -> dg.MarkdownMetadataValue:
    """Return code to be read in the browser; the end of a long one is left out."""
    shown = text.strip("\n")
    if len(shown) > _LONGEST_CODE:
        left_out = len(shown) - _LONGEST_CODE
        shown = f"{shown[:_LONGEST_CODE]}\n… {left_out:,} characters more"
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return dg.MetadataValue.md(f"{fence}{language}\n{shown}\n{fence}")


def rows_table(
    columns: Sequence[str], rows: Sequence[Sequence[str | None]]
) -> dg.MarkdownMetadataValue:
    """Return rows of a warehouse as a table; columns beyond the first dozen are counted."""
    heads = [code(each) for each in columns[:_MOST_COLUMNS]]
    cells = [
        ["NULL" if each is None else code(each) for each in row[:_MOST_COLUMNS]] for row in rows
    ]
    left_out = len(columns) - len(heads)
    more = ["", f"and {left_out} more columns"] if left_out > 0 else []
    return dg.MetadataValue.md("\n".join([*table(heads, cells), *more]).strip("\n"))
