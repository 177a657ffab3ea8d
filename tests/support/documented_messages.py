"""The messages that docs/errors.md lists, and which of them the tests have met."""

import re
from pathlib import Path

from tests.support.paths import ROOT

FILE = ROOT / "docs" / "errors.md"
_ROW = re.compile(r"^\| (?P<ticks>`+) ?(?P<message>.+?) ?(?P=ticks) \|", re.MULTILINE)
GAP = "…"


def messages(file: Path = FILE) -> list[str]:
    """Return the first column of every table: a message, `…` standing for what varies."""
    text = file.read_text(encoding="utf-8").replace("\\|", "|")
    return [match["message"] for match in _ROW.finditer(text)]


def matches(documented: str, said: str) -> bool:
    """Return whether `said` is the `documented` message, all of it."""
    pattern = ".+?".join(re.escape(part) for part in documented.split(GAP))
    return re.fullmatch(pattern, said, re.DOTALL) is not None


class Met:
    """Remembers the documented messages that have been met."""

    def __init__(self) -> None:
        self.documented = messages()
        self.met: set[str] = set()
        self.incomplete = ""
        """Why not everything could be provoked on this machine; empty when it could."""

    def __call__(self, said: str) -> None:
        """Assert that docs/errors.md lists this message."""
        found = {each for each in self.documented if matches(each, said)}
        assert found, f"docs/errors.md has no row for this message:\n{said}"
        self.met |= found
