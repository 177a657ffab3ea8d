"""How a comparison tells how far it is, ends when it is told to, and writes its table."""

import signal
import sys
import time
from pathlib import Path

from report import replaced

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def tell(text: str) -> None:
    """Say how far the benchmark is; the table alone goes to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def ends_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does, which removes its temporary directory."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def page(content: str, between: tuple[str, str]) -> str:
    """Return the text of the page with `content` between two markers."""
    try:
        return replaced(PAGE.read_text(encoding="utf-8"), content, between=between)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{PAGE} can't be written: {error}") from error


def write(content: str, between: tuple[str, str]) -> None:
    """Put `content` between two markers of the page."""
    PAGE.write_text(page(content, between), encoding="utf-8")
    tell(f"wrote {PAGE}")
