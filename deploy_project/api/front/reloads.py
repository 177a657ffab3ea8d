"""Reloads of Dagster's code location after jobs were changed over the API, gathered."""

import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.errors import DeployError
from deploy_project.runs.instance.launching import Dagster

GATHER_SECONDS = 3.0
"""The time that further changes have until one reload serves them all."""
_AGAIN_SECONDS = 30.0
_LOG = logging.getLogger("deploy_project")


class Reloads:
    """One reload for all changes of a few seconds, tried again while Dagster does not answer.

    A file in the state directory says which jobs Dagster has loaded last: it is true after a
    restart of the front, and for several of them.
    """

    def __init__(
        self,
        state: StateDirectory,
        dagster: Callable[[], Dagster],
        *,
        gather: float = GATHER_SECONDS,
        again: float = _AGAIN_SECONDS,
    ) -> None:
        self._state, self._dagster = state, dagster
        self._gather, self._again = gather, again
        self._lock, self._one_by_one = threading.Lock(), threading.Lock()
        self._waiting: threading.Timer | None = None
        self._ended = False

    @property
    def are_done(self) -> bool:
        """Whether Dagster has loaded the jobs of the API as they are now, as far as is known."""
        return _text(self._state.api_jobs_loaded) == self._hash()

    def ask(self) -> None:
        """Have the code location loaded again in a moment, unless that is about to happen."""
        self._begin(self._gather)

    def end(self) -> None:
        """Ask for nothing any more; the next front asks for the rest."""
        with self._lock:
            self._ended = True
            if self._waiting is not None:
                self._waiting.cancel()

    def _begin(self, seconds: float) -> None:
        with self._lock:
            if self._waiting is None and not self._ended:
                self._waiting = threading.Timer(seconds, self._reload)
                self._waiting.daemon = True
                self._waiting.start()

    def _reload(self) -> None:
        with self._lock:
            self._waiting = None
        with self._one_by_one:
            if self.are_done:  # by another front, or by the reload before
                return
            loaded = self._hash()  # read before: a change meanwhile may not be loaded
            try:
                self._dagster().reload()
                small_files.write_text(self._state.api_jobs_loaded, loaded)
            except (DeployError, OSError) as error:
                _LOG.warning("Dagster has not loaded the changed jobs yet: %s", error)
                self._begin(self._again)

    def _hash(self) -> str:
        text = _text(self._state.api_jobs)
        return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _text(file: Path) -> str:
    try:
        return small_files.text_of(file)
    except small_files.NoTextError:
        return ""
