"""The error in dbt's console output, for messages."""

import json
import re
from contextlib import suppress
from itertools import takewhile

from deploy_project.dbt.artifacts.events import shortened, uncolored

_TIMED = re.compile(r"\d\d:\d\d:\d\d  ")


def last_words(lines: list[str], *, most: int = 12) -> str:
    """Return the error in dbt's console lines, else the last of those lines, as text."""
    lines = [part for line in lines for part in _text(line).splitlines() or [""]]
    start = max((i for i, line in enumerate(lines) if "Encountered an error" in line), default=None)
    if start is None:
        chosen = lines[-most:]
    else:  # a line with a time of its own begins another event: a traceback, deprecations
        error = takewhile(lambda line: not _TIMED.match(line), lines[start + 1 :])
        chosen = list(error)[:most] or [lines[start]]
    return shortened("\n".join(line for line in chosen if line.strip())) or "no message"


def _text(line: str) -> str:
    """Return a line of dbt's console without colors, and its message when it is JSON."""
    line = uncolored(line)
    if line.startswith("{"):
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(line)["info"]["msg"])
    return line
