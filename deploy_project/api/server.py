"""The server of the application: uvicorn on a socket of its own."""

import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from deploy_project.errors import ConfigError


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


def server(app: Starlette) -> uvicorn.Server:
    """Return a server of `app`; the caller runs it on a socket that is `listening`."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False))
