"""The counts of requests by caller, for limits in a minute or an hour."""

import threading
from dataclasses import dataclass, field

_MANY, _MOST = 1_000, 10_000
"""So many callers are counted before past ones are forgotten, and before new ones share a count."""
_SHARED = ""


@dataclass
class _Window:
    begun: float
    count: int = 0


@dataclass
class Counts:
    """The requests of each caller in windows of `seconds`; a window begins with a request."""

    seconds: float = 60.0
    _windows: dict[str, _Window] = field(default_factory=dict[str, _Window], init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def seconds_to_wait(self, caller: str, *, most: int, now: float) -> float:
        """Count a request at `now`; return the rest of its window for one beyond `most`, else 0."""
        with self._lock:
            window = self._windows.get(caller)
            if window is None or now >= window.begun + self.seconds:
                window = self._begin(caller, now)
            window.count += 1
            return window.begun + self.seconds - now if window.count > most else 0.0

    def _begin(self, caller: str, now: float) -> _Window:
        if len(self._windows) >= _MANY:
            ended = now - self.seconds
            self._windows = {
                name: each for name, each in self._windows.items() if each.begun > ended
            }
        if len(self._windows) >= _MOST and caller not in self._windows:
            return self._windows.setdefault(_SHARED, _Window(now))
        window = self._windows[caller] = _Window(now)
        return window
