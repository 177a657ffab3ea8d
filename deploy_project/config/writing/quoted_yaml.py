"""YAML of plain data with every text in quotes, which is the same as a Jinja template; pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# YAML 1.1 reads these as something else than text.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
# No reader of YAML takes them as they are, or they end a line.
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
# A jobs file is rendered by Jinja where there are vars files; a text must come out as it is.
_JINJA = re.compile(r"(?<=\{)[{%#]")


def quoted_yaml(data: Mapping[str, Any]) -> str:
    """Return the YAML of a mapping: of mappings, lists, texts, numbers, true, false and null.

    Every text is in double quotes, and no `{{`, `{%` or `{#` is in one: Jinja renders the result
    to itself. Raises `TypeError` for data of another type.
    """
    return "".join(f"{line}\n" for line in _lines(data))


def quoted(text: str) -> str:
    """Return a text as a YAML string in double quotes."""
    letters = json.dumps(text, ensure_ascii=False)[1:-1]
    letters = _ESCAPED.sub(_escaped, letters)
    return '"' + _JINJA.sub(_escaped, letters) + '"'


def _escaped(letter: re.Match[str]) -> str:
    return f"\\u{ord(letter[0]):04x}"


def _lines(data: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _entry(f"{_key(key)}:", value)
    else:
        for value in data:
            yield from _item(value)


def _entry(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield key
        below = cast("Mapping[str, Any] | Sequence[Any]", value)
        yield from (f"  {line}" for line in _lines(below))
    else:
        yield f"{key} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        first, *rest = _lines(cast("Mapping[str, Any] | Sequence[Any]", value))
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)
    else:
        yield f"- {_scalar(value)}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else quoted(key)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"{type(value).__name__} is nothing that YAML has")
