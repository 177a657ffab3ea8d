"""The scrubbing of secrets from lines and files, in all their spellings (VAR-4)."""

import json
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from deploy_project.config import small_files
from deploy_project.dbt.processes.spellings import spellings

MASK = "*****"
CHUNK = 1 << 20
"""So much of a file is in memory at once; dbt's logs may be larger than that."""


class Scrubber:
    """Replaces every known secret, however it is spelled."""

    def __init__(self, secrets: Collection[str]) -> None:
        found = {spelling for secret in secrets for spelling in spellings(secret)}
        self.secrets = sorted(found, key=len, reverse=True)
        # A file is read as Latin-1, where each byte is a letter: it may hold anything.
        self._in_files = [each.encode().decode("latin-1") for each in self.secrets]
        self._longest = max(map(len, self._in_files), default=1)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text

    def part(self, text: str) -> tuple[str, str]:
        """Return the beginning of `text` without secrets, and its end, which must wait for more.

        The end may hold the first half of a secret.
        """
        return _part(text, self.secrets, len(text) - self._longest + 1)

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
            while self._in_files and (read := stream.read(CHUNK)):
                content = kept + read
                if any(secret in content for secret in self._in_files):
                    return True
                kept = content[-self._longest :]
        return False

    def directory(self, path: Path) -> None:
        """Rewrite every file below `path` without secrets."""
        if self.secrets:
            for each in [*path.rglob("*")]:
                if each.is_file() and not each.is_symlink():
                    self.file(each)

    def _parts(self, stream: TextIO) -> Iterator[str]:
        """Yield the content of `stream` without secrets, a piece at a time."""
        rest = ""
        while read := stream.read(CHUNK):
            content = rest + read
            done, rest = _part(content, self._in_files, len(content) - self._longest + 1)
            yield done
        yield _part(rest, self._in_files, len(rest))[0]

    def _json(self, path: Path) -> bytes | None:
        """Return JSON without secrets in its texts, still JSON; None when `path` holds none."""
        try:
            return json.dumps(self._value(json.loads(path.read_bytes()))).encode()
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


def _opened(path: Path, mode: Literal["r", "w"]) -> TextIO:
    return cast(TextIO, path.open(mode, encoding="latin-1", newline=""))


def _part(text: str, secrets: Sequence[str], end: int) -> tuple[str, str]:
    """Return `text` up to `end` without the secrets that begin there, and the rest as it is.

    A secret that goes beyond `end` is left out whole.
    """
    known = "|".join(re.escape(secret) for secret in secrets if secret in text)
    done: list[str] = []
    begin = 0
    for found in re.finditer(known, text) if known else ():
        if found.start() >= end:
            break
        done += (text[begin : found.start()], MASK)
        begin = found.end()
    end = max(begin, end)
    return "".join((*done, text[begin:end])), text[end:]
