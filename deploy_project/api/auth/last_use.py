"""The last use of each token, in a small file that `deploy-project token list` reads."""

import json
import logging
import threading
import time
from datetime import datetime
from typing import Any, cast

from deploy_project.config import small_files
from deploy_project.config.small_files import NoTextError
from deploy_project.config.state import StateDirectory
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.locks import locked

SECONDS = 60.0
"""The time between two writes of the file."""
_PATIENCE = 5.0
_LOG = logging.getLogger("deploy_project")


class LastUse:
    """The uses of tokens since the file was written last; several fronts may write to it.

    Nothing that a request waits for reads or writes a file.
    """

    def __init__(self, state: StateDirectory, *, seconds: float = SECONDS) -> None:
        self._state, self._seconds = state, seconds
        self._used: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._is_waiting = False
        self._next = 0.0
        self._ended = False

    def note(self, name: str, now: datetime) -> None:
        """Remember that a token was used; the file has it within `SECONDS`."""
        with self._lock:
            self._used[name] = now
            if not self._is_waiting and not self._ended:
                wait = max(0.0, self._next - time.monotonic())
                self._timer, self._is_waiting = threading.Timer(wait, self._write), True
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> None:
        """Write the rest, and nothing any more."""
        with self._lock:
            self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()  # it may be writing
        self._write()

    def _write(self) -> None:
        with self._lock:
            used, self._used, self._is_waiting = self._used, {}, False
            self._next = time.monotonic() + self._seconds
        if not used:
            return
        file = self._state.tokens_used
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._state.tokens_used_lock, seconds=_PATIENCE):
                known = last_uses(self._state)
                newest = {name: max(now, known.get(name, now)) for name, now in used.items()}
                texts = {name: each.isoformat() for name, each in {**known, **newest}.items()}
                small_files.write_text(file, json.dumps(texts, indent=1, sort_keys=True) + "\n")
        except (OSError, Stopped) as error:
            _LOG.warning("The last use of tokens can't be written to %s: %s", file, error)


def last_uses(state: StateDirectory) -> dict[str, datetime]:
    """Return the last use of each token that has been used, by name; none of a broken file."""
    try:
        found: Any = json.loads(small_files.text_of(state.tokens_used))
        entries = cast(dict[str, str], found if isinstance(found, dict) else {})
        return {name: datetime.fromisoformat(text) for name, text in entries.items()}
    except (NoTextError, ValueError, TypeError):
        return {}
