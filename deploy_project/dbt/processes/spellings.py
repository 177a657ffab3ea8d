"""The spellings of a secret in text: as it is, escaped for JSON, SQL, URLs, HTML, in base64."""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Shorter secrets are not scrubbed: their value would hit ordinary words and numbers."""
_SHORTEST_BASE64 = 8
_ESCAPE = re.compile("%[0-9A-F]{2}")


def spellings(secret: str) -> set[str]:
    """Return all the texts that would reveal `secret`, or one of its lines."""
    lines = (secret, *secret.splitlines())
    told = {each for line in lines for each in (line, line.strip()) if len(each) >= SHORTEST}
    escaped = {spelling for each in told for spelling in _escaped(each)}
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
