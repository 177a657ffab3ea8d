"""The limits of a request before anything reads it: its path, its size, and its time."""

import asyncio
import re
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy_project.api.http import envelope
from deploy_project.api.http.problems import ApiError, not_found

LARGEST_BODY = 1 << 20
LONGEST_PATH = 2_000
LONGEST_QUERY = 16_000
SECONDS = 30.0
"""The time that the body of a request may take to arrive."""
# Control characters, and bytes that were no UTF-8: no object has them in its name.
_UNUSABLE = re.compile("[\x00-\x1f\x7f\ufffd\ud800-\udfff]|\\\\")


class Intake:
    """The ASGI application that refuses requests too large, too slow, or for no possible path."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        error = _refusal(scope)
        if error is not None:
            return await envelope.refused(error)(scope, receive, send)
        return await self._app(scope, _Punctual(receive, SECONDS), send)


class _Punctual:
    """The messages of a request; those of its body come in time and within the size, or end it."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._until = receive, time.monotonic() + seconds
        self._left, self._is_whole = LARGEST_BODY, False

    async def __call__(self) -> Message:
        if self._is_whole:  # what follows is the end of the connection, whenever that comes
            return await self._receive()
        try:
            left = max(0.0, self._until - time.monotonic())
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            raise ApiError(408, "The body of the request did not arrive in time.") from None
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._left < 0:
            raise too_large()
        return message


def too_large() -> ApiError:
    """Return the error for a body that is too large."""
    return ApiError(413, f"The body is larger than {LARGEST_BODY >> 10} KiB.")


def _refusal(scope: Scope) -> ApiError | None:
    if len(scope["path"]) > LONGEST_PATH or len(scope["query_string"]) > LONGEST_QUERY:
        return ApiError(414, "The address of the request is too long.")
    if _UNUSABLE.search(scope["path"]) or ".." in scope["path"].split("/"):
        return not_found()
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > LARGEST_BODY:
        return too_large()
    return None
