"""Problems and warnings of the configuration files, collected and raised together.

A problem keeps all of it from loading. A warning turns one thing off, and the rest works.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.files.documents import Document, Part, Place
from deploy_project.config.values.deployment import Off, OffPart
from deploy_project.errors import ConfigError

# A password may have a slash or a space in it, against the rules.
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/]*|[^\s/]*:[^@]*)@")
_HIDDEN = re.compile(
    r"DBT_ENV_SECRET|variables|connection|extended_attributes|token|password|secret|private_key|routing_key|webhook",
    re.IGNORECASE,
)
_SHOWN_OF_TOKENS = frozenset({"permissions", "projects", "environments", "expires"})
_LONGEST = 80
_NULLS = ("", "~", "null")
_EFFECTS: Mapping[OffPart, str] = {
    "job": "the job is off",
    "trigger": "the completion trigger is off",
    "parent": "this parent of the completion trigger is off",
    "deferral": "the deferral is off",
}
_Line = tuple[bool, str, int, str]
"""Whether it is not of the configuration file, so that those come first; file, line and text."""


@dataclass(frozen=True)
class Unknown:
    """A reference to something that is not in the files."""

    place: Place
    what: str
    remedy: str


class Problems:
    """A growing list of problems; `config_file`'s come first, then file by file, by line."""

    def __init__(self, config_file: Path) -> None:
        self._config_file = config_file
        self._found: set[_Line] = set()
        self._warned: set[_Line] = set()
        self._off: dict[tuple[Path, tuple[Part, ...]], Off] = {}
        self._refused: set[tuple[Path, tuple[Part, ...]]] = set()

    def add(self, place: Place, what: str, *, remedy: str, found: str | None = None) -> None:
        """Note a problem with the value at `place`; `found` is shown instead of it where given."""
        if not self._is_refused(place):
            text = f"{_wrong(place, what, found)}; {remedy}"
            self.add_line(place.file, place.line, text)

    def refuse(self, place: Place, what: str, *, remedy: str, found: str | None = None) -> None:
        """Note a problem, and pass over all later ones at or below `place`."""
        self.add(place, what, remedy=remedy, found=found)
        self._refused.add((place.file, place.path))

    def turn_off(
        self, part: OffPart, place: Place, what: str, *, remedy: str, found: str | None = None
    ) -> None:
        """Note that the value at `place` turns a part of its job off, and nothing else."""
        if not self._is_refused(place):
            wrong = _wrong(place, what, found)
            text = f"{wrong}, so {_EFFECTS[part]}; {remedy}"
            self._warned.add(self._line(place.file, place.line, text))
            self._off[place.file, place.path] = Off(part, " ".join(f"{wrong}; {remedy}".split()))

    def off(self, job: Place) -> tuple[Off, ...]:
        """Return the parts of the job at a place that were turned off, in the order of its keys."""
        length = len(job.path)
        return tuple(
            each
            for (file, path), each in self._off.items()
            if file == job.file and path[:length] == job.path
        )

    def add_line(self, file: Path, line: int, text: str) -> None:
        """Note a problem of a file that could not be read as far as its keys."""
        self._found.add(self._line(file, line, text))

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each part of a job that is off, as `raise_if_any` words problems."""
        return _told(self._warned)

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with a line for each problem; the warnings are among them."""
        if self._found:
            raise ConfigError("\n".join(_told(self._found | self._warned)))

    def _is_refused(self, place: Place) -> bool:
        parents = (place.path[:length] for length in range(len(place.path) + 1))
        return any((place.file, parent) in self._refused for parent in parents)

    def _line(self, file: Path, line: int, text: str) -> _Line:
        return (file != self._config_file, str(file), line, " ".join(text.split()))


def _told(lines: set[_Line]) -> tuple[str, ...]:
    return tuple(f"{file}:{line}: {text}" for _, file, line, text in sorted(lines))


def refuse_unnamed(document: Document, problems: Problems, *, free: Iterable[str]) -> bool:
    """Note a problem for each key that is no text; return whether there is one.

    Whatever is below a key called as one of `free` may have any keys.
    """
    found = [*document.unnamed(free=frozenset(free))]
    for path in found:
        key = str(path[-1])
        what, written = "is a name and must be text", shortened(key) if key else "nothing"
        remedy = "put it in quotes" if key else "write a name before the colon"
        problems.refuse(Place(document, path), what, found=written, remedy=remedy)
    return bool(found)


def _wrong(place: Place, what: str, found: str | None) -> str:
    key = ".".join(map(_part, place.path)) or "(file)"
    return f"{key}: {what}, found {shown(place) if found is None else found}"


def shown(place: Place) -> str:
    """Return the value at `place` as an error may show it: never a secret, never a long one."""
    value = place.value
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None and (place.scalar or "").lower() in _NULLS:
        return "nothing"
    if any(_hidden(part) for part in place.path) and not _of_token(place.path):
        return "a value that is not shown here"
    if isinstance(value, str):
        return repr(shortened(value))
    scalar = place.scalar
    if value is None and scalar is not None:
        return repr(shortened(scalar))
    return shortened(scalar or str(value))


def _part(part: Part) -> str:
    text = str(part) or "''"
    return shortened(text if text.isprintable() else repr(text)[1:-1])


def shortened(text: str) -> str:
    """Return a text as an error may show it: not too long, and without a URL's credentials."""
    text = _CREDENTIALS.sub("***@", text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _hidden(part: Part) -> bool:
    return isinstance(part, str) and _HIDDEN.search(part) is not None


def _of_token(path: tuple[Part, ...]) -> bool:
    """Whether a key under `tokens:` is none of a secret."""
    return path[0] == "tokens" and len(path) > 2 and path[2] in _SHOWN_OF_TOKENS
