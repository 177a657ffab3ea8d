"""The HTTP protocol of the server, with a limit to the time that a request takes to come."""

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

SECONDS = 20.0
"""The time that a request's head may take, from the first byte of its connection or its own."""


class PunctualProtocol(H11Protocol):
    """uvicorn's own protocol, which waits for a request's head as long as its sender likes."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting as long as no request is whole."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        cycle = cast(RequestResponseCycle | None, self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        if self._is_answering:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(SECONDS, self._end)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        if not self._is_answering:
            self.transport.close()
