"""The scrubbing of secrets from lines and files, in all their spellings (VAR-4)."""

import json
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from deploy_project.config import small_files
from deploy_project.dbt.processes.spellings import SHORTEST, cores, patterns, spellings

MASK = "*****"
CHUNK = 1 << 20
"""So much of a file is in memory at once; dbt's logs may be larger than that."""


_BASE64 = re.compile(r"\s*(?P<letters>[A-Za-z0-9+/_-]{4,})={0,2}\s*")
_FULL = 40
_FULL_LINE = re.compile(rf"[A-Za-z0-9+/_-]{{{_FULL}}}")
"""The end of a line that goes on in the next one."""
_PIECE = 4
"""So many letters of base64 in a line of their own are known as a part of a secret; three of them
are two bytes of it."""

_BLANK = frozenset(" \t")

Span = tuple[int, int]


class Scrubber:
    """Replaces every known secret, however it is spelled."""

    def __init__(self, secrets: Collection[str]) -> None:
        found = {spelling for secret in secrets for spelling in spellings(secret)}
        self.secrets = sorted(found, key=len, reverse=True)
        """The usual spellings, for a program that replaces texts while it runs."""
        told = {secret for secret in secrets if len(secret) >= SHORTEST}
        self._in_text = _Finder(told, in_bytes=False)
        self._told = told
        self._guards, self._pieces = self._in_text.first, self._in_text.pieces

    @cached_property
    def _in_files(self) -> "_Finder":
        # A file is read as Latin-1, where each byte is a letter: it may hold anything.
        return _Finder(self._told, in_bytes=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        pieces = self._pieces
        for guard in self._guards:  # most lines have nothing to hide, and this is all they cost
            if guard in text:
                break
        else:
            if (
                text[-4:] not in pieces
                and text[:4] not in pieces
                and text[:1] not in _BLANK
                and "\n" not in text
                and "\\" not in text
            ):
                return text
        spans = self._in_text.spans(text)
        return _masked(text, spans, len(text))[0] if spans else text

    def part(self, text: str) -> tuple[str, str]:
        """Return the beginning of `text` without secrets, and its end, which must wait for more.

        The end may hold the first half of a secret.
        """
        finder = self._in_text
        return _masked(text, finder.spans(text), len(text) - finder.longest + 1)

    def file(self, path: Path) -> None:
        """Rewrite `path` without secrets; untouched when it has none."""
        if not self.is_in(path):
            return
        content = self._json(path) if path.suffix == ".json" else None
        with small_files.replacing(path) as beside:
            if content is not None:
                beside.write_bytes(content)
            else:
                with _opened(path, "r") as before, _opened(beside, "w") as after:
                    after.writelines(self._parts(before))
            shutil.copymode(path, beside)

    def is_in(self, path: Path) -> bool:
        """Return whether a secret is in the file `path`."""
        kept = ""
        with _opened(path, "r") as stream:
            while self._told and (read := stream.read(CHUNK)):
                content = kept + read
                if self._in_files.spans(content):
                    return True
                kept = content[-self._in_files.longest :]
        return False

    def directory(self, path: Path) -> None:
        """Rewrite every file below `path` without secrets."""
        if self._told:
            for each in [*path.rglob("*")]:
                if each.is_file() and not each.is_symlink():
                    self.file(each)

    def _parts(self, stream: TextIO) -> Iterator[str]:
        """Yield the content of `stream` without secrets, a piece at a time."""
        rest, finder = "", self._in_files
        while read := stream.read(CHUNK):
            content = rest + read
            done, rest = _masked(content, finder.spans(content), len(content) - finder.longest + 1)
            yield done
        yield _masked(rest, finder.spans(rest), len(rest))[0]

    def _json(self, path: Path) -> bytes | None:
        """Return JSON without secrets in its texts, still JSON; None when `path` holds none."""
        try:
            return json.dumps(self._value(json.loads(path.read_bytes()))).encode()
        except (ValueError, RecursionError):
            return None

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            entries = cast(dict[str, Any], value)
            return {self.text(key): self._value(each) for key, each in entries.items()}
        if isinstance(value, list):
            return [self._value(each) for each in cast(list[Any], value)]
        return value


def _opened(path: Path, mode: Literal["r", "w"]) -> TextIO:
    return cast(TextIO, path.open(mode, encoding="latin-1", newline=""))


class _Finder:
    """Finds the places of secrets in a text."""

    def __init__(self, secrets: Collection[str], *, in_bytes: bool) -> None:
        found = [each for secret in secrets for each in patterns(secret, in_bytes=in_bytes)]
        self.longest = max((each.longest for each in found), default=1)
        self._guards = [(each.guard, each) for each in found]
        self.first = tuple({guard for guard, _ in self._guards})
        """Texts of which one is in each text that has a secret, apart from wrapped base64."""
        self._halves = [(half, each) for each in found for half in each.halves]
        self._cores = sorted(core for secret in secrets for core in cores(secret))
        self.pieces: dict[str, list[tuple[str, int]]] = {}
        for core in {*self._cores, *(_for_urls(core) for core in self._cores)}:
            for at in range(len(core) - _PIECE + 1):
                self.pieces.setdefault(core[at : at + _PIECE], []).append((core, at))

    def spans(self, text: str) -> list[Span]:
        """Return the places of secrets in `text`, in order; none of them touches another."""
        has_breaks = "\n" in text or "\\n" in text
        due = [each for guard, each in self._guards if guard in text]
        if has_breaks:
            due += [each for half, each in self._halves if half in text]
        found = [match.span() for each in due for match in each.spelled.finditer(text)]
        if text[-_PIECE:] in self.pieces or text[-1:] == "\n":
            found += self._at_end(text.rstrip("\r\n"))
        if text[:_PIECE] in self.pieces or text[:1] in _BLANK:
            found += self._at_begin(text.partition("\n")[0])
        return _merged(found) if found else found

    def _at_end(self, text: str) -> Iterator[Span]:
        """Yield the place of a secret's first letters at the end of a whole line of base64."""
        if _FULL_LINE.fullmatch(text[-_FULL:]):
            for core, at in self.pieces.get(text[-_PIECE:], ()):
                begin = len(text) - at - _PIECE
                if text.endswith(core[: at + _PIECE]):
                    yield begin, len(text)

    def _at_begin(self, text: str) -> Iterator[Span]:
        """Yield the place of a secret's last letters, or of some, at the beginning of a line."""
        line = _BASE64.fullmatch(text)
        letters = line["letters"] if line else ""
        begin = line.start("letters") if line else 0
        for core, at in self.pieces.get(letters[:_PIECE], ()):
            rest = core[at:]
            if letters.startswith(rest) or rest.startswith(letters):
                yield begin, begin + min(len(rest), len(letters))


def _for_urls(core: str) -> str:
    return core.replace("+", "-").replace("/", "_")


def _merged(spans: list[Span]) -> list[Span]:
    """Return the spans in order, those that overlap as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def _masked(text: str, spans: Sequence[Span], end: int) -> tuple[str, str]:
    """Return `text` up to `end` without the secrets that begin there, and the rest as it is.

    A secret that goes beyond `end` is left out whole.
    """
    done: list[str] = []
    begin = 0
    for first, last in spans:
        if first >= end:
            break
        done += (text[begin:first], MASK)
        begin = last
    end = max(begin, end)
    return "".join((*done, text[begin:end])), text[end:]
