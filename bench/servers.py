"""Ports of servers that a benchmark starts, and HTTP and GraphQL requests to them."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

from bench.measure import Failed

PATIENCE = 180  # seconds


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def fetched(url: str, body: bytes | None = None) -> bytes:
    """Return the response of `url`; `body` is JSON to post."""
    # Only servers that were started here are asked.
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
        return response.read()


def graphql(url: str, query: str, **variables: Any) -> Any:
    """Return the data that Dagster's UI at `url` answers with."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    answer = json.loads(fetched(f"{url}/graphql", body))
    if "errors" in answer:
        raise Failed(f"Dagster has refused a question: {answer['errors']}")
    return answer["data"]


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once `process` answers; raise `Failed` when it ends, or takes too long."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fetched(url)
            return
        except (urllib.error.URLError, ConnectionError) as error:
            if process.poll() is not None or time.monotonic() > until:
                raise Failed(f"{url} does not answer: {error}") from error
        time.sleep(0.5)
