"""The spellings of a secret in text: as it is, escaped for JSON, SQL, URLs, HTML, in base64.

`spellings` are the usual ones, for a program that can only replace texts; `patterns` match those,
and any mixture and nesting of them.
"""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from html.entities import html5
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Shorter secrets are not scrubbed: their value would hit ordinary words and numbers."""
_SHORTEST_BASE64 = 8
_ESCAPE = re.compile("%[0-9A-F]{2}")
_PLAIN = re.compile("[A-Za-z0-9]+")
"""What no escape changes."""
_LINE = 76
"""The letters of a line of base64 in mail; most programs have as many, or 64."""
_PERCENT = "%(?:25){0,3}"
_BACKSLASH = rf"(?:\\|{_PERCENT}5[cC])"
_BACKSLASHES = _BACKSLASH + "{1,9}"  # of a JSON inside a JSON inside a JSON
_SLASH, _QUOTE = f"(?:/|{_PERCENT}2[fF])", f"(?:'|{_PERCENT}27)"
_DOUBLE_QUOTE = f'{_BACKSLASH}{{0,9}}(?:"|{_PERCENT}22)'
_ENTITY = f"(?:&|{_PERCENT}26)(?:amp(?:;|{_PERCENT}3[bB])){{0,3}}"
_BREAK = (
    rf"(?:(?:\r?\n|{_BACKSLASHES}r{_BACKSLASHES}n|{_BACKSLASHES}n|(?:%0[dD])?%0[aA])[ \t]{{0,8}})?"
)
_LONGEST_SPELLED, _LONGEST_BREAK = 160, 200
"""The letters that one may become at most, and those of the break of a line."""


@dataclass(frozen=True)
class Pattern:
    """A pattern of a secret's spellings, and the letters to look for first, since that is cheap."""

    secret: str
    """A secret, a line of one, or what base64 has of it."""
    is_base64: bool
    in_bytes: bool
    """Whether it is looked for in UTF-8 that was read as Latin-1."""

    @property
    def guard(self) -> str:
        """The letters in each text that has a spelling in one piece; empty when it has none."""
        return _plainest(self.secret)

    @property
    def halves(self) -> tuple[str, ...]:
        """The guards of a spelling with line breaks in it: each such text has one of them."""
        if not self.is_base64:
            return ()
        first = self.secret[:_LINE]
        middle = len(first) // 2
        return _plainest(first[:middle]), _plainest(first[middle:])

    @property
    def longest(self) -> int:
        """The length of the longest spelling."""
        if self.is_base64:
            return len(self.secret) * (3 + _LONGEST_BREAK)
        return sum(map(_longest, self.secret))

    @cached_property
    def spelled(self) -> re.Pattern[str]:
        """The pattern itself, which takes some milliseconds to make."""
        if self.is_base64:
            return re.compile(_BREAK.join(map(_letter_of_base64, self.secret)))
        letters = (_letter(letter, in_bytes=self.in_bytes) for letter in self.secret)
        return re.compile("".join(letters))


def patterns(secret: str, *, in_bytes: bool) -> Iterator[Pattern]:
    """Yield the patterns of a secret and its lines; `in_bytes` for UTF-8 read as Latin-1."""
    yield from (Pattern(each, is_base64=False, in_bytes=in_bytes) for each in _told(secret))
    yield from (Pattern(each, is_base64=True, in_bytes=in_bytes) for each in cores(secret))


def cores(secret: str) -> set[str]:
    """Return the letters of `secret` in base64 of a longer text, for each place to begin there."""
    if len(secret) < SHORTEST:
        return set()
    return {core for core in _in_base64(secret.encode()) if not {"-", "_"} & {*core}}


def _plainest(text: str) -> str:
    return max(_PLAIN.findall(text), key=len, default="")


def _longest(letter: str) -> int:
    """Return the length of the longest spelling of a letter."""
    if _PLAIN.fullmatch(letter):
        return 1
    return _LONGEST_SPELLED if letter.isascii() else 4 * _LONGEST_SPELLED


def _letter(letter: str, *, in_bytes: bool) -> str:
    """Return a pattern of a letter as any program writes it."""
    if _PLAIN.fullmatch(letter):
        return letter
    coded = letter.encode(errors="surrogatepass")
    units = letter.encode("utf-16-be", errors="surrogatepass")
    shown = re.escape(coded.decode("latin-1") if in_bytes else letter)
    number = f"(?:#|{_PERCENT}23)"
    named = "".join(f"|{name}" for name in _entities().get(letter, ()))
    ways = [
        "".join(f"{_BACKSLASHES}u{_hex(units[at : at + 2])}" for at in range(0, len(units), 2)),
        "".join(f"{_BACKSLASHES}x{_hex(bytes([each]))}" for each in coded),
        f"{_BACKSLASH}{{0,9}}" + "".join(f"{_PERCENT}{_hex(bytes([each]))}" for each in coded),
        f"{_BACKSLASHES}(?:U{_hex(ord(letter).to_bytes(4))}|x{_hex(units[1:])})",
        f"{_ENTITY}(?:{number}0{{0,4}}{ord(letter)}|{number}[xX]0{{0,4}}{_hex_number(letter)}{named})"
        f"(?:;|{_PERCENT}3[bB])",
        *_MORE.get(letter, ()),
        f"{_BACKSLASH}{{0,9}}(?:{shown}){{1,2}}?",  # doubled in SQL, CSV and formats
    ]
    return f"(?:{'|'.join(ways)})"


_MORE = {
    " ": (rf"(?:\+|{_PERCENT}2[bB])",),
    "\\": (f"{_BACKSLASH}{{1,16}}", _SLASH),
    "'": (
        f"{_QUOTE}{_DOUBLE_QUOTE}{_QUOTE}{_DOUBLE_QUOTE}{_QUOTE}",  # in a shell
        f"{_QUOTE}{_BACKSLASHES}{_QUOTE}{_QUOTE}",
    ),
    "\n": (rf"\r\n|(?:{_BACKSLASHES}r)?{_BACKSLASHES}n", f"{_PERCENT}0[dD]{_PERCENT}0[aA]"),
    "\t": (f"{_BACKSLASHES}t",),
    "\r": (f"{_BACKSLASHES}r",),
}


def _hex(content: bytes) -> str:
    return "".join(f"[{each}{each.upper()}]" if each > "9" else each for each in content.hex())


def _hex_number(letter: str) -> str:
    digits = f"{ord(letter):x}"
    return "".join(f"[{each}{each.upper()}]" if each > "9" else each for each in digits)


@cache
def _entities() -> dict[str, list[str]]:
    """Return the names that HTML has for each letter."""
    found: dict[str, list[str]] = {}
    for name, letter in html5.items():
        if name.endswith(";"):
            found.setdefault(letter, []).append(name[:-1])
    return found


def _letter_of_base64(letter: str) -> str:
    if letter == "+":
        return r"(?:[+\-]|%2[bB])"
    return r"(?:\\{0,9}/|_|%2[fF])" if letter == "/" else letter


def _told(secret: str) -> set[str]:
    """Return the secret and its lines, as far as they are long enough to tell something."""
    lines = (secret, *secret.splitlines())
    return {each for line in lines for each in (line, line.strip()) if len(each) >= SHORTEST}


def spellings(secret: str) -> set[str]:
    """Return the usual texts that would reveal `secret`, or one of its lines."""
    escaped = {spelling for each in _told(secret) for spelling in _escaped(each)}
    return escaped.union(_in_base64(secret.encode())) if len(secret) >= SHORTEST else escaped


def _escaped(text: str) -> Iterator[str]:
    yield text
    for in_ascii in (True, False):
        yield json.dumps(text, ensure_ascii=in_ascii)[1:-1]
    yield repr(text)[1:-1]
    yield repr(text.encode())[2:-1]
    yield text.replace("'", "''")  # SQL
    yield text.replace("'", "\\'")
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield html.escape(text)
    for in_url in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield in_url
        yield _ESCAPE.sub(lambda found: found[0].lower(), in_url)


def _in_base64(content: bytes) -> Iterator[str]:
    """Yield the spellings of `content` inside any longer text in base64, such as a login."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        # Three bytes make four letters; those at both ends depend on the neighbours, too.
        first = -(-before * 4 // 3)
        whole = (before + len(content)) * 8 // 6
        core = coded[first:whole]
        if len(core) >= _SHORTEST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")
