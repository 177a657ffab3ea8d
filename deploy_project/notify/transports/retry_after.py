"""The pause that an answer asks for by its header Retry-After; pure (RFC 9110, 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST = 3600.0


def wait_seconds(header: str | None, *, now: datetime) -> float:
    """Return the seconds until the time in a header, an hour at most; 0 without a time."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), _LONGEST)
    try:
        wanted = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    seconds = (wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)) - now
    return min(max(seconds.total_seconds(), 0.0), _LONGEST)
