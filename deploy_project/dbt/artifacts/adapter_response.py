"""Counts in an adapter's response to one node; adapters differ in names and in types."""

from collections.abc import Mapping
from typing import Any


def rows_affected(response: Mapping[str, Any]) -> int | None:
    """Return the count of rows written; None where the adapter does not tell."""
    return _count(response.get("rows_affected"))


def bytes_processed(response: Mapping[str, Any]) -> int | None:
    """Return the count of bytes read, else of bytes billed; None where neither is told."""
    processed = _count(response.get("bytes_processed"))
    return processed if processed is not None else _count(response.get("bytes_billed"))


def _count(found: object) -> int | None:
    """Return a number that may be text or a float; None for -1, which says "unknown"."""
    try:
        number = int(float(str(found)))
    except (ValueError, OverflowError):
        return None
    return number if number >= 0 else None
