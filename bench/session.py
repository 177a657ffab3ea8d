"""Progress messages of a benchmark, its end on SIGTERM, and its part of the page of results."""

import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from bench.tables import replaced

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
DBT = ("dbt-core", "dbt-duckdb", "duckdb")
"""The packages that both sides have in the same versions."""


def tell(text: str) -> None:
    """Say how far the benchmark is; the table alone goes to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def ends_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does, which removes its temporary directory."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def caption(*more: str, packages: Sequence[str] = ("dagster", *DBT)) -> str:
    """Return the date, `more`, the machine and the versions; ask before measuring."""
    machine = f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f} before"
    python = f"Python {platform.python_version()}"
    versions = (f"{name} {version(name)}" for name in packages)
    return f"{', '.join((f'{date.today():%-d %B %Y}', *more, machine, python, *versions))}."


def page(content: str, name: str) -> str:
    """Return the text of the page with `content` between the markers of `name`."""
    try:
        return replaced(PAGE.read_text(encoding="utf-8"), content, name=name)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{PAGE} can't be written: {error}") from error


def write(content: str, name: str) -> None:
    """Put `content` between the markers of `name`."""
    PAGE.write_text(page(content, name), encoding="utf-8")
    tell(f"wrote {PAGE}")
