"""Scrubbing: no secret's value leaves this process in text (VAR-4)."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

MASK = "*****"
SHORTEST = 4
"""Shorter secrets are not scrubbed: their value would hit ordinary words and numbers."""


class Scrubber:
    """Replaces every known secret, also as JSON and URLs spell it."""

    def __init__(self, secrets: Collection[str]) -> None:
        worth = {each for secret in secrets for each in (secret, *secret.splitlines())}
        spellings = {
            spelling
            for secret in worth
            if len(secret) >= SHORTEST
            for spelling in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))
        }
        self.secrets = sorted(spellings, key=len, reverse=True)
        self._bytes = [each.encode() for each in self.secrets]

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text

    def file(self, path: Path) -> None:
        """Rewrite `path` without secrets; untouched when it has none."""
        before = path.read_bytes()
        if not any(secret in before for secret in self._bytes):
            return
        after = self._json(before) if path.suffix == ".json" else None
        path.write_bytes(self._anything(before) if after is None else after)

    def directory(self, path: Path) -> None:
        """Rewrite every file below `path` without secrets."""
        if self._bytes:
            for each in path.rglob("*"):
                if each.is_file() and not each.is_symlink():
                    self.file(each)

    def _anything(self, content: bytes) -> bytes:
        for secret in self._bytes:
            content = content.replace(secret, MASK.encode())
        return content

    def _json(self, content: bytes) -> bytes | None:
        """Return JSON without secrets in its texts, still JSON; None when `content` is none."""
        try:
            return json.dumps(self._value(json.loads(content))).encode()
        except ValueError:
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
