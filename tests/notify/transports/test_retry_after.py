"""Pauses that answers ask for, in seconds or until a date."""

from datetime import UTC, datetime

import pytest

from deploy_project.notify.transports.retry_after import wait_seconds

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 120 ", 120),
        ("9" * 400, 3600),
        ("Mon, 30 Nov 2026 12:02:00 GMT", 120),
        ("Monday, 30-Nov-26 12:02:00 GMT", 120),
        ("Mon Nov 30 12:02:00 2026", 120),
        ("Mon, 30 Nov 2026 12:02:00 -0000", 120),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 30 Nov 2099 11:00:00 GMT", 3600),
        ("Mon, 30 Nov 99999 11:00:00 GMT", 0),
        ("Mon, 30 Nov 2026 12:02:00 +9999999", 0),
        *((each, 0) for each in ("soon", "-1", "1.5", "1e3", "\u0661", "nan", "inf")),
    ],
)
def test_the_pause(header: str | None, seconds: float):
    assert wait_seconds(header, now=NOW) == seconds
