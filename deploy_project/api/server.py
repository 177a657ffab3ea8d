"""The server of the application: uvicorn on a socket of its own, with limits for its clients."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from deploy_project.api.http.punctual import PunctualProtocol
from deploy_project.errors import ConfigError

_LARGEST_HEAD = 128 << 10
"""Bytes of a request's line and headers; longer addresses than are taken get an answer, too."""
_CONNECTIONS = 500
"""Connections at once; beyond, requests are answered 503. Processes may have 1,024 files."""
_IDLE_SECONDS = 15
_ENDING_SECONDS = 10
"""The time that requests have to end when the server does."""
_PROXIES = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7"
"""The addresses that a proxy may have which tells the client's; others are clients themselves."""


@dataclass(frozen=True)
class Certificate:
    """The files of a server's certificate, with those of its authorities, and of its key."""

    chain: Path
    key: Path


@contextmanager
def listening(
    host: str, port: int, *, options: str = "--host and --port"
) -> Generator[socket.socket]:
    """Hold a socket that listens; raise `ConfigError` when the address can't be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"can't listen on {host} port {port}: {error}; choose others with {options}"
        ) from error
    with listener:
        yield listener


def server(
    app: ASGIApp, *, certificate: Certificate | None = None, behind_proxy: bool = False
) -> uvicorn.Server:
    """Return a server of `app`; the caller runs it on a socket that is `listening`.

    Raises `ConfigError` for a certificate that can't be used.
    """
    config = uvicorn.Config(
        app,
        http=PunctualProtocol,
        ws="none",
        log_level="warning",
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips=_PROXIES,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        ssl_certfile=None if certificate is None else str(certificate.chain),
        ssl_keyfile=None if certificate is None else str(certificate.key),
    )
    try:
        config.load()
    except OSError as error:  # an `ssl.SSLError` is one
        raise ConfigError(
            f"--certificate {config.ssl_certfile} with --key {config.ssl_keyfile} can't be used: "
            f"{error}; `deploy-project certificate HOST` makes both"
        ) from error
    return uvicorn.Server(config)
