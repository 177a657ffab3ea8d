"""The addresses that the server answers to: its hosts, and the path before all others.

A page of the Internet may have its own name point at 127.0.0.1 (DNS rebinding), or send a form to
it; the browser tells its host and origin either way.
"""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy_project.api.http import envelope
from deploy_project.api.http.problems import ApiError


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine's own loopback."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class LoopbackOnly:
    """The ASGI application that refuses requests for, or from pages of, other hosts."""

    def __init__(self, app: ASGIApp, *, own_host: Callable[[], str]) -> None:
        """Stand before `app`; `own_host` gives one further name that is meant, or is empty."""
        self._app, self._own_host = app, own_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "http":
            error = self._refusal(Headers(scope=scope))
            if error is not None:
                return await envelope.refused(error)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> ApiError | None:
        host, origin = headers.get("host"), headers.get("origin")
        if host and not self._is_own(f"//{host}"):
            return ApiError(
                421,
                f"This server listens on this machine only, and was asked for {host[:100]!r}: open "
                "http://127.0.0.1, or serve with --behind-proxy, or name the host in `docs_url`.",
            )
        if origin is not None and not self._is_own(origin):
            return ApiError(403, f"Pages of {origin[:100]!r} may not call this server.")
        return None

    def _is_own(self, url: str) -> bool:
        host = host_of(url)
        return bool(host) and (is_loopback(host) or host == self._own_host())


class WithoutPrefix:
    """The ASGI application behind a proxy that names the path that it is reached by."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`; its paths have no `X-Forwarded-Prefix`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request."""
        if scope["type"] == "http":
            prefix = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
            if prefix and scope["path"].startswith(f"{prefix}/"):
                scope = {**scope, "path": scope["path"].removeprefix(prefix)}
        await self._app(scope, receive, send)


def host_of(url: str) -> str:
    """Return the host of a URL in lower case; empty when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
