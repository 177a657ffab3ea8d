"""Everything that is wrong in the files, collected and told at once."""

import re
from collections.abc import Mapping
from pathlib import Path

from deploy_project.config.documents import Part, Place
from deploy_project.errors import ConfigError

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_HIDDEN = re.compile(
    r"DBT_ENV_SECRET|variables|connection|extended_attributes|token|password|secret|private_key",
    re.IGNORECASE,
)
_LONGEST = 80


class Problems:
    """A growing list of problems; `config_file`'s come first, then file by file, by line."""

    def __init__(self, config_file: Path) -> None:
        self._config_file = config_file
        self._found: set[tuple[bool, str, int, str]] = set()
        self._refused: set[tuple[Path, tuple[Part, ...]]] = set()

    def add(self, place: Place, what: str, *, remedy: str, found: str | None = None) -> None:
        """Note that the value at `place` is wrong; `found` stands for it where it is given."""
        parents = (place.path[:length] for length in range(len(place.path) + 1))
        if any((place.file, parent) in self._refused for parent in parents):
            return
        key = ".".join(map(str, place.path)) or "(file)"
        text = f"{key}: {what}, found {shown(place) if found is None else found}; {remedy}"
        self.add_line(place.file, place.line, text)

    def refuse(self, place: Place, what: str, *, remedy: str, found: str | None = None) -> None:
        """Note a problem after which nothing more is to be said of what is at or below `place`."""
        self.add(place, what, remedy=remedy, found=found)
        self._refused.add((place.file, place.path))

    def add_line(self, file: Path, line: int, text: str) -> None:
        """Note a problem of a file that could not be read as far as its keys."""
        self._found.add((file != self._config_file, str(file), line, " ".join(text.split())))

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with a line for each problem."""
        if self._found:
            lines = [f"{file}:{line}: {text}" for _, file, line, text in sorted(self._found)]
            raise ConfigError("\n".join(lines))


def shown(place: Place) -> str:
    """Return the value at `place` as an error may show it: never a secret, never a long one."""
    value = place.value
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if any(_hidden(part) for part in place.path):
        return "a value that is not shown here"
    if isinstance(value, str):
        return repr(_shortened(value))
    return _shortened(place.scalar or str(value))


def _shortened(text: str) -> str:
    text = _CREDENTIALS.sub("***@", text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _hidden(part: Part) -> bool:
    return isinstance(part, str) and _HIDDEN.search(part) is not None
