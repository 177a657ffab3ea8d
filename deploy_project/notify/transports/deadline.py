"""The end of a request's time: its connection is cut then, wherever the request is."""

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType


class Deadline:
    """The time of one request; for a timeout alone counts each read, which one byte renews."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._connection: socket.socket | None = None
        self.is_over = False
        """Whether the time was up."""

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._connection is not None:
            self._connection.close()

    def connected(self, addresses: Iterable[str], port: int) -> socket.socket:
        """Return a connection to the first of `addresses` that answers; raise `OSError` for none.

        It is cut at the end, below TLS, too.
        """
        error: OSError = OSError("no address")
        for each in addresses:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                opened = socket.create_connection((each, port), left)
            except OSError as failed:
                error = failed
            else:
                self._connection = opened.dup()  # TLS takes the first one away
                if self.is_over:
                    self._cut()
                return opened
        raise error

    def _cut(self) -> None:
        self.is_over = True
        if self._connection is not None:
            with suppress(OSError):  # the other end may be faster
                self._connection.shutdown(socket.SHUT_RDWR)
