"""The audit of the API: a line of JSON for each change, and for each refusal (MSC-7)."""

import fcntl
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_LARGEST = 16 << 20
"""The bytes of the file before it becomes the older one, and the older one goes."""
_LONGEST = 500
_LOG = logging.getLogger("deploy_project")


@dataclass(frozen=True)
class AuditLine:
    """One change that a token has made, or was refused."""

    at: str
    """The time in ISO 8601, in UTC."""
    token: str
    """Its name; empty where the request had none that is known."""
    action: str
    """The action that it needs permission for; the HTTP method where none was asked for."""
    object: str
    """The path of the request."""
    outcome: int
    """The HTTP status of the answer."""
    address: str
    """The caller's; the one that the proxy tells, behind a proxy."""
    remark: str = ""
    """The reason of a refusal, or the thing that was made."""


@dataclass(frozen=True)
class Audit:
    """The file `audit.jsonl` of a state directory; several servers may write to it at once."""

    file: Path

    @property
    def older(self) -> Path:
        """The lines before those of `file`."""
        return self.file.with_suffix(".1.jsonl")

    def write(self, line: AuditLine) -> None:
        """Add a line; a failure is logged, and stops no request."""
        cut = {name: _cut(value) for name, value in asdict(line).items() if value != ""}
        try:
            self._append(json.dumps(cut).encode("ascii") + b"\n")
        except OSError as error:
            _LOG.error("The audit %s can't be written: %s", self.file, error)

    def _append(self, content: bytes) -> None:
        while True:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.file, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not self._is_file(descriptor):
                    continue  # another process has just made it the older one
                if os.fstat(descriptor).st_size + len(content) <= _LARGEST:
                    os.write(descriptor, content)
                    return
                self.file.replace(self.older)
            finally:
                os.close(descriptor)

    def _is_file(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.file.stat())
        except FileNotFoundError:
            return False


def _cut(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
